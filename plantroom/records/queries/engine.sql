-- What the rules engine reads at its start and writes in its one transaction. Nobody else writes records.db.

-- name: position
SELECT seq, wall_ns, boot_ns, boot FROM position;

-- name: set_position
INSERT INTO position (one, seq, wall_ns, boot_ns, boot) VALUES (1, :seq, :wall_ns, :boot_ns, :boot)
ON CONFLICT (one) DO UPDATE SET seq = excluded.seq, wall_ns = excluded.wall_ns, boot_ns = excluded.boot_ns, boot = excluded.boot;

-- name: open_conditions
SELECT equipment, rule, state, since_ns, at_ns, fault, trace_json FROM condition ORDER BY equipment, rule;

-- name: put_condition
INSERT INTO condition (equipment, rule, state, since_ns, at_ns, fault, trace_json)
VALUES (:equipment, :rule, :state, :since_ns, :at_ns, :fault, :trace_json)
ON CONFLICT (equipment, rule) DO UPDATE SET state = excluded.state, since_ns = excluded.since_ns, at_ns = excluded.at_ns, fault = excluded.fault,
  trace_json = excluded.trace_json;

-- name: drop_condition
DELETE FROM condition WHERE equipment = :equipment AND rule = :rule;

-- name: open_faults
SELECT id, rule, rule_hash, equipment, kind, severity, condition, mode, no_data, onset_ns, raised_ns, text_json, do_json, trace_json,
  ended_ns, ended_why, work_order, shelved_until_ns, shelf_json, parent, presented
FROM fault
WHERE condition IN ('active', 'recovering') OR work_order IN (SELECT id FROM work_order WHERE state <> 'closed')
ORDER BY raised_ns, id;

-- name: fault
SELECT id, rule, rule_hash, equipment, kind, severity, condition, mode, no_data, onset_ns, raised_ns, text_json, do_json, trace_json,
  ended_ns, ended_why, work_order, shelved_until_ns, shelf_json, parent, presented
FROM fault WHERE id = :id;

-- name: faults_of
SELECT id, rule, rule_hash, equipment, kind, severity, condition, mode, no_data, onset_ns, raised_ns, text_json, do_json, trace_json,
  ended_ns, ended_why, work_order, shelved_until_ns, shelf_json, parent, presented
FROM fault WHERE work_order = :work_order ORDER BY raised_ns, id;

-- name: put_fault
INSERT INTO fault (id, rule, rule_hash, equipment, kind, severity, condition, mode, no_data, onset_ns, raised_ns, text_json, do_json, trace_json,
  ended_ns, ended_why, work_order, shelved_until_ns, shelf_json, parent, presented)
VALUES (:id, :rule, :rule_hash, :equipment, :kind, :severity, :condition, :mode, :no_data, :onset_ns, :raised_ns, :text_json, :do_json, :trace_json,
  :ended_ns, :ended_why, :work_order, :shelved_until_ns, :shelf_json, :parent, :presented)
ON CONFLICT (id) DO UPDATE SET severity = excluded.severity, condition = excluded.condition, mode = excluded.mode, no_data = excluded.no_data, trace_json = excluded.trace_json,
  ended_ns = excluded.ended_ns, ended_why = excluded.ended_why, work_order = excluded.work_order, shelved_until_ns = excluded.shelved_until_ns,
  shelf_json = excluded.shelf_json, parent = excluded.parent, presented = excluded.presented;

-- name: open_orders
SELECT id, fault, equipment, severity, state, text_json, opened_ns, opened_by, round, accepted_ns, accepted_by, eta_ns, arrived_ns, arrived_by,
  restored_ns, restored_by, restored_agrees, closed_ns, closed_by, cause, remedy, hold_json, hollow_json, phone_json, radio_by, arrived_how, gravest, firm, firm_told
FROM work_order WHERE state <> 'closed' ORDER BY opened_ns, id;

-- name: work_order
SELECT id, fault, equipment, severity, state, text_json, opened_ns, opened_by, round, accepted_ns, accepted_by, eta_ns, arrived_ns, arrived_by,
  restored_ns, restored_by, restored_agrees, closed_ns, closed_by, cause, remedy, hold_json, hollow_json, phone_json, radio_by, arrived_how, gravest, firm, firm_told
