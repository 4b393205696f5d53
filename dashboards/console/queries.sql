-- What the console and the API read from the records of one site. Nothing here writes.
-- :own is a JSON list of the machines whose rows may be seen, NULL for those of all: who sees only what is theirs is kept from the rest
-- here, whatever a page asks. :me is who asks then, :firm whose orders they see besides: those handed to it, with their faults (NULL: none).
-- `+raised_ns`: the few open rows come from their partial index and are sorted, instead of five years being walked in order.

-- name: faults
SELECT id, rule, equipment, kind, severity, condition, mode, no_data, onset_ns, raised_ns, ended_ns, ended_why, text_json, do_json, trace_json,
  work_order, shelved_until_ns, shelf_json, parent
FROM fault
WHERE (:own IS NULL OR equipment IN (SELECT value FROM json_each(:own)) OR work_order IN (SELECT w.id FROM work_order w WHERE w.firm = :firm))
  AND (:condition IS NULL OR condition IN (SELECT value FROM json_each(:condition)))
  AND (:severity IS NULL OR severity IN (SELECT value FROM json_each(:severity)))
  AND (:equipment IS NULL OR equipment = :equipment)
  AND (:before IS NULL OR raised_ns < :before)
ORDER BY raised_ns DESC, id DESC LIMIT :most;

-- name: open_faults
SELECT id, rule, equipment, kind, severity, condition, mode, no_data, onset_ns, raised_ns, ended_ns, ended_why, text_json, do_json, trace_json,
  work_order, shelved_until_ns, shelf_json, parent
FROM fault
WHERE condition IN ('active', 'recovering') AND (:own IS NULL OR equipment IN (SELECT value FROM json_each(:own)) OR work_order IN (SELECT w.id FROM work_order w WHERE w.firm = :firm))
ORDER BY +raised_ns DESC, id DESC LIMIT :most;

-- name: urgent_since
SELECT id, rule, equipment, kind, severity, condition, mode, no_data, onset_ns, raised_ns, ended_ns, ended_why, text_json, do_json, trace_json,
  work_order, shelved_until_ns, shelf_json, parent
FROM fault WHERE raised_ns > :since AND severity IN ('danger', 'readiness') AND mode = 'live' AND :own IS NULL
ORDER BY raised_ns, id LIMIT 500;

-- name: fault
SELECT id, rule, equipment, kind, severity, condition, mode, no_data, onset_ns, raised_ns, ended_ns, ended_why, text_json, do_json, trace_json,
  work_order, shelved_until_ns, shelf_json, parent
FROM fault WHERE id = :id AND (:own IS NULL OR equipment IN (SELECT value FROM json_each(:own)) OR work_order IN (SELECT w.id FROM work_order w WHERE w.firm = :firm));

-- name: severity_changes
SELECT s.at_ns, s.who, s.second, s.before, s.after, p.text, s.due_ns FROM severity_change s LEFT JOIN private p ON p.id = s.reason
WHERE s.fault = :fault AND (:own IS NULL OR s.fault IN (SELECT f.id FROM fault f WHERE f.equipment IN (SELECT value FROM json_each(:own))
  OR f.work_order IN (SELECT w.id FROM work_order w WHERE w.firm = :firm)))
ORDER BY s.seq;

-- name: handings
-- To people of a firm those to it alone.
SELECT h.at_ns, h.who, h.firm, h.does, p.text, h.told_json FROM handing h LEFT JOIN private p ON p.id = h.reason
WHERE h.work_order = :order AND (:own IS NULL OR h.firm = :firm) ORDER BY h.seq, h.does DESC;

-- name: handed
-- The machines of orders that stand and are handed to a firm: what its people have to find and to read.
SELECT DISTINCT equipment FROM work_order WHERE firm = :firm AND state <> 'closed' AND :own IS NOT NULL;

-- name: children
SELECT id, rule, equipment, kind, severity, condition, mode, no_data, onset_ns, raised_ns, ended_ns, ended_why, text_json, do_json, trace_json,
  work_order, shelved_until_ns, shelf_json, parent
FROM fault WHERE parent = :parent AND (:own IS NULL OR equipment IN (SELECT value FROM json_each(:own)))
ORDER BY onset_ns, id LIMIT 500;

-- name: item_days
SELECT item, day, usable_ns, faulted_ns, unknown_ns, state, heard, since_ns FROM item_time
WHERE equipment = :equipment AND day >= :since AND (:own IS NULL OR equipment IN (SELECT value FROM json_each(:own)))
ORDER BY item, day;

