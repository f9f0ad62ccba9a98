-- Version 4: answers to events that were sent without a job: by a listener without retries, `evt send`, a replay.

CREATE TABLE answers (
  event       INTEGER NOT NULL,
  n           INTEGER NOT NULL,
  started_at  INTEGER NOT NULL,
  -- Microseconds; attempts.took is in milliseconds.
  took        INTEGER NOT NULL,
  status      INTEGER,
  error       TEXT,
  -- NULL if empty.
  headers     BLOB,
  body        BLOB,
  -- 1: the headers were longer, 2: the body was, 3: both.
  cut         INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (event, n)
) WITHOUT ROWID;

ALTER TABLE attempts ADD COLUMN cut INTEGER NOT NULL DEFAULT 0;

-- The platform has this table since version 1.
CREATE TABLE IF NOT EXISTS settings (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;
