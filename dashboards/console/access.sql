-- Who may come in. Per installation, written by web and the `user` commands; outside the chronicle and any rebuild.
CREATE TABLE IF NOT EXISTS person (
  name       TEXT PRIMARY KEY COLLATE NOCASE,
  role       TEXT NOT NULL,
  sites      TEXT NOT NULL,               -- "*" = all, else ids separated by spaces, hq or hq:supervisor: another role there
  password   TEXT NOT NULL,               -- $argon2id$..., or scrypt$... until its next login; "" = comes in by the login service
  created_ns INTEGER NOT NULL,
  changed_ns INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS session (
  hash       BLOB PRIMARY KEY,            -- sha256 of the cookie's 256 random bits
  person     TEXT NOT NULL REFERENCES person (name) ON DELETE CASCADE,
  began_ns   INTEGER NOT NULL,
  used_ns    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS token (
  hash       BLOB PRIMARY KEY,
  id         TEXT NOT NULL UNIQUE,
  person     TEXT NOT NULL REFERENCES person (name) ON DELETE CASCADE,
  label      TEXT NOT NULL,
  created_ns INTEGER NOT NULL,
  expires_ns INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS failure (        -- wrong passwords in a row, by the name typed ("? n" = names nobody has) and by address ("@ n")
  name       TEXT PRIMARY KEY COLLATE NOCASE,
  count      INTEGER NOT NULL,
  last_ns    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS secret (         -- keys of ours that never leave this file
  name       TEXT PRIMARY KEY,
  value      BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS factor (         -- a person's second factor (TOTP)
  person     TEXT PRIMARY KEY COLLATE NOCASE REFERENCES person (name) ON DELETE CASCADE,
  secret     TEXT NOT NULL,               -- base32, as the telephone has it
  confirmed  INTEGER NOT NULL,            -- 0 until a code of it was entered
  last_step  INTEGER NOT NULL             -- of 30 s, whose code was used: neither it nor an earlier one is taken again
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS half (           -- a login between password and code
  hash       BLOB PRIMARY KEY,
  person     TEXT NOT NULL REFERENCES person (name) ON DELETE CASCADE,
  began_ns   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS federated (      -- accounts of the login service (oidc.yaml): whom it knows as `subject`, for ever
  person     TEXT PRIMARY KEY COLLATE NOCASE REFERENCES person (name) ON DELETE CASCADE,
  issuer     TEXT NOT NULL,
  subject    TEXT NOT NULL,
  shown      TEXT,                        -- what it calls them
  UNIQUE (issuer, subject)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pin (            -- what a person types on the duty room's screen for a radio call (dashboards/console/pins.py)
  person     TEXT PRIMARY KEY COLLATE NOCASE REFERENCES person (name) ON DELETE CASCADE,
  hash       TEXT NOT NULL,               -- $argon2id$...
  wrong      INTEGER NOT NULL,            -- in a row
  seen_ns    INTEGER NOT NULL             -- set, or its person was last let in by the login service
) STRICT, WITHOUT ROWID;
