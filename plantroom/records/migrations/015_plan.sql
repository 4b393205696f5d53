-- The maintenance plan: what has to be done by when, and what became of it. Of each job one task is open at a time.
CREATE TABLE plan_task (
  id         TEXT PRIMARY KEY,            -- M<seq>-<n>
  seq        INTEGER NOT NULL,            -- of the record that made it
  job        TEXT NOT NULL,               -- lift-1/half_month, @daily
  subject    TEXT NOT NULL,               -- a machine, or @<round>
  entry      TEXT NOT NULL,               -- of the kind's plan; of a round its name
  role       TEXT NOT NULL CHECK (role IN ('engineer', 'vendor', 'third_party')),
  shape      TEXT NOT NULL,               -- the rule that made its dates
  day        TEXT NOT NULL,               -- local date by the rule
  due_day    TEXT NOT NULL,               -- where it was moved to; else the same
  warn_ns    INTEGER NOT NULL, due_ns INTEGER NOT NULL, overdue_ns INTEGER NOT NULL,   -- absolute
  next_ns    INTEGER,                      -- when the date after it falls due; NULL: that is counted from when this one is done
  state      TEXT NOT NULL CHECK (state IN ('scheduled', 'due_soon', 'due', 'overdue', 'done', 'moved', 'excused', 'missed', 'withdrawn')),
  created_ns INTEGER NOT NULL,
  behind     INTEGER NOT NULL DEFAULT 0,   -- 1: the one before it was missed
  moved_from TEXT,                         -- plan_task.id
  asked_json TEXT,                         -- {"does", "by", "at_ns", "until", "reason"}: waits for somebody else to agree
  agreed_by  TEXT,
  started_ns INTEGER, started_by TEXT,
  busy_ns    INTEGER,                      -- until when the work suppresses rules; NULL: nobody is at it
  suppress_json TEXT,                      -- the ids of those rules, as the plan had them when the work began
  ended_ns   INTEGER, ended_by TEXT,
  late       INTEGER,                      -- 1: done after its grace
  note       TEXT,                         -- private.id
  evidence_json TEXT,                      -- {"report": ["<sha-256>", ...], ...}
  satisfied_by TEXT,                       -- plan_task.id of the work it was done with
  counter_from REAL,                       -- what the machine's counter read when it was made
  counter_due_ns INTEGER,                  -- by when our side has to sign; NULL: nobody has to
  counter_ns INTEGER, counter_by TEXT,
  counter_order TEXT                       -- the open item where nobody signed
) STRICT;
CREATE INDEX plan_task_open ON plan_task (due_ns) WHERE state IN ('scheduled', 'due_soon', 'due', 'overdue');
CREATE INDEX plan_task_unsigned ON plan_task (counter_due_ns) WHERE counter_due_ns IS NOT NULL AND counter_ns IS NULL;
CREATE INDEX plan_task_of_job ON plan_task (job, created_ns);
CREATE INDEX plan_task_of_subject ON plan_task (subject, ended_ns);

CREATE TABLE plan_result (
  task       TEXT NOT NULL REFERENCES plan_task (id),
  equipment  TEXT NOT NULL,
  item       TEXT NOT NULL,
  outcome    TEXT NOT NULL CHECK (outcome IN ('ok', 'failed', 'absent', 'noted')),   -- absent: the machine has no such part
  value      TEXT,                         -- a choice; of words private.id
  number     REAL,
  measured   REAL,                         -- what telemetry read at that instant, where they are compared
  photo      TEXT,                         -- sha-256
  work_order TEXT,                         -- that it opened
  PRIMARY KEY (task, equipment, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX plan_result_of_machine ON plan_result (equipment, task);

-- One more mode of a fault: `maintenance`, set off by work that is being done. Only the check in the schema is written anew, as in 011.
CREATE INDEX fault_maintenance ON fault (equipment, rule) WHERE mode = 'maintenance';
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (mode IN (', 'CHECK (mode IN (''maintenance'', ') WHERE type = 'table' AND name = 'fault';
PRAGMA writable_schema = RESET;
