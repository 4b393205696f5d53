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

CREATE TABLE handover (                    -- a shift handed over; both sign
  id         TEXT PRIMARY KEY,            -- H<seq>-<n>
  seq        INTEGER NOT NULL,            -- of the command that gave it
  team       TEXT NOT NULL,               -- '' at a site without teams
  open_json  TEXT NOT NULL,               -- {"orders", "holds", "shelved", "calls", "commissioning", "changes"} at that instant
  given_ns   INTEGER NOT NULL, given_by TEXT NOT NULL, given_note TEXT,   -- notes: private.id
  state      TEXT NOT NULL CHECK (state IN ('given', 'taken', 'replaced')),
  taken_ns   INTEGER, taken_by TEXT, taken_note TEXT,
  CHECK (taken_by IS NULL OR taken_by <> given_by)
) STRICT;
CREATE INDEX handover_given ON handover (given_ns);
CREATE INDEX handover_waiting ON handover (id) WHERE state = 'given';