FROM work_order WHERE id = :id;

-- name: put_order
INSERT INTO work_order (id, fault, equipment, severity, state, text_json, opened_ns, opened_by, round, accepted_ns, accepted_by, eta_ns, arrived_ns,
  arrived_by, restored_ns, restored_by, restored_agrees, closed_ns, closed_by, cause, remedy, hold_json, hollow_json, phone_json, radio_by, arrived_how,
  gravest, firm, firm_told)
VALUES (:id, :fault, :equipment, :severity, :state, :text_json, :opened_ns, :opened_by, :round, :accepted_ns, :accepted_by, :eta_ns, :arrived_ns,
  :arrived_by, :restored_ns, :restored_by, :restored_agrees, :closed_ns, :closed_by, :cause, :remedy, :hold_json, :hollow_json, :phone_json, :radio_by, :arrived_how,
  :gravest, :firm, :firm_told)
ON CONFLICT (id) DO UPDATE SET severity = excluded.severity, state = excluded.state, round = excluded.round, accepted_ns = excluded.accepted_ns, accepted_by = excluded.accepted_by,
  eta_ns = excluded.eta_ns, arrived_ns = excluded.arrived_ns, arrived_by = excluded.arrived_by, restored_ns = excluded.restored_ns,
  restored_by = excluded.restored_by, restored_agrees = excluded.restored_agrees, closed_ns = excluded.closed_ns, closed_by = excluded.closed_by,
  cause = excluded.cause, remedy = excluded.remedy, hold_json = excluded.hold_json, hollow_json = excluded.hollow_json,
  phone_json = excluded.phone_json, radio_by = excluded.radio_by, arrived_how = excluded.arrived_how,
  gravest = excluded.gravest, firm = excluded.firm, firm_told = excluded.firm_told;

-- name: reopenable_orders
SELECT id, fault, equipment, severity, state, text_json, opened_ns, opened_by, round, accepted_ns, accepted_by, eta_ns, arrived_ns, arrived_by,
  restored_ns, restored_by, restored_agrees, closed_ns, closed_by, cause, remedy, hold_json, hollow_json, phone_json, radio_by, arrived_how, gravest, firm, firm_told
FROM work_order WHERE state = 'closed' AND closed_ns >= :since_ns ORDER BY opened_ns, id;

-- name: reopenable_faults
SELECT id, rule, rule_hash, equipment, kind, severity, condition, mode, no_data, onset_ns, raised_ns, text_json, do_json, trace_json,
  ended_ns, ended_why, work_order, shelved_until_ns, shelf_json, parent, presented
FROM fault
WHERE condition NOT IN ('active', 'recovering') AND work_order IN (SELECT id FROM work_order WHERE state = 'closed' AND closed_ns >= :since_ns)
ORDER BY raised_ns, id;

-- name: clocks_of_orders
SELECT work_order, name, round, started_ns, warn_ns, due_ns, warned_ns, breached_ns, stopped_ns
FROM clock WHERE work_order IN (SELECT value FROM json_each(:orders)) ORDER BY work_order, round, name;

-- name: running_clocks
SELECT work_order, name, round, started_ns, warn_ns, due_ns, warned_ns, breached_ns, stopped_ns
FROM clock WHERE stopped_ns IS NULL ORDER BY work_order, round, name;

-- name: clock_began
SELECT started_ns FROM clock WHERE work_order = :work_order AND name = :name AND round = :round;

-- name: put_severity_change
INSERT INTO severity_change (fault, seq, at_ns, who, second, before, after, reason, due_ns)
VALUES (:fault, :seq, :at_ns, :who, :second, :before, :after, :reason, :due_ns);

-- name: put_handing
INSERT INTO handing (work_order, seq, at_ns, who, firm, does, reason, told_json)
VALUES (:work_order, :seq, :at_ns, :who, :firm, :does, :reason, :told_json);

