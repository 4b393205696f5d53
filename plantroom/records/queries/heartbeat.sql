-- What the heartbeat says of pages. `position` is the engine's.

-- name: urgent_pages
-- A normal page may have been gathered, and waits from its first try on, or from when it was due.
SELECT count(CASE WHEN severity IN ('danger', 'readiness') THEN 1 END) AS queued,
       min(CASE WHEN NOT EXISTS (
             SELECT 1 FROM outbox AS taken WHERE taken.state = 'accepted' AND taken.created_ns >= page.created_ns
               AND (taken.fault = page.fault OR taken.work_order = page.work_order
                 OR (page.fault IS NULL AND page.work_order IS NULL AND taken.fault IS NULL AND taken.work_order IS NULL
                   AND taken.created_ns = page.created_ns)))
           THEN CASE WHEN severity <> 'normal' THEN created_ns
             ELSE coalesce((SELECT min(started_ns) FROM attempt WHERE outbox = page.id), max(due_ns, created_ns)) END END) AS unheard_ns
FROM outbox AS page WHERE state = 'queued' AND severity IN ('danger', 'readiness', 'normal');

-- name: last_accepted
SELECT a.ended_ns FROM outbox AS page JOIN attempt AS a ON a.outbox = page.id AND a.verdict = 'accepted'
WHERE page.state = 'accepted' ORDER BY page.rowid DESC LIMIT 1;
