-- What the notify service reads. It never writes here.

-- name: waiting_pages
SELECT id, fault, work_order, channel, person, severity, created_ns, due_ns, attempts FROM outbox WHERE state = 'queued'
ORDER BY CASE severity WHEN 'danger' THEN 0 WHEN 'readiness' THEN 1 WHEN 'normal' THEN 2 ELSE 3 END, created_ns, rowid LIMIT 5000;
