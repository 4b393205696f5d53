-- What the engine reads and writes of the maintenance plan.

-- name: standing_tasks
-- Open ones, and those that wait for our side's signature.
SELECT id, seq, job, subject, entry, role, shape, day, due_day, warn_ns, due_ns, overdue_ns, next_ns, state, created_ns, behind,
  moved_from, asked_json, agreed_by, started_ns, started_by, busy_ns, suppress_json, ended_ns, ended_by, late, note, evidence_json,
  satisfied_by, counter_from, counter_due_ns, counter_ns, counter_by, counter_order
FROM plan_task WHERE state IN ('scheduled', 'due_soon', 'due', 'overdue') OR (counter_due_ns IS NOT NULL AND counter_ns IS NULL)
ORDER BY seq, id;

-- name: plan_task
SELECT id, seq, job, subject, entry, role, shape, day, due_day, warn_ns, due_ns, overdue_ns, next_ns, state, created_ns, behind,
  moved_from, asked_json, agreed_by, started_ns, started_by, busy_ns, suppress_json, ended_ns, ended_by, late, note, evidence_json,
  satisfied_by, counter_from, counter_due_ns, counter_ns, counter_by, counter_order
FROM plan_task WHERE id = :id;

-- name: newest_tasks
-- Of each job the newest that was kept or missed: what the next date is counted from.
SELECT id, seq, job, subject, entry, role, shape, day, due_day, warn_ns, due_ns, overdue_ns, next_ns, state, created_ns, behind,
  moved_from, asked_json, agreed_by, started_ns, started_by, busy_ns, suppress_json, ended_ns, ended_by, late, note, evidence_json,
  satisfied_by, counter_from, counter_due_ns, counter_ns, counter_by, counter_order
FROM plan_task AS t WHERE state IN ('done', 'excused', 'missed') AND rowid = (
  SELECT max(rowid) FROM plan_task AS n WHERE n.job = t.job AND n.state IN ('done', 'excused', 'missed'))
ORDER BY seq, id;

-- name: newest_task
SELECT id, seq, job, subject, entry, role, shape, day, due_day, warn_ns, due_ns, overdue_ns, next_ns, state, created_ns, behind,
  moved_from, asked_json, agreed_by, started_ns, started_by, busy_ns, suppress_json, ended_ns, ended_by, late, note, evidence_json,
  satisfied_by, counter_from, counter_due_ns, counter_ns, counter_by, counter_order
FROM plan_task WHERE job = :job AND state IN ('done', 'excused', 'missed') ORDER BY created_ns DESC, rowid DESC LIMIT 1;

-- name: put_plan_task
INSERT INTO plan_task (id, seq, job, subject, entry, role, shape, day, due_day, warn_ns, due_ns, overdue_ns, next_ns, state, created_ns, behind,
  moved_from, asked_json, agreed_by, started_ns, started_by, busy_ns, suppress_json, ended_ns, ended_by, late, note, evidence_json,
  satisfied_by, counter_from, counter_due_ns, counter_ns, counter_by, counter_order)
VALUES (:id, :seq, :job, :subject, :entry, :role, :shape, :day, :due_day, :warn_ns, :due_ns, :overdue_ns, :next_ns, :state, :created_ns,
  :behind, :moved_from, :asked_json, :agreed_by, :started_ns, :started_by, :busy_ns, :suppress_json, :ended_ns, :ended_by, :late,
  :note, :evidence_json, :satisfied_by, :counter_from, :counter_due_ns, :counter_ns, :counter_by, :counter_order)
ON CONFLICT (id) DO UPDATE SET due_day = excluded.due_day, warn_ns = excluded.warn_ns, due_ns = excluded.due_ns, overdue_ns = excluded.overdue_ns,
  next_ns = excluded.next_ns, state = excluded.state, behind = excluded.behind, asked_json = excluded.asked_json,
  agreed_by = excluded.agreed_by, started_ns = excluded.started_ns, started_by = excluded.started_by, busy_ns = excluded.busy_ns,
  suppress_json = excluded.suppress_json, ended_ns = excluded.ended_ns, ended_by = excluded.ended_by, late = excluded.late,
  note = excluded.note, evidence_json = excluded.evidence_json, satisfied_by = excluded.satisfied_by,
  counter_from = excluded.counter_from, counter_due_ns = excluded.counter_due_ns, counter_ns = excluded.counter_ns,
  counter_by = excluded.counter_by, counter_order = excluded.counter_order;

-- name: put_plan_result
INSERT INTO plan_result (task, equipment, item, outcome, value, number, measured, photo, work_order)
VALUES (:task, :equipment, :item, :outcome, :value, :number, :measured, :photo, :work_order)
ON CONFLICT (task, equipment, item) DO UPDATE SET work_order = excluded.work_order;
