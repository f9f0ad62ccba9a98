-- What evt remembers. Times are milliseconds since the epoch; states and outcomes are the numbers that store/*.rs name.

CREATE TABLE events (
  seq         INTEGER PRIMARY KEY AUTOINCREMENT,
  received_at INTEGER NOT NULL,
  source      TEXT NOT NULL,
  transport   TEXT NOT NULL,
  kind        TEXT,
  id          TEXT,
  system      TEXT,
  org         TEXT,
  subject     TEXT,
  time        TEXT,
  method      TEXT NOT NULL,
  target      TEXT NOT NULL,
  headers     BLOB NOT NULL,
  body        BLOB NOT NULL,
  data_start  INTEGER,
  data_end    INTEGER,
  scheme      TEXT,
  verified    INTEGER,
  reason      TEXT,
  hint        TEXT,
  outcome     INTEGER NOT NULL,
  status      INTEGER,
  -- What caused the event, in the platform: the event before it and how many there were.
  cause       INTEGER,
  depth       INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX events_failed ON events(seq) WHERE outcome = 4;

CREATE TABLE jobs (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  queue        TEXT NOT NULL,
  endpoint     TEXT NOT NULL,
  order_key    TEXT,
  state        INTEGER NOT NULL,
  run_at       INTEGER NOT NULL,
  created_at   INTEGER NOT NULL,
  attempt      INTEGER NOT NULL DEFAULT 0,
  retry        TEXT NOT NULL,
  lease_id     INTEGER,
  lease_until  INTEGER,
  lease_owner  TEXT,
  lease_losses INTEGER NOT NULL DEFAULT 0,
  message_id   TEXT,
  method       TEXT NOT NULL,
  url          TEXT NOT NULL,
  headers      BLOB NOT NULL,
  body         BLOB,
  event_seq    INTEGER,
  secret       TEXT,
  timeout      INTEGER NOT NULL,
  run_id       TEXT,
  step         INTEGER,
  ended_at     INTEGER,
  last_status  INTEGER,
  last_error   TEXT,
  dead_reason  TEXT,
  redrive_of   INTEGER
);
CREATE INDEX jobs_ready ON jobs(endpoint, run_at, id) WHERE state = 0;
CREATE INDEX jobs_leased ON jobs(lease_until) WHERE state = 1;
CREATE INDEX jobs_dead ON jobs(id) WHERE state = 3;
CREATE INDEX jobs_event ON jobs(event_seq) WHERE event_seq IS NOT NULL;
CREATE INDEX jobs_run ON jobs(run_id) WHERE run_id IS NOT NULL;

CREATE TABLE attempts (
  job         INTEGER NOT NULL,
  n           INTEGER NOT NULL,
  started_at  INTEGER NOT NULL,
  took        INTEGER NOT NULL,
  status      INTEGER,
  error       TEXT,
  headers     BLOB,
  body        BLOB,
  PRIMARY KEY (job, n)
) WITHOUT ROWID;

CREATE TABLE endpoints (
  url         TEXT PRIMARY KEY,
  state       TEXT NOT NULL,
  fail_since  INTEGER,
  disabled_at INTEGER,
  reason      TEXT
) WITHOUT ROWID;

CREATE TABLE cursors (
  name       TEXT PRIMARY KEY,
  value      TEXT NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;
