-- What the notify service reads. It never writes here.

-- name: waiting_pages
SELECT id, fault, work_order, channel, person, severity, created_ns, due_ns, attempts FROM outbox WHERE state = 'queued'
ORDER BY CASE severity WHEN 'danger' THEN 0 WHEN 'readiness' THEN 1 WHEN 'normal' THEN 2 ELSE 3 END, created_ns, rowid LIMIT 5000;

-- name: standing_orders
-- Of these orders how they stand, and who has them.
SELECT o.id, o.state, coalesce(o.restored_by, o.arrived_by, o.accepted_by) AS holder, p.name
FROM work_order o LEFT JOIN person p ON p.id = coalesce(o.restored_by, o.arrived_by, o.accepted_by)
WHERE o.id IN (SELECT value FROM json_each(:orders));

-- name: left_since
-- What was sent to persons since then, oldest first: providers count it.
SELECT a.channel, o.person, a.started_ns FROM attempt a JOIN outbox o ON o.id = a.outbox
WHERE o.person IS NOT NULL AND a.started_ns > :since_ns ORDER BY a.started_ns;

-- name: chronicle_head
SELECT n, hash FROM chronicle ORDER BY n DESC LIMIT 1;
