CREATE TABLE skipped (                     -- what the engine could not apply: its step was taken back, the records after it were not held up
  id         TEXT PRIMARY KEY,            -- S<seq>-<n>
  seq        INTEGER NOT NULL,            -- journal position of the first such step, and its record's instant
  at_ns      INTEGER NOT NULL,
  record     TEXT NOT NULL,               -- telemetry | tick | command | event | attempt | config
  does       TEXT NOT NULL,               -- the part of its handling that raised: step, tick, clock, shelves, command ...
  kind       TEXT NOT NULL,               -- of the equipment, '' where it is about none
  equipment  TEXT NOT NULL,               -- '' where a whole kind, or none, is meant
  error      TEXT NOT NULL,               -- the first one's words
  place      TEXT NOT NULL,               -- where it was raised: module:line function < caller < caller
  last_seq   INTEGER NOT NULL,            -- of the newest of the same; a pause of ten minutes begins another row
  last_ns    INTEGER NOT NULL,
  count      INTEGER NOT NULL
) STRICT;
