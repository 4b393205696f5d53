-- The records of one site. Written by the rules engine alone, in the transaction that moves `position`.
-- Instants are epoch ns (INTEGER), texts JSON where a name ends in _json. Ids derive from the journal position, never from chance.

CREATE TABLE position (
  one        INTEGER PRIMARY KEY CHECK (one = 1),
  seq        INTEGER NOT NULL,            -- last journal record whose effects stand here
  wall_ns    INTEGER NOT NULL,
  boot_ns    INTEGER NOT NULL,
  boot       TEXT NOT NULL
) STRICT;

CREATE TABLE config (                      -- every applied site file
  seq        INTEGER PRIMARY KEY,
  hash       TEXT NOT NULL,
  at_ns      INTEGER NOT NULL,
  who        TEXT NOT NULL,
  difference TEXT NOT NULL
) STRICT;

CREATE TABLE condition (                   -- what the engine holds of each (equipment, rule) that is not at rest
  equipment  TEXT NOT NULL,
  rule       TEXT NOT NULL,
  state      TEXT NOT NULL CHECK (state IN ('pending', 'active', 'recovering')),
  since_ns   INTEGER NOT NULL,            -- onset: event time at which it became true
  at_ns      INTEGER NOT NULL,            -- event time of the last transition (monitor: when it was last seen)
  fault      TEXT,                        -- open fault, from active on
  PRIMARY KEY (equipment, rule)
) STRICT, WITHOUT ROWID;

CREATE TABLE fault (
  id         TEXT PRIMARY KEY,            -- F<seq>-<n>
  rule       TEXT NOT NULL,
  rule_hash  TEXT NOT NULL,
  equipment  TEXT NOT NULL,
  kind       TEXT NOT NULL,
  severity   TEXT NOT NULL CHECK (severity IN ('danger', 'readiness', 'normal', 'advisory')),
  condition  TEXT NOT NULL CHECK (condition IN ('active', 'recovering', 'cleared', 'withdrawn')),
  mode       TEXT NOT NULL DEFAULT 'live' CHECK (mode IN ('live', 'commissioning', 'exercise')),
  no_data    INTEGER NOT NULL DEFAULT 0,  -- raised because data was missing (on_missing: raise)
  onset_ns   INTEGER NOT NULL,            -- event time
  raised_ns  INTEGER NOT NULL,            -- durable instant; the clocks start here
  ended_ns   INTEGER,                     -- cleared or withdrawn
  ended_why  TEXT,
  text_json  TEXT NOT NULL,               -- {"zh": ..., "en": ...} the rule's words with its values
  do_json    TEXT NOT NULL,               -- first step
  trace_json TEXT NOT NULL,               -- {"seq", "values", "parameters", "expression"}: what moved it
  work_order TEXT,                        -- the order it opened, or the open one of the same rule and equipment it came back to
  shelved_until_ns INTEGER,
  shelf_json TEXT                         -- {"by", "second", "reason", "at_ns"} while shelved: no pages, clocks run on
) STRICT;
CREATE UNIQUE INDEX one_open_fault ON fault (equipment, rule) WHERE condition IN ('active', 'recovering');
CREATE INDEX fault_raised ON fault (raised_ns);
CREATE INDEX fault_of_equipment ON fault (equipment, raised_ns);

CREATE TABLE work_order (
  id         TEXT PRIMARY KEY,            -- O<seq>-<n>
  fault      TEXT REFERENCES fault (id),  -- the fault that opened it; NULL for one opened by hand
  equipment  TEXT NOT NULL,
  severity   TEXT NOT NULL,
  state      TEXT NOT NULL CHECK (state IN ('open', 'accepted', 'arrived', 'restored', 'closed')),
  text_json  TEXT NOT NULL,
  round      INTEGER NOT NULL DEFAULT 1,  -- 2 after the first re-opening, which starts the clocks anew
  opened_ns  INTEGER NOT NULL, opened_by TEXT NOT NULL,             -- 'system' or a person's id
  accepted_ns INTEGER, accepted_by TEXT, eta_ns INTEGER,
  arrived_ns INTEGER, arrived_by TEXT,
  restored_ns INTEGER, restored_by TEXT, restored_agrees INTEGER,   -- 1 telemetry agreed, 0 it did not, NULL unknown
  closed_ns  INTEGER, closed_by TEXT, cause TEXT, remedy TEXT,
  hold_json  TEXT                          -- {"reason", "told", "since_ns", "by"} while held; holds never stop a clock
) STRICT;
CREATE UNIQUE INDEX one_open_order ON work_order (fault) WHERE state <> 'closed';
CREATE INDEX order_opened ON work_order (opened_ns);

