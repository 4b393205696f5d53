-- What a channel took without knowing what became of it is no more than that.
ALTER TABLE attempt ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 1;   -- 0: accepted by what may not know whether it was delivered

CREATE TABLE roster_change (               -- where people depart from the roster's plan, as they entered it
  id         TEXT PRIMARY KEY,            -- R<seq>-<n>; the two of a swap share their seq
  seq        INTEGER NOT NULL,            -- of its command
  at_ns      INTEGER NOT NULL,
  who        TEXT NOT NULL,
  kind       TEXT NOT NULL CHECK (kind IN ('stand_in', 'swap')),
  team       TEXT NOT NULL,
  from_ns    INTEGER NOT NULL,            -- half-open; calendar time: no set clock moves it
  to_ns      INTEGER NOT NULL,
  out_person TEXT,                         -- NULL: in addition to who is on
  in_person  TEXT NOT NULL,
  reason     TEXT,                         -- private.id
  state      TEXT NOT NULL CHECK (state IN ('ahead', 'over', 'dropped')),   -- ahead: its end has not passed at a tick
  ended_ns   INTEGER,
  ended_by   TEXT                          -- a person's id where it was dropped
) STRICT;
CREATE INDEX roster_change_ahead ON roster_change (to_ns) WHERE state = 'ahead';
