-- What the console and the API read from the records of one site. Nothing here writes.
-- `+raised_ns`: the few open rows come from their partial index and are sorted, instead of five years being walked in order.

-- name: faults
SELECT id, rule, equipment, kind, severity, condition, mode, no_data, onset_ns, raised_ns, ended_ns, ended_why, text_json, do_json, trace_json,
  work_order, shelved_until_ns, shelf_json, parent
FROM fault
WHERE (:condition IS NULL OR condition IN (SELECT value FROM json_each(:condition)))
  AND (:severity IS NULL OR severity IN (SELECT value FROM json_each(:severity)))
  AND (:equipment IS NULL OR equipment = :equipment)
  AND (:before IS NULL OR raised_ns < :before)
ORDER BY raised_ns DESC, id DESC LIMIT :most;

-- name: open_faults
SELECT id, rule, equipment, kind, severity, condition, mode, no_data, onset_ns, raised_ns, ended_ns, ended_why, text_json, do_json, trace_json,
  work_order, shelved_until_ns, shelf_json, parent
FROM fault
WHERE condition IN ('active', 'recovering')
ORDER BY +raised_ns DESC, id DESC LIMIT :most;

-- name: fault
SELECT id, rule, equipment, kind, severity, condition, mode, no_data, onset_ns, raised_ns, ended_ns, ended_why, text_json, do_json, trace_json,
  work_order, shelved_until_ns, shelf_json, parent
FROM fault WHERE id = :id;

-- name: children
SELECT id, rule, equipment, kind, severity, condition, mode, no_data, onset_ns, raised_ns, ended_ns, ended_why, text_json, do_json, trace_json,
  work_order, shelved_until_ns, shelf_json, parent
FROM fault WHERE parent = :parent ORDER BY onset_ns, id LIMIT 500;

-- name: item_days
SELECT item, day, usable_ns, faulted_ns, unknown_ns, state, heard, since_ns FROM item_time
WHERE equipment = :equipment AND day >= :since ORDER BY item, day;

-- name: orders
SELECT id, fault, equipment, severity, state, text_json, round, opened_ns, opened_by, accepted_ns, accepted_by, eta_ns, arrived_ns, arrived_by,
  restored_ns, restored_by, restored_agrees, closed_ns, closed_by, cause, remedy, hold_json, hollow_json, radio_by, arrived_how
FROM work_order
WHERE (:state IS NULL OR state IN (SELECT value FROM json_each(:state)))
  AND (:equipment IS NULL OR equipment = :equipment)
  AND (:before IS NULL OR opened_ns < :before)
ORDER BY opened_ns DESC, id DESC LIMIT :most;

-- name: open_orders
SELECT id, fault, equipment, severity, state, text_json, round, opened_ns, opened_by, accepted_ns, accepted_by, eta_ns, arrived_ns, arrived_by,
  restored_ns, restored_by, restored_agrees, closed_ns, closed_by, cause, remedy, hold_json, hollow_json, radio_by, arrived_how
FROM work_order WHERE state <> 'closed' ORDER BY +opened_ns DESC, id DESC LIMIT :most;

-- name: order
SELECT id, fault, equipment, severity, state, text_json, round, opened_ns, opened_by, accepted_ns, accepted_by, eta_ns, arrived_ns, arrived_by,
  restored_ns, restored_by, restored_agrees, closed_ns, closed_by, cause, remedy, hold_json, hollow_json, radio_by, arrived_how
FROM work_order WHERE id = :id;

-- name: clocks
SELECT work_order, round, name, started_ns, warn_ns, due_ns, breached_ns, stopped_ns
FROM clock WHERE work_order IN (SELECT value FROM json_each(:orders)) ORDER BY work_order, round, started_ns, name;

-- name: notes
SELECT n.at_ns, n.who, n.does, p.text FROM order_note n LEFT JOIN private p ON p.id = n.text WHERE n.work_order = :order ORDER BY n.seq;

-- name: people
SELECT id, name FROM person WHERE name IS NOT NULL;

-- name: pages
SELECT id, channel, person, reason, severity, message_json, created_ns, due_ns, state, answer, delivered_ns, read_ns, read_by
FROM outbox WHERE fault = :fault OR work_order = :order ORDER BY created_ns, id LIMIT 500;

-- name: page
SELECT id, channel, person, reason, severity, message_json, created_ns, due_ns, state, answer, delivered_ns, read_ns, read_by FROM outbox WHERE id = :id;

-- name: attempts
SELECT outbox, n, channel, verdict, answer, started_ns, ended_ns, confirmed
FROM attempt WHERE outbox IN (SELECT value FROM json_each(:pages)) ORDER BY started_ns, outbox, n;

-- name: call
SELECT state, chain_json, step, next_ns, count, called_json FROM call WHERE work_order = :order;

-- name: changes_ahead
SELECT c.id, c.seq, c.at_ns, c.who, c.kind, c.team, c.from_ns, c.to_ns, c.out_person, c.in_person, p.text, c.state
FROM roster_change c LEFT JOIN private p ON p.id = c.reason WHERE c.state = 'ahead' ORDER BY c.rowid;

-- name: change
SELECT c.id, c.seq, c.at_ns, c.who, c.kind, c.team, c.from_ns, c.to_ns, c.out_person, c.in_person, p.text, c.state
FROM roster_change c LEFT JOIN private p ON p.id = c.reason WHERE c.id = :id;

-- name: handovers
SELECT h.id, h.team, h.open_json, h.given_ns, h.given_by, g.text, h.state, h.taken_ns, h.taken_by, t.text
FROM handover h LEFT JOIN private g ON g.id = h.given_note LEFT JOIN private t ON t.id = h.taken_note
WHERE :id IS NULL OR h.id = :id ORDER BY h.rowid DESC LIMIT :most;

-- name: calling
SELECT work_order, next_ns, count FROM call WHERE state = 'calling' ORDER BY work_order;

-- name: command
SELECT id, seq, at_ns, who, does, target, outcome, reason, says_json, state_json FROM command WHERE id = :id;

-- name: position
SELECT seq, wall_ns FROM position;

-- name: outbox_counts
SELECT state, count(*) FROM outbox GROUP BY state;

-- name: private
SELECT text FROM private WHERE id = :id;

-- name: room_pages
-- To the duty room: about orders that are open, and of the newest rows what was gathered and is about none.
SELECT id, channel, person, reason, severity, message_json, created_ns, due_ns, state, answer, delivered_ns, read_ns, read_by, work_order
FROM outbox WHERE work_order IN (SELECT value FROM json_each(:orders)) AND channel IN (SELECT value FROM json_each(:channels))
UNION ALL
SELECT id, channel, person, reason, severity, message_json, created_ns, due_ns, state, answer, delivered_ns, read_ns, read_by, work_order
FROM outbox
WHERE rowid > (SELECT max(rowid) FROM outbox) - 500 AND work_order IS NULL AND reason = 'monitor' AND created_ns >= :since
  AND channel IN (SELECT value FROM json_each(:channels))
ORDER BY 7, 1;
