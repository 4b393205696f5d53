-- Who is called next about an order that nobody has taken: its chain as it was when the order was opened, and where it stands.
CREATE TABLE call (
  work_order TEXT PRIMARY KEY REFERENCES work_order (id),
  state      TEXT NOT NULL CHECK (state IN ('calling', 'answered', 'over')),
  chain_json TEXT NOT NULL,                -- {"steps": [{"after_s", "tell", "by"}], "repeat_s"}
  began_ns   INTEGER NOT NULL,             -- the steps' times count from here
  step       INTEGER NOT NULL,             -- the next one; as many as there are steps: the next is a repetition
  next_ns    INTEGER,                      -- its instant, absolute; NULL while nobody is called
  count      INTEGER NOT NULL,             -- how often people were called
  called_json TEXT NOT NULL                -- [[channel, person or null]]: who was told so far
) STRICT, WITHOUT ROWID;
-- Orders of an older release, which called nobody: where nobody has them, everybody is called at once.
INSERT INTO call (work_order, state, chain_json, began_ns, step, next_ns, count, called_json)
SELECT id, CASE state WHEN 'open' THEN 'calling' ELSE 'answered' END,
  json_object('steps', json('[{"after_s":0.0,"by":null,"tell":["everyone"]}]'),
              'repeat_s', CASE severity WHEN 'danger' THEN 180.0 WHEN 'readiness' THEN 600.0 ELSE 3600.0 END),
  opened_ns, 1, CASE state WHEN 'open' THEN opened_ns END, 0, '[]'
FROM work_order WHERE state <> 'closed' AND severity <> 'advisory';
CREATE INDEX call_due ON call (next_ns) WHERE state = 'calling';

ALTER TABLE work_order ADD COLUMN hollow_json TEXT;   -- [{"by", "accepted_ns", "due_ns"}]: acceptances nobody came after

-- The outbox knows to whom a page goes, and more reasons. Its check cannot be altered, so it is written anew, and what points to it.
DROP INDEX outbox_due;
DROP INDEX outbox_of_fault;
DROP INDEX outbox_of_order;
ALTER TABLE outbox RENAME TO outbox_before;
CREATE TABLE outbox (                      -- one page to one channel; in the transaction of what caused it
  id         TEXT PRIMARY KEY,            -- P<seq>-<n>; the idempotency key the receiver sees
  fault      TEXT, work_order TEXT,
  channel    TEXT NOT NULL,
  person     TEXT,                         -- whom it is for; NULL: everybody who sees the channel
  reason     TEXT NOT NULL
    CHECK (reason IN ('raised', 'escalated', 'warning', 'breach', 'cleared', 'returned', 'no_data', 'monitor', 'test')),
  severity   TEXT NOT NULL,
  message_json TEXT NOT NULL,             -- {"zh": [line1, line2], "en": [line1, line2], ...} as sent
  created_ns INTEGER NOT NULL,
  due_ns     INTEGER NOT NULL,            -- next try, absolute
  state      TEXT NOT NULL CHECK (state IN ('queued', 'accepted', 'failed', 'dropped')),   -- dropped: no longer wanted
  attempts   INTEGER NOT NULL DEFAULT 0,
  answer     TEXT,                         -- the provider's own words of the last attempt
  answered_ns INTEGER                      -- a test page: when the person said that they have it
) STRICT;
INSERT INTO outbox (id, fault, work_order, channel, reason, severity, message_json, created_ns, due_ns, state, attempts, answer)
SELECT id, fault, work_order, channel, reason, severity, message_json, created_ns, due_ns, state, attempts, answer
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
  PRIMARY KEY (outbox, n)
) STRICT, WITHOUT ROWID;
INSERT INTO attempt SELECT outbox, n, channel, verdict, answer, started_ns, ended_ns FROM attempt_before;
DROP TABLE attempt_before;
DROP TABLE outbox_before;
CREATE INDEX outbox_due ON outbox (due_ns) WHERE state = 'queued';
CREATE INDEX outbox_of_fault ON outbox (fault);
CREATE INDEX outbox_of_order ON outbox (work_order);
CREATE INDEX outbox_tests ON outbox (person, created_ns) WHERE reason = 'test';
