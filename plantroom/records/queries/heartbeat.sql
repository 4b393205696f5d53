-- What the heartbeat says of pages. `position` is the engine's.

-- name: urgent_pages
SELECT count(*) AS queued,
       min(CASE WHEN NOT EXISTS (
             SELECT 1 FROM outbox AS taken WHERE taken.state = 'accepted' AND taken.created_ns >= page.created_ns
               AND (taken.fault = page.fault OR taken.work_order = page.work_order))
           THEN created_ns END) AS unheard_ns
FROM outbox AS page WHERE state = 'queued' AND severity IN ('danger', 'readiness');

-- name: last_accepted
SELECT a.ended_ns FROM outbox AS page JOIN attempt AS a ON a.outbox = page.id AND a.verdict = 'accepted'
WHERE page.state = 'accepted' ORDER BY page.rowid DESC LIMIT 1;
