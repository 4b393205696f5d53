-- People trapped in a lift: the time line of their rescue beside the order's own steps (X-3, R-6). One row a round of the order.
CREATE TABLE rescue (
  work_order TEXT NOT NULL REFERENCES work_order (id),
  round      INTEGER NOT NULL,            -- of the order
  equipment  TEXT NOT NULL,
  known_ns   INTEGER NOT NULL,            -- from here the maintenance unit's limit counts (clock `unit`)
  reported_ns INTEGER, reported_by TEXT,   -- the first tap of a person; NULL: the machine's own signals alone
  answered_ns INTEGER, answered_by TEXT,   -- somebody spoke with them over the intercom
  staff_ns   INTEGER, staff_by TEXT,       -- our own people are at the lift (the order's `arrive`)
  called_ns  INTEGER, called_by TEXT,      -- the maintenance unit was called
  unit_ns    INTEGER, unit_by TEXT,        -- it is on site
  freed_ns   INTEGER, freed_by TEXT,       -- the order's `restored`, said by a person
  trapped    INTEGER, injured INTEGER,     -- how many, said with it
  released_ns INTEGER, released_by TEXT,   -- signed: the lift may carry people again
  PRIMARY KEY (work_order, round)
) STRICT, WITHOUT ROWID;

-- The duty heads of a matter of weight (R-3): each has a task and confirms in time. One row a head and round of the order.
CREATE TABLE head_call (
  work_order TEXT NOT NULL REFERENCES work_order (id),
  round      INTEGER NOT NULL,
  head       TEXT NOT NULL CHECK (head IN ('engineering', 'security', 'service', 'manager')),
  tell       TEXT NOT NULL,               -- the team or person, as the site file had it then
  state      TEXT NOT NULL CHECK (state IN ('calling', 'acknowledged', 'over')),
  began_ns   INTEGER NOT NULL,
  due_ns     INTEGER NOT NULL,            -- confirmed by then, absolute
  repeat_ns  INTEGER NOT NULL,            -- between two calls
  next_ns    INTEGER,                      -- the next call, absolute; NULL while nobody is called
  count      INTEGER NOT NULL,             -- how often they were called
  called_json TEXT NOT NULL,               -- [[channel, person or null]]: who was told so far
  missed_ns  INTEGER,                      -- the due instant that passed
  acked_ns   INTEGER, acked_by TEXT,
  PRIMARY KEY (work_order, round, head)
) STRICT, WITHOUT ROWID;
CREATE INDEX head_call_due ON head_call (next_ns) WHERE state = 'calling';

-- One more clock and one more reason of a page. A check cannot be altered, so the tables are written anew, and what points to them.
DROP INDEX clock_running;
ALTER TABLE clock RENAME TO clock_before;
CREATE TABLE clock (                       -- running and stopped time limits of an order, absolute
  work_order TEXT NOT NULL REFERENCES work_order (id),
  name       TEXT NOT NULL CHECK (name IN ('response', 'arrival', 'unit', 'restore')),
  round      INTEGER NOT NULL DEFAULT 1,  -- of the order
  started_ns INTEGER NOT NULL,
  warn_ns    INTEGER NOT NULL,
  due_ns     INTEGER NOT NULL,
  warned_ns  INTEGER,
  breached_ns INTEGER,                     -- the due instant it passed (its own due_ns), not when we noticed
  stopped_ns INTEGER,
  PRIMARY KEY (work_order, name, round)
) STRICT, WITHOUT ROWID;
INSERT INTO clock SELECT work_order, name, round, started_ns, warn_ns, due_ns, warned_ns, breached_ns, stopped_ns FROM clock_before;
DROP TABLE clock_before;
CREATE INDEX clock_running ON clock (due_ns) WHERE stopped_ns IS NULL;

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
    CHECK (reason IN ('raised', 'escalated', 'warning', 'breach', 'cleared', 'returned', 'no_data', 'monitor', 'test', 'major')),
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

-- Entrapments that are open: their rescue goes on from what their order says.
INSERT INTO rescue (work_order, round, equipment, known_ns, staff_ns, staff_by, freed_ns, freed_by)
SELECT o.id, o.round, o.equipment, o.opened_ns, o.arrived_ns, o.arrived_by, o.restored_ns, o.restored_by
FROM work_order o JOIN fault f ON f.id = o.fault WHERE o.state <> 'closed' AND f.rule = 'passenger_entrapment';
INSERT INTO clock (work_order, name, round, started_ns, warn_ns, due_ns, stopped_ns)
SELECT work_order, 'unit', round, known_ns, known_ns + 1440000000000, known_ns + 1800000000000, freed_ns FROM rescue;