-- name: put_clock
INSERT INTO clock (work_order, name, round, started_ns, warn_ns, due_ns, warned_ns, breached_ns, stopped_ns)
VALUES (:work_order, :name, :round, :started_ns, :warn_ns, :due_ns, :warned_ns, :breached_ns, :stopped_ns)
ON CONFLICT (work_order, name, round) DO UPDATE SET started_ns = excluded.started_ns, warn_ns = excluded.warn_ns, due_ns = excluded.due_ns,
  warned_ns = excluded.warned_ns, breached_ns = excluded.breached_ns, stopped_ns = excluded.stopped_ns;

-- name: standing_calls
-- Of orders that are not closed.
SELECT work_order, state, chain_json, began_ns, step, next_ns, count, called_json, asked_ns, taken_ns, widened
FROM call WHERE state <> 'over' ORDER BY work_order;

-- name: call
SELECT work_order, state, chain_json, began_ns, step, next_ns, count, called_json, asked_ns, taken_ns, widened
FROM call WHERE work_order = :work_order;

-- name: calls_of_orders
SELECT work_order, state, chain_json, began_ns, step, next_ns, count, called_json, asked_ns, taken_ns, widened
FROM call WHERE work_order IN (SELECT value FROM json_each(:orders)) ORDER BY work_order;

-- name: put_call
INSERT INTO call (work_order, state, chain_json, began_ns, step, next_ns, count, called_json, asked_ns, taken_ns, widened)
VALUES (:work_order, :state, :chain_json, :began_ns, :step, :next_ns, :count, :called_json, :asked_ns, :taken_ns, :widened)
ON CONFLICT (work_order) DO UPDATE SET state = excluded.state, chain_json = excluded.chain_json, began_ns = excluded.began_ns, step = excluded.step, next_ns = excluded.next_ns,
  count = excluded.count, called_json = excluded.called_json, asked_ns = excluded.asked_ns, taken_ns = excluded.taken_ns, widened = excluded.widened;

-- name: standing_rescues
-- The newest round of each order that is not closed.
SELECT r.* FROM rescue r JOIN work_order o ON o.id = r.work_order AND o.round = r.round WHERE o.state <> 'closed' ORDER BY r.work_order;

-- name: rescue
SELECT r.* FROM rescue r JOIN work_order o ON o.id = r.work_order AND o.round = r.round WHERE r.work_order = :work_order;

-- name: rescues_of_orders
SELECT * FROM rescue WHERE work_order IN (SELECT value FROM json_each(:orders)) ORDER BY work_order, round;

-- name: put_rescue
INSERT INTO rescue (work_order, round, equipment, known_ns, reported_ns, reported_by, answered_ns, answered_by, staff_ns, staff_by, called_ns,
  called_by, unit_ns, unit_by, freed_ns, freed_by, trapped, injured, released_ns, released_by)
VALUES (:work_order, :round, :equipment, :known_ns, :reported_ns, :reported_by, :answered_ns, :answered_by, :staff_ns, :staff_by, :called_ns,
  :called_by, :unit_ns, :unit_by, :freed_ns, :freed_by, :trapped, :injured, :released_ns, :released_by)
ON CONFLICT (work_order, round) DO UPDATE SET reported_ns = excluded.reported_ns, reported_by = excluded.reported_by,
  answered_ns = excluded.answered_ns, answered_by = excluded.answered_by, staff_ns = excluded.staff_ns, staff_by = excluded.staff_by,
  called_ns = excluded.called_ns, called_by = excluded.called_by, unit_ns = excluded.unit_ns, unit_by = excluded.unit_by,
  freed_ns = excluded.freed_ns, freed_by = excluded.freed_by, trapped = excluded.trapped, injured = excluded.injured,
  released_ns = excluded.released_ns, released_by = excluded.released_by;

-- name: standing_head_calls
SELECT h.* FROM head_call h JOIN work_order o ON o.id = h.work_order AND o.round = h.round WHERE o.state <> 'closed'
ORDER BY h.work_order, h.head;

-- name: head_calls
SELECT h.* FROM head_call h JOIN work_order o ON o.id = h.work_order AND o.round = h.round WHERE h.work_order = :work_order ORDER BY h.head;

-- name: head_calls_of_orders
SELECT * FROM head_call WHERE work_order IN (SELECT value FROM json_each(:orders)) ORDER BY work_order, round, head;

