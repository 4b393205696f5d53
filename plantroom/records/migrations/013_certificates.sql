-- Certificates of machines (L-4): how far people were reminded of the last day of each, and the fault of one that is past it.
CREATE TABLE certificate (
  equipment TEXT NOT NULL,
  what      TEXT NOT NULL,                -- as in the site file
  until     TEXT NOT NULL,                -- its last day (ISO); another one means that it was renewed
  told      INTEGER,                      -- the nearest of 60, 30, 7 days that was told, 0: past its last day; NULL: none
  told_ns   INTEGER,
  fault     TEXT,                         -- open, of one that is past its last day
  PRIMARY KEY (equipment, what)
) STRICT, WITHOUT ROWID;

-- One more reason of a page, as in 011.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (reason IN (', 'CHECK (reason IN (''certificate'', ') WHERE type = 'table' AND name = 'outbox';
CREATE INDEX outbox_certificate ON outbox (created_ns) WHERE reason = 'certificate';
PRAGMA writable_schema = RESET;
