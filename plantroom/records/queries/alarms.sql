-- For alarm figures: what was raised before an instant and had not ended before another.

-- name: alarms_within
SELECT equipment, rule, kind, severity, mode, raised_ns, ended_ns, parent, presented FROM fault
WHERE raised_ns < :end_ns AND (raised_ns >= :start_ns OR ended_ns IS NULL OR ended_ns >= :start_ns) ORDER BY raised_ns, id;
