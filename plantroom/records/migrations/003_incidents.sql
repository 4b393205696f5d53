-- A fault may be part of another one: a dead gateway or a lost mains has one order and one page; the faults of its machines are children.
ALTER TABLE fault ADD COLUMN parent TEXT;                            -- the fault it is part of; NULL: it stands for itself
ALTER TABLE fault ADD COLUMN presented INTEGER NOT NULL DEFAULT 1;   -- 1: nobody's child when it was raised; it counts for alarm rates
CREATE INDEX fault_of_parent ON fault (parent) WHERE parent IS NOT NULL;

ALTER TABLE condition ADD COLUMN trace_json TEXT;                    -- while pending: the samples that began it

CREATE TABLE item_time (                   -- how long a functional item was usable, faulted, unknown on a local day of the site
  equipment  TEXT NOT NULL,
  item       TEXT NOT NULL,
  day        TEXT NOT NULL,                -- 2026-11-21, half-open in the site's zone
  usable_ns  INTEGER NOT NULL,
  faulted_ns INTEGER NOT NULL,
  unknown_ns INTEGER NOT NULL,             -- its machine was not heard
  state      TEXT NOT NULL CHECK (state IN ('usable', 'faulted', 'unknown')),
  heard      INTEGER NOT NULL,             -- 0: the machine is not heard now
  since_ns   INTEGER,                      -- the state runs from here on, not yet added; NULL: the day (or the item) is over
  PRIMARY KEY (equipment, item, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX item_running ON item_time (equipment) WHERE since_ns IS NOT NULL;
