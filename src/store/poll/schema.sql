-- The state of one poller. Times of records are in microseconds since the epoch, those of evt in milliseconds.

CREATE TABLE meta (
  id             INTEGER PRIMARY KEY CHECK (id = 1),
  schema_version INTEGER NOT NULL,
  fingerprint    TEXT,
  created        INTEGER NOT NULL,
  fence          INTEGER NOT NULL,
  pid            INTEGER NOT NULL,
  host           TEXT,
  since          INTEGER NOT NULL,
  walk           INTEGER NOT NULL
) STRICT;

-- The sums cover the rows of the two tables below. The checksum covers the sums and everything else that a run depends on.
CREATE TABLE pos (
  id        INTEGER PRIMARY KEY CHECK (id = 1),
  position  TEXT NOT NULL,
  seen_rows INTEGER NOT NULL,
  seen_sum  INTEGER NOT NULL,
  keys_rows INTEGER NOT NULL,
  keys_sum  INTEGER NOT NULL,
  checksum  BLOB NOT NULL
) STRICT;

CREATE TABLE seen (
  key    BLOB NOT NULL,
  digest BLOB NOT NULL,
  ts     INTEGER NOT NULL,
  n      INTEGER NOT NULL,
  PRIMARY KEY (key, digest)
) WITHOUT ROWID, STRICT;

CREATE INDEX seen_ts ON seen (ts);

CREATE TABLE keys (
  key    BLOB NOT NULL PRIMARY KEY,
  digest BLOB NOT NULL,
  ts     INTEGER NOT NULL,
  miss   INTEGER NOT NULL,
  walk   INTEGER NOT NULL
) WITHOUT ROWID, STRICT;

CREATE INDEX keys_missed ON keys (miss) WHERE miss > 0;
