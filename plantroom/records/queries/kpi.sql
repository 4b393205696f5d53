-- name: kpi_orders
-- Orders with a limit within [start, end), or opened within it or shortly before (a hollow acceptance's limit stands in its row alone).
SELECT o.id, o.equipment, coalesce(o.gravest, o.severity) AS severity, o.opened_ns, o.round, o.fault, o.firm, o.accepted_ns, o.closed_ns,
  o.closed_by, o.cause, o.restored_agrees, o.hollow_json, f.rule, f.kind, f.mode, f.parent
FROM work_order o LEFT JOIN fault f ON f.id = o.fault
WHERE o.id IN (SELECT work_order FROM clock WHERE due_ns >= :start_ns AND due_ns < :end_ns)
   OR (o.opened_ns >= :start_ns - 259200000000000 AND o.opened_ns < :end_ns)
ORDER BY o.opened_ns, o.id;

-- name: kpi_clocks
SELECT work_order, name, round, started_ns, due_ns, stopped_ns FROM clock
WHERE work_order IN (SELECT value FROM json_each(:orders));

-- name: kpi_turns
-- When each was closed and opened again by people: both are said with words, so they have a note.
SELECT work_order, at_ns, does FROM order_note
WHERE does IN ('close', 'reopen') AND work_order IN (SELECT value FROM json_each(:orders));

-- name: kpi_machines
-- Whose item time there is at all: one look into the index a machine, not a row of it.
WITH RECURSIVE machine (equipment) AS (
  SELECT min(equipment) FROM item_time
  UNION ALL SELECT (SELECT min(equipment) FROM item_time WHERE equipment > machine.equipment) FROM machine WHERE machine.equipment IS NOT NULL
) SELECT equipment FROM machine WHERE equipment IS NOT NULL;

-- name: kpi_items
-- Each item of one machine over the period, what runs counted up to as_of.
SELECT item, sum(usable_ns + iif(since_ns IS NOT NULL AND state = 'usable', max(0, :as_of_ns - since_ns), 0)) AS usable_ns,
  sum(faulted_ns + iif(since_ns IS NOT NULL AND state = 'faulted', max(0, :as_of_ns - since_ns), 0)) AS faulted_ns,
  sum(unknown_ns + iif(since_ns IS NOT NULL AND state = 'unknown', max(0, :as_of_ns - since_ns), 0)) AS unknown_ns
FROM item_time WHERE equipment = :equipment AND day >= :first AND day < :end GROUP BY item;

-- name: kpi_days
-- All items of these machines by day.
SELECT day, sum(usable_ns + iif(since_ns IS NOT NULL AND state = 'usable', max(0, :as_of_ns - since_ns), 0)) AS usable_ns,
  sum(faulted_ns + iif(since_ns IS NOT NULL AND state = 'faulted', max(0, :as_of_ns - since_ns), 0)) AS faulted_ns,
  sum(unknown_ns + iif(since_ns IS NOT NULL AND state = 'unknown', max(0, :as_of_ns - since_ns), 0)) AS unknown_ns,
  sum(at_eight = 'usable') AS heads_usable, sum(at_eight = 'unknown') AS heads_unknown, sum(at_eight IN ('usable', 'faulted', 'unknown')) AS heads
FROM item_time WHERE equipment IN (SELECT value FROM json_each(:machines)) AND day >= :first AND day < :end GROUP BY day;

-- name: kpi_rescues
SELECT work_order, equipment, known_ns, freed_ns, trapped, injured FROM rescue
WHERE known_ns >= :start_ns AND known_ns < :end_ns ORDER BY known_ns, work_order;

-- name: kpi_kinds
-- Of machines that stand in no site file any more, as far as they ever had a fault.
SELECT equipment, max(kind) AS kind FROM fault WHERE equipment IN (SELECT value FROM json_each(:machines)) GROUP BY equipment;

-- name: newest_signed_period
SELECT period, revision, seq, at_ns, who, first, until, as_of, hash, figures_json, changed_json, reason FROM signed_period
WHERE period = :period ORDER BY revision DESC LIMIT 1;

-- name: signed_periods
SELECT s.period, s.revision, s.at_ns, s.who, s.as_of, s.hash, s.figures_json, s.changed_json, p.text AS reason FROM signed_period s
LEFT JOIN private p ON p.id = s.reason WHERE :period IS NULL OR s.period = :period ORDER BY s.first, s.period, s.revision;

-- name: put_signed_period
INSERT INTO signed_period (period, revision, seq, at_ns, who, first, until, as_of, hash, figures_json, changed_json, reason)
VALUES (:period, :revision, :seq, :at_ns, :who, :first, :until, :as_of, :hash, :figures_json, :changed_json, :reason);
