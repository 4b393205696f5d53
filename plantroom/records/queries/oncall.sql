-- Who is on duty, for `plantroom oncall`.

-- name: changes_held
-- As they counted or will: from the record on, until the drop. One that was ended by a clock since set back is ended for the engine too.
SELECT team, max(from_ns, at_ns) AS from_ns, CASE state WHEN 'dropped' THEN min(to_ns, ended_ns) ELSE to_ns END AS to_ns, out_person, in_person
FROM roster_change WHERE state = 'ahead' OR ended_ns <= :now_ns ORDER BY seq, id;