CREATE TABLE clock (                       -- running and stopped time limits of an order, absolute
  work_order TEXT NOT NULL REFERENCES work_order (id),
  name       TEXT NOT NULL CHECK (name IN ('response', 'arrival', 'restore')),
  round      INTEGER NOT NULL DEFAULT 1,  -- of the order
  started_ns INTEGER NOT NULL,
  warn_ns    INTEGER NOT NULL,
  due_ns     INTEGER NOT NULL,
  warned_ns  INTEGER,
  breached_ns INTEGER,                     -- the due instant it passed (its own due_ns), not when we noticed
  stopped_ns INTEGER,
  PRIMARY KEY (work_order, name, round)
) STRICT, WITHOUT ROWID;
CREATE INDEX clock_running ON clock (due_ns) WHERE stopped_ns IS NULL;

CREATE TABLE order_note (                  -- what people said to an order, in order
  work_order TEXT NOT NULL REFERENCES work_order (id),
  seq        INTEGER NOT NULL,            -- of its command
  at_ns      INTEGER NOT NULL,
  who        TEXT NOT NULL,
  does       TEXT NOT NULL,               -- the command it came with: comment, hold, close, reopen, ...
  text       TEXT NOT NULL,               -- private.id
  PRIMARY KEY (work_order, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE person (                      -- names as last told by a command; erasable, never in the chronicle
  id         TEXT PRIMARY KEY,
  name       TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (                      -- one page to one channel; in the transaction of what caused it
  id         TEXT PRIMARY KEY,            -- P<seq>-<n>; the idempotency key the receiver sees
  fault      TEXT, work_order TEXT,
  channel    TEXT NOT NULL,
  reason     TEXT NOT NULL CHECK (reason IN ('raised', 'warning', 'breach', 'cleared', 'returned', 'no_data', 'monitor', 'test')),
  severity   TEXT NOT NULL,
  message_json TEXT NOT NULL,             -- {"zh": [line1, line2], "en": [line1, line2], ...} as sent
  created_ns INTEGER NOT NULL,
  due_ns     INTEGER NOT NULL,            -- next try, absolute
  state      TEXT NOT NULL CHECK (state IN ('queued', 'accepted', 'failed', 'dropped')),   -- dropped: the order was closed first
  attempts   INTEGER NOT NULL DEFAULT 0,
  answer     TEXT                          -- the provider's own words of the last attempt
) STRICT;
CREATE INDEX outbox_due ON outbox (due_ns) WHERE state = 'queued';
CREATE INDEX outbox_of_fault ON outbox (fault);
CREATE INDEX outbox_of_order ON outbox (work_order);

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

CREATE TABLE command (                     -- outcome of every command, by its idempotent id
  id         TEXT PRIMARY KEY,
  seq        INTEGER NOT NULL,
  at_ns      INTEGER NOT NULL,
  who        TEXT NOT NULL,
  does       TEXT NOT NULL,
  target     TEXT NOT NULL,
  outcome    TEXT NOT NULL CHECK (outcome IN ('applied', 'refused')),
  reason     TEXT NOT NULL,               -- a code: 'ok', 'already_accepted', ...
  says_json  TEXT NOT NULL,               -- {"zh", "en"}: the reason in words
  state_json TEXT NOT NULL                 -- the target's state after it
) STRICT;

CREATE TABLE chronicle (                   -- every non-telemetry record and every transition; append-only, hash-chained, >= 5 years
  n          INTEGER PRIMARY KEY,
  seq        INTEGER NOT NULL,
  at_ns      INTEGER NOT NULL,
  kind       TEXT NOT NULL,
  body       BLOB NOT NULL,
  hash       BLOB NOT NULL                 -- sha256(previous hash + canonical bytes of this row)
) STRICT;
CREATE TRIGGER chronicle_is_append_only_u BEFORE UPDATE ON chronicle BEGIN SELECT RAISE(ABORT, 'the chronicle is append-only'); END;
CREATE TRIGGER chronicle_is_append_only_d BEFORE DELETE ON chronicle BEGIN SELECT RAISE(ABORT, 'the chronicle is append-only'); END;

CREATE TABLE private (                     -- names, contacts, free text; erasable without breaking the chain
  id         TEXT PRIMARY KEY,            -- salted hash that stands in the chronicle
  seq        INTEGER NOT NULL,            -- the record it came with
  field      TEXT NOT NULL,               -- and where in it: 'args.reason'
  salt       BLOB,                        -- erased together with the text
  text       TEXT,
  UNIQUE (seq, field)
) STRICT;
