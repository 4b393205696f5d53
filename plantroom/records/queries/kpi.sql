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

-- name: kpi_items
SELECT equipment, item, day, usable_ns, faulted_ns, unknown_ns, state, since_ns, at_eight FROM item_time
WHERE day >= :first AND day < :end ORDER BY day, equipment, item;

-- name: kpi_rescues
SELECT work_order, equipment, known_ns, freed_ns, trapped, injured FROM rescue
WHERE known_ns >= :start_ns AND known_ns < :end_ns ORDER BY known_ns, work_order;

-- name: kpi_kinds
-- Of machines that stand in no site file any more, as far as they ever had a fault.
SELECT equipment, max(kind) AS kind FROM fault WHERE equipment IN (SELECT value FROM json_each(:machines)) GROUP BY equipment;