-- name: orders
SELECT id, fault, equipment, severity, state, text_json, round, opened_ns, opened_by, accepted_ns, accepted_by, eta_ns, arrived_ns, arrived_by,
  restored_ns, restored_by, restored_agrees, closed_ns, closed_by, cause, remedy, hold_json, hollow_json, phone_json, radio_by, arrived_how,
  gravest, firm
FROM work_order
WHERE (:own IS NULL OR equipment IN (SELECT value FROM json_each(:own)) OR firm = :firm)
  AND (:state IS NULL OR state IN (SELECT value FROM json_each(:state)))
  AND (:equipment IS NULL OR equipment = :equipment)
  AND (:before IS NULL OR opened_ns < :before)
ORDER BY opened_ns DESC, id DESC LIMIT :most;

-- name: open_orders
SELECT id, fault, equipment, severity, state, text_json, round, opened_ns, opened_by, accepted_ns, accepted_by, eta_ns, arrived_ns, arrived_by,
  restored_ns, restored_by, restored_agrees, closed_ns, closed_by, cause, remedy, hold_json, hollow_json, phone_json, radio_by, arrived_how,
  gravest, firm
FROM work_order WHERE state <> 'closed' AND (:own IS NULL OR equipment IN (SELECT value FROM json_each(:own)) OR firm = :firm)
ORDER BY +opened_ns DESC, id DESC LIMIT :most;

-- name: order
SELECT id, fault, equipment, severity, state, text_json, round, opened_ns, opened_by, accepted_ns, accepted_by, eta_ns, arrived_ns, arrived_by,
  restored_ns, restored_by, restored_agrees, closed_ns, closed_by, cause, remedy, hold_json, hollow_json, phone_json, radio_by, arrived_how,
  gravest, firm
FROM work_order WHERE id = :id AND (:own IS NULL OR equipment IN (SELECT value FROM json_each(:own)) OR firm = :firm);

-- name: clocks
SELECT work_order, round, name, started_ns, warn_ns, due_ns, breached_ns, stopped_ns
FROM clock WHERE work_order IN (SELECT value FROM json_each(:orders))
  AND (:own IS NULL OR work_order IN (SELECT w.id FROM work_order w WHERE w.equipment IN (SELECT value FROM json_each(:own)) OR w.firm = :firm))
ORDER BY work_order, round, started_ns, name;

-- name: notes
SELECT n.at_ns, n.who, n.does, p.text, n.phone_json FROM order_note n LEFT JOIN private p ON p.id = n.text WHERE n.work_order = :order
  AND (:own IS NULL OR n.work_order IN (SELECT w.id FROM work_order w WHERE w.equipment IN (SELECT value FROM json_each(:own)) OR w.firm = :firm))
ORDER BY n.seq;

-- name: evidence
SELECT e.hash, e.about, e.target, e.at_ns, e.who, e.kind, e.bytes, p.text FROM evidence e LEFT JOIN private p ON p.id = e.name
WHERE e.about = :about AND e.target = :target AND (:own IS NULL OR e.equipment IN (SELECT value FROM json_each(:own))
  OR (e.about = 'order' AND e.target IN (SELECT w.id FROM work_order w WHERE w.firm = :firm))
  OR (e.about = 'task' AND e.target IN (SELECT p.id FROM plan_task p WHERE p.role = 'third_party' AND p.subject IN (SELECT value FROM json_each(:assess)))))
ORDER BY e.seq, e.hash;

-- name: evidence_by_hash
SELECT e.hash, e.about, e.target, e.at_ns, e.who, e.kind, e.bytes, p.text FROM evidence e LEFT JOIN private p ON p.id = e.name
WHERE e.hash = :hash AND (:own IS NULL OR e.equipment IN (SELECT value FROM json_each(:own))
  OR (e.about = 'order' AND e.target IN (SELECT w.id FROM work_order w WHERE w.firm = :firm))
  OR (e.about = 'task' AND e.target IN (SELECT p.id FROM plan_task p WHERE p.role = 'third_party' AND p.subject IN (SELECT value FROM json_each(:assess)))))
ORDER BY e.seq LIMIT 1;

-- name: people
SELECT id, name FROM person WHERE name IS NOT NULL;

-- name: pages
SELECT id, channel, person, reason, severity, message_json, created_ns, due_ns, state, answer
FROM outbox WHERE (fault = :fault OR work_order = :order) AND (:own IS NULL OR EXISTS (
  SELECT 1 FROM work_order w WHERE w.id = outbox.work_order AND (w.equipment IN (SELECT value FROM json_each(:own)) OR w.firm = :firm)
  UNION ALL SELECT 1 FROM fault f WHERE f.id = outbox.fault AND f.equipment IN (SELECT value FROM json_each(:own))))
