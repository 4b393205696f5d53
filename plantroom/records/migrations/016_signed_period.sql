-- Figures of a period as somebody has signed them (K-5): frozen. A correction is a further revision, with what it changes.
CREATE TABLE signed_period (
  period     TEXT NOT NULL,               -- 2026-11, as the report names it
  revision   INTEGER NOT NULL,
  seq        INTEGER NOT NULL,
  at_ns      INTEGER NOT NULL,
  who        TEXT NOT NULL,
  first      TEXT NOT NULL,               -- local days, half-open
  until      TEXT NOT NULL,
  as_of      TEXT NOT NULL,               -- what happened later is not counted
  hash       TEXT NOT NULL,               -- sha256 of the figures' canonical text
  figures_json TEXT NOT NULL,
  changed_json TEXT NOT NULL,             -- [[figure, system, before, now]] against the revision before
  reason     TEXT,                        -- private.id; of a correction
  PRIMARY KEY (period, revision)
) STRICT, WITHOUT ROWID;