-- name: put_head_call
INSERT INTO head_call (work_order, round, head, tell, state, began_ns, due_ns, repeat_ns, next_ns, count, called_json, missed_ns, acked_ns, acked_by)
VALUES (:work_order, :round, :head, :tell, :state, :began_ns, :due_ns, :repeat_ns, :next_ns, :count, :called_json, :missed_ns, :acked_ns, :acked_by)
ON CONFLICT (work_order, round, head) DO UPDATE SET state = excluded.state, began_ns = excluded.began_ns, due_ns = excluded.due_ns,
  next_ns = excluded.next_ns, count = excluded.count, called_json = excluded.called_json, missed_ns = excluded.missed_ns,
  acked_ns = excluded.acked_ns, acked_by = excluded.acked_by;

-- name: queued_pages
SELECT id, fault, work_order, channel, reason, severity, message_json, created_ns, due_ns, state, attempts, answer, person, answered_ns
FROM outbox WHERE state = 'queued' ORDER BY created_ns, id;

-- name: page
SELECT id, fault, work_order, channel, reason, severity, message_json, created_ns, due_ns, state, attempts, answer, person, answered_ns
FROM outbox WHERE id = :id;

-- name: pages_of_orders
SELECT id, fault, work_order, channel, reason, severity, message_json, created_ns, due_ns, state, attempts, answer, person, answered_ns
FROM outbox WHERE work_order IN (SELECT value FROM json_each(:orders)) ORDER BY created_ns, id;

-- name: put_page
INSERT INTO outbox (id, fault, work_order, channel, person, reason, severity, message_json, created_ns, due_ns, state, attempts, answer,
  answered_ns)
VALUES (:id, :fault, :work_order, :channel, :person, :reason, :severity, :message_json, :created_ns, :due_ns, :state, :attempts, :answer,
  :answered_ns)
ON CONFLICT (id) DO UPDATE SET message_json = excluded.message_json, created_ns = excluded.created_ns, due_ns = excluded.due_ns, state = excluded.state, attempts = excluded.attempts, answer = excluded.answer,
  answered_ns = excluded.answered_ns;

-- name: newest_tests
-- Of each person the newest round of test pages: they are written together.
SELECT person, created_ns, max(answered_ns) AS answered_ns FROM outbox o
WHERE reason = 'test' AND created_ns = (SELECT max(created_ns) FROM outbox WHERE reason = 'test' AND person = o.person)
GROUP BY person ORDER BY person;

-- name: put_attempt
INSERT INTO attempt (outbox, n, channel, verdict, answer, started_ns, ended_ns, confirmed)
VALUES (:outbox, :n, :channel, :verdict, :answer, :started_ns, :ended_ns, :confirmed);

-- name: put_receipt
INSERT INTO receipt (outbox, seq, at_ns, state, text) VALUES (:outbox, :seq, :at_ns, :state, :text);

-- name: outcome
SELECT id, seq, at_ns, who, does, target, outcome, reason, says_json, state_json FROM command WHERE id = :id;

-- name: put_outcome
INSERT INTO command (id, seq, at_ns, who, does, target, outcome, reason, says_json, state_json, phone_json)
VALUES (:id, :seq, :at_ns, :who, :does, :target, :outcome, :reason, :says_json, :state_json, :phone_json);

-- name: put_note
INSERT INTO order_note (work_order, seq, at_ns, who, does, text, phone_json)
VALUES (:work_order, :seq, :at_ns, :who, :does, :text, :phone_json);

-- name: put_person
INSERT INTO person (id, name) VALUES (:id, :name) ON CONFLICT (id) DO UPDATE SET name = excluded.name;

-- name: persons
SELECT id, name FROM person WHERE name IS NOT NULL;

-- name: put_config
INSERT INTO config (seq, hash, at_ns, who, difference) VALUES (:seq, :hash, :at_ns, :who, :difference);

-- name: config_seqs
SELECT seq FROM config ORDER BY seq DESC;

-- name: newest_config
SELECT seq, hash, at_ns, who, difference FROM config ORDER BY seq DESC LIMIT 1;

-- name: put_private
INSERT INTO private (id, seq, field, salt, text) VALUES (:id, :seq, :field, :salt, :text);