ORDER BY created_ns, id LIMIT 500;

-- name: page
SELECT id, channel, person, reason, severity, message_json, created_ns, due_ns, state, answer FROM outbox WHERE id = :id AND :own IS NULL;

-- name: pages_by_id
SELECT id, channel, person, reason, severity, message_json, created_ns, due_ns, state, answer
FROM outbox WHERE id IN (SELECT value FROM json_each(:pages)) AND :own IS NULL;

-- name: attempts
SELECT outbox, n, channel, verdict, answer, started_ns, ended_ns, confirmed
FROM attempt WHERE outbox IN (SELECT value FROM json_each(:pages)) ORDER BY started_ns, outbox, n;

-- name: receipts
SELECT outbox, at_ns, state, text FROM receipt WHERE outbox IN (SELECT value FROM json_each(:pages)) ORDER BY outbox, seq;

-- name: call
SELECT state, chain_json, step, next_ns, count, called_json FROM call WHERE work_order = :order AND (:own IS NULL OR work_order IN (SELECT w.id FROM work_order w WHERE w.equipment IN (SELECT value FROM json_each(:own)) OR w.firm = :firm));

-- name: heads
-- As they are told: the departments, then the manager.
SELECT h.head, h.tell, h.state, h.due_ns, h.next_ns, h.missed_ns, h.acked_ns, h.acked_by,
  (SELECT message_json FROM outbox p WHERE p.work_order = h.work_order AND p.reason = 'major' AND p.message_json ->> 'head' = h.head
   ORDER BY p.rowid DESC LIMIT 1) AS message_json
FROM head_call h JOIN work_order o ON o.id = h.work_order AND o.round = h.round WHERE h.work_order = :order
  AND (:own IS NULL OR o.equipment IN (SELECT value FROM json_each(:own)) OR o.firm = :firm)
ORDER BY CASE h.head WHEN 'engineering' THEN 0 WHEN 'security' THEN 1 WHEN 'service' THEN 2 ELSE 3 END;

-- name: rescue
SELECT r.work_order, r.equipment, r.known_ns, r.reported_ns, r.reported_by, r.answered_ns, r.answered_by, r.staff_ns, r.staff_by, r.called_ns,
  r.called_by, r.unit_ns, r.unit_by, r.freed_ns, r.freed_by, r.trapped, r.injured, r.released_ns, r.released_by
FROM rescue r JOIN work_order o ON o.id = r.work_order AND o.round = r.round WHERE r.work_order = :order
  AND (:own IS NULL OR r.equipment IN (SELECT value FROM json_each(:own)) OR o.firm = :firm);

-- name: rescue_of
SELECT r.work_order, r.equipment, r.known_ns, r.reported_ns, r.reported_by, r.answered_ns, r.answered_by, r.staff_ns, r.staff_by, r.called_ns,
  r.called_by, r.unit_ns, r.unit_by, r.freed_ns, r.freed_by, r.trapped, r.injured, r.released_ns, r.released_by
FROM rescue r JOIN work_order o ON o.id = r.work_order AND o.round = r.round
WHERE r.equipment = :equipment AND o.state <> 'closed' AND r.released_ns IS NULL
  AND (:own IS NULL OR r.equipment IN (SELECT value FROM json_each(:own)))
ORDER BY r.known_ns DESC LIMIT 1;

-- name: changes_ahead
SELECT c.id, c.seq, c.at_ns, c.who, c.kind, c.team, c.from_ns, c.to_ns, c.out_person, c.in_person, p.text, c.state
FROM roster_change c LEFT JOIN private p ON p.id = c.reason WHERE c.state = 'ahead' AND :own IS NULL ORDER BY c.rowid;

-- name: changes_held
-- As in plantroom/records/queries/oncall.sql: as they counted or will.
SELECT c.team, max(c.from_ns, c.at_ns), CASE c.state WHEN 'dropped' THEN min(c.to_ns, c.ended_ns) ELSE c.to_ns END, c.out_person, c.in_person
FROM roster_change c WHERE (c.state = 'ahead' OR c.ended_ns <= :now_ns) AND c.to_ns > :since_ns AND :own IS NULL ORDER BY c.seq, c.id;

-- name: change
SELECT c.id, c.seq, c.at_ns, c.who, c.kind, c.team, c.from_ns, c.to_ns, c.out_person, c.in_person, p.text, c.state
FROM roster_change c LEFT JOIN private p ON p.id = c.reason WHERE c.id = :id AND :own IS NULL;

