-- Evidence: what a person put to an order, a task or a machine, by the hash of the file (plantroom/evidence). The file itself lies beside.
CREATE TABLE evidence (
  hash       TEXT NOT NULL,               -- SHA-256 of the content: also the file's name
  about      TEXT NOT NULL,               -- order | equipment | task
  target     TEXT NOT NULL,               -- its id
  equipment  TEXT,                         -- the machine it is about
  seq        INTEGER NOT NULL,            -- of its command
  at_ns      INTEGER NOT NULL,
  who        TEXT NOT NULL,
  kind       TEXT NOT NULL,               -- as decided by the content: jpeg png webp heic pdf xlsx csv txt
  bytes      INTEGER NOT NULL,
  name       TEXT,                         -- private.id of the name it had
  PRIMARY KEY (hash, about, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX evidence_of ON evidence (about, target);
CREATE INDEX evidence_of_machine ON evidence (equipment, seq);

-- Seals: once an hour the newest digest of every row touched since stands in the chronicle, so that the chain proves the rows too
-- (plantroom/records/seal.py). Until then it waits here.
CREATE TABLE unsealed (
  tab        TEXT NOT NULL,
  key        TEXT NOT NULL,               -- primary key as JSON
  digest     TEXT NOT NULL,               -- "" = the row is gone
  PRIMARY KEY (tab, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE seal (
  seq        INTEGER PRIMARY KEY,         -- of the record at which it was told
  at_ns      INTEGER NOT NULL,
  count      INTEGER NOT NULL             -- of rows
) STRICT;
INSERT INTO seal SELECT coalesce((SELECT seq FROM position), 0), 0, 0;  -- what stands already has no seal: rows up to here are not proven

-- What was purged after five years: the chain begins behind n, with this hash.
CREATE TABLE purge (
  n          INTEGER PRIMARY KEY,         -- the last line of the chronicle that is gone
  hash       BLOB NOT NULL,
  seq        INTEGER NOT NULL,            -- of its command
  at_ns      INTEGER NOT NULL,
  who        TEXT NOT NULL,
  before_ns  INTEGER NOT NULL,
  reason     TEXT                          -- private.id
) STRICT;
DROP TRIGGER chronicle_is_append_only_d;
CREATE TRIGGER chronicle_is_append_only_d BEFORE DELETE ON chronicle
WHEN OLD.n > coalesce((SELECT max(n) FROM purge), 0) BEGIN SELECT RAISE(ABORT, 'the chronicle is append-only'); END;