-- name: hidden
SELECT id, salt FROM private WHERE seq = :seq AND field = :field;

-- name: put_skipped
INSERT INTO skipped (id, seq, at_ns, record, does, kind, equipment, error, place, last_seq, last_ns, count)
VALUES (:id, :seq, :at_ns, :record, :does, :kind, :equipment, :error, :place, :last_seq, :last_ns, :count)
ON CONFLICT (id) DO UPDATE SET last_seq = excluded.last_seq, last_ns = excluded.last_ns, count = excluded.count;

-- name: newest_skipped
-- The newest row of each cause. Not by time: the wall clock may have been set since.
SELECT id, seq, at_ns, record, does, kind, equipment, error, place, max(last_seq) AS last_seq, last_ns, count
FROM skipped GROUP BY record, does, kind, equipment, place ORDER BY seq, id;

-- name: recent_faults
-- What was shown to people lately, for alarm rates; the monitor's own are no alarms.
SELECT equipment, rule, raised_ns, presented, severity FROM fault
WHERE raised_ns > :since_ns AND presented <> 0 AND mode = 'live' AND kind <> 'monitor' ORDER BY raised_ns, id;

-- name: running_items
SELECT equipment, item, day, usable_ns, faulted_ns, unknown_ns, state, heard, since_ns, at_eight FROM item_time WHERE since_ns IS NOT NULL ORDER BY equipment, item;

-- name: item_day
SELECT equipment, item, day, usable_ns, faulted_ns, unknown_ns, state, heard, since_ns, at_eight FROM item_time
WHERE equipment = :equipment AND item = :item AND day = :day;

-- name: changes_ahead
SELECT id, seq, at_ns, who, kind, team, from_ns, to_ns, out_person, in_person, reason, state, ended_ns, ended_by
FROM roster_change WHERE state = 'ahead' ORDER BY seq, id;

-- name: put_roster_change
INSERT INTO roster_change (id, seq, at_ns, who, kind, team, from_ns, to_ns, out_person, in_person, reason, state, ended_ns, ended_by)
VALUES (:id, :seq, :at_ns, :who, :kind, :team, :from_ns, :to_ns, :out_person, :in_person, :reason, :state, :ended_ns, :ended_by)
ON CONFLICT (id) DO UPDATE SET state = excluded.state, ended_ns = excluded.ended_ns, ended_by = excluded.ended_by;

-- name: handovers_waiting
SELECT id, seq, team, open_json, given_ns, given_by, given_note, state, taken_ns, taken_by, taken_note
FROM handover WHERE state = 'given' ORDER BY seq, id;

-- name: urgent_since
SELECT id, rule, rule_hash, equipment, kind, severity, condition, mode, no_data, onset_ns, raised_ns, text_json, do_json, trace_json,
  ended_ns, ended_why, work_order, shelved_until_ns, shelf_json, parent, presented
FROM fault WHERE raised_ns > :since_ns AND severity IN ('danger', 'readiness') AND mode = 'live' ORDER BY raised_ns, id;

-- name: put_handover
INSERT INTO handover (id, seq, team, open_json, given_ns, given_by, given_note, state, taken_ns, taken_by, taken_note)
VALUES (:id, :seq, :team, :open_json, :given_ns, :given_by, :given_note, :state, :taken_ns, :taken_by, :taken_note)
ON CONFLICT (id) DO UPDATE SET state = excluded.state, taken_ns = excluded.taken_ns, taken_by = excluded.taken_by,
  taken_note = excluded.taken_note;

-- name: put_item
INSERT INTO item_time (equipment, item, day, usable_ns, faulted_ns, unknown_ns, state, heard, since_ns, at_eight)
VALUES (:equipment, :item, :day, :usable_ns, :faulted_ns, :unknown_ns, :state, :heard, :since_ns, :at_eight)
ON CONFLICT (equipment, item, day) DO UPDATE SET usable_ns = excluded.usable_ns, faulted_ns = excluded.faulted_ns,
  unknown_ns = excluded.unknown_ns, state = excluded.state, heard = excluded.heard, since_ns = excluded.since_ns, at_eight = excluded.at_eight;