-- name: handovers
SELECT h.id, h.team, h.open_json, h.given_ns, h.given_by, g.text, h.state, h.taken_ns, h.taken_by, t.text
FROM handover h LEFT JOIN private g ON g.id = h.given_note LEFT JOIN private t ON t.id = h.taken_note
WHERE (:id IS NULL OR h.id = :id) AND :own IS NULL ORDER BY h.rowid DESC LIMIT :most;

-- name: calling
SELECT work_order, next_ns, count FROM call WHERE state = 'calling' AND (:own IS NULL OR work_order IN (SELECT w.id FROM work_order w WHERE w.equipment IN (SELECT value FROM json_each(:own)) OR w.firm = :firm))
ORDER BY work_order;

-- name: command
SELECT id, seq, at_ns, who, does, target, outcome, reason, says_json, state_json, phone_json FROM command WHERE id = :id AND (:own IS NULL OR who = :me);

-- name: position
SELECT seq, wall_ns FROM position;

-- name: outbox_counts
SELECT state, count(*) FROM outbox WHERE :own IS NULL GROUP BY state;

-- name: private
SELECT text FROM private WHERE id = :id;

-- name: room_pages
-- To the duty room: about orders that are open, and of the newest rows what was gathered and is about none.
SELECT id, channel, person, reason, severity, message_json, created_ns, due_ns, state, answer, work_order
FROM outbox WHERE work_order IN (SELECT value FROM json_each(:orders)) AND channel IN (SELECT value FROM json_each(:channels)) AND :own IS NULL
UNION ALL
SELECT id, channel, person, reason, severity, message_json, created_ns, due_ns, state, answer, work_order
FROM outbox
WHERE rowid > (SELECT max(rowid) FROM outbox) - 500 AND work_order IS NULL AND reason = 'monitor' AND created_ns >= :since
  AND channel IN (SELECT value FROM json_each(:channels)) AND :own IS NULL
ORDER BY 7, 1;

-- name: last_restored
-- Of one machine: what somebody has restored, newest first. What went away by itself, or became part of another fault, is no work on it.
SELECT id, text_json, restored_ns, restored_by FROM work_order
WHERE equipment = :equipment AND restored_ns IS NOT NULL AND (:own IS NULL OR equipment IN (SELECT value FROM json_each(:own)) OR firm = :firm)
ORDER BY restored_ns DESC, id DESC LIMIT :most;

-- name: worked_on
SELECT DISTINCT equipment FROM work_order WHERE restored_ns IS NOT NULL AND (:own IS NULL OR equipment IN (SELECT value FROM json_each(:own)) OR firm = :firm);

-- name: plan_tasks
-- To people of a firm those it is to do, to a third party those it may: :assess is the machines it neither supplies nor maintains.
SELECT id, job, subject, entry, role, day, due_day, warn_ns, due_ns, overdue_ns, next_ns, state, created_ns, behind, moved_from, asked_json,
  agreed_by, started_ns, started_by, busy_ns, ended_ns, ended_by, late, note, evidence_json, satisfied_by, counter_due_ns, counter_ns,
  counter_by, counter_order
FROM plan_task WHERE (:own IS NULL OR (role = 'vendor' AND subject IN (SELECT value FROM json_each(:own)))
  OR (role = 'third_party' AND subject IN (SELECT value FROM json_each(:assess))))
  AND (:state IS NULL OR state IN (SELECT value FROM json_each(:state)))
  AND (:subject IS NULL OR subject = :subject OR id IN (SELECT r.task FROM plan_result r WHERE r.equipment = :subject))
  AND (:before IS NULL OR due_ns < :before)
ORDER BY CASE WHEN :newest THEN -due_ns ELSE due_ns END, id LIMIT :most;

-- name: plan_task
SELECT id, job, subject, entry, role, day, due_day, warn_ns, due_ns, overdue_ns, next_ns, state, created_ns, behind, moved_from, asked_json,
  agreed_by, started_ns, started_by, busy_ns, ended_ns, ended_by, late, note, evidence_json, satisfied_by, counter_due_ns, counter_ns,
  counter_by, counter_order
FROM plan_task WHERE id = :id AND (:own IS NULL OR (role = 'vendor' AND subject IN (SELECT value FROM json_each(:own)))
  OR (role = 'third_party' AND subject IN (SELECT value FROM json_each(:assess))));

-- name: plan_results
SELECT r.equipment, r.item, r.outcome, r.value, r.number, r.measured, r.photo, r.work_order
FROM plan_result r JOIN plan_task t ON t.id = r.task WHERE r.task = :task
  AND (:own IS NULL OR (t.role = 'vendor' AND t.subject IN (SELECT value FROM json_each(:own)))
  OR (t.role = 'third_party' AND t.subject IN (SELECT value FROM json_each(:assess))))
ORDER BY r.equipment, r.item;
