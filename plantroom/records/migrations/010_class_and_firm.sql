-- A person changes the class of a fault. Every change stands, whoever made it; clocks keep what they were started with or get shorter.
CREATE TABLE severity_change (
  fault      TEXT NOT NULL REFERENCES fault (id),
  seq        INTEGER NOT NULL,            -- of the record that changed it
  at_ns      INTEGER NOT NULL,
  who        TEXT NOT NULL,               -- 'system': it came back to an order that is graver than its rule
  second     TEXT,                         -- who agreed, where an urgent one was lowered
  before     TEXT NOT NULL CHECK (before IN ('danger', 'readiness', 'normal', 'advisory')),
  after      TEXT NOT NULL CHECK (after IN ('danger', 'readiness', 'normal', 'advisory')),
  reason     TEXT,                         -- private.id
  due_ns     INTEGER,                      -- the limit people had to keep next after it, absolute; NULL: none ran
  PRIMARY KEY (fault, seq),
  CHECK (before <> after)
) STRICT, WITHOUT ROWID;
ALTER TABLE work_order ADD COLUMN gravest TEXT;      -- the gravest class it ever had, where that is not its present one; KPIs judge it by this

-- One order handed to a firm, or taken back: its people see it from then on, and until then.
ALTER TABLE work_order ADD COLUMN firm TEXT;         -- as the site file's people name it; NULL: nobody's but the house's
ALTER TABLE work_order ADD COLUMN firm_told TEXT;    -- [[channel, person]]: who is called about it for that reason alone
CREATE INDEX order_of_firm ON work_order (firm) WHERE firm IS NOT NULL;
CREATE TABLE handing (
  work_order TEXT NOT NULL REFERENCES work_order (id),
  seq        INTEGER NOT NULL,            -- of its command
  at_ns      INTEGER NOT NULL,
  who        TEXT NOT NULL,
  firm       TEXT NOT NULL,
  does       TEXT NOT NULL CHECK (does IN ('handed', 'taken_back')),
  reason     TEXT,                         -- private.id
  told_json  TEXT NOT NULL,               -- [[channel, person]]: whom it called beside those who knew of it
  PRIMARY KEY (work_order, seq, does)  -- from one firm to another is both
) STRICT, WITHOUT ROWID;

-- Three more reasons of a page. A check cannot be altered, so the table is written anew, and what points to it.
DROP INDEX outbox_due;
DROP INDEX outbox_of_fault;
DROP INDEX outbox_of_order;
DROP INDEX outbox_tests;
ALTER TABLE outbox RENAME TO outbox_before;
CREATE TABLE outbox (                      -- one page to one channel; in the transaction of what caused it
  id         TEXT PRIMARY KEY,            -- P<seq>-<n>; the idempotency key the receiver sees
  fault      TEXT, work_order TEXT,
  channel    TEXT NOT NULL,
  person     TEXT,                         -- whom it is for; NULL: everybody who sees the channel
  reason     TEXT NOT NULL
    CHECK (reason IN ('raised', 'escalated', 'warning', 'breach', 'cleared', 'returned', 'no_data', 'monitor', 'test', 'major', 'severity',
      'handed', 'taken_back')),
  severity   TEXT NOT NULL,
  message_json TEXT NOT NULL,             -- {"zh": [line1, line2], "en": [line1, line2], ...} as sent
  created_ns INTEGER NOT NULL,
  due_ns     INTEGER NOT NULL,            -- next try, absolute
  state      TEXT NOT NULL CHECK (state IN ('queued', 'accepted', 'failed', 'dropped')),   -- dropped: no longer wanted
  attempts   INTEGER NOT NULL DEFAULT 0,
  answer     TEXT,                         -- the provider's own words of the last attempt
  answered_ns INTEGER                      -- a test page: when the person said that they have it
) STRICT;
INSERT INTO outbox (id, fault, work_order, channel, person, reason, severity, message_json, created_ns, due_ns, state, attempts, answer, answered_ns)
SELECT id, fault, work_order, channel, person, reason, severity, message_json, created_ns, due_ns, state, attempts, answer, answered_ns
FROM outbox_before ORDER BY rowid;
ALTER TABLE attempt RENAME TO attempt_before;
CREATE TABLE attempt (
  outbox     TEXT NOT NULL REFERENCES outbox (id),
  n          INTEGER NOT NULL,
  channel    TEXT NOT NULL,
  verdict    TEXT NOT NULL CHECK (verdict IN ('accepted', 'retry', 'refused')),
  answer     TEXT NOT NULL,
  started_ns INTEGER NOT NULL,
  ended_ns   INTEGER NOT NULL,
  confirmed  INTEGER NOT NULL DEFAULT 1,   -- 0: accepted by what may not know whether it was delivered
  PRIMARY KEY (outbox, n)
) STRICT, WITHOUT ROWID;
INSERT INTO attempt (outbox, n, channel, verdict, answer, started_ns, ended_ns, confirmed)
SELECT outbox, n, channel, verdict, answer, started_ns, ended_ns, confirmed FROM attempt_before;
DROP TABLE attempt_before;
DROP TABLE outbox_before;
CREATE INDEX outbox_due ON outbox (due_ns) WHERE state = 'queued';
CREATE INDEX outbox_of_fault ON outbox (fault);
CREATE INDEX outbox_of_order ON outbox (work_order);
CREATE INDEX outbox_tests ON outbox (person, created_ns) WHERE reason = 'test';
