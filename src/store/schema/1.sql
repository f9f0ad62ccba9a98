-- Version 1. Times are milliseconds since the epoch. The numbers of states and outcomes are named in store/.

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
  -- The event that caused this one on the platform, and the length of the chain of causes.
  cause       INTEGER,
  depth       INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX events_failed ON events(seq) WHERE outcome = 4;

-- The state of a delivery: small rows, because each claim and each result rewrites one. The request is in payloads.
-- States: 0 waiting, 1 active, 2 done, 3 dead, 4 discarded, 5 quarantined, 6 redriven, 7 paused (since version 5).
-- Version 3 removes order_key and jobs_order.
CREATE TABLE jobs (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  queue        TEXT NOT NULL,
  endpoint     INTEGER NOT NULL,
  order_key    TEXT,
  state        INTEGER NOT NULL,
  run_at       INTEGER NOT NULL,
  created_at   INTEGER NOT NULL,
  -- Attempts made, and those of them that count against the retries.
  tries        INTEGER NOT NULL DEFAULT 0,
  failures     INTEGER NOT NULL DEFAULT 0,
  -- Incremented by each claim, so that a result under an older lease is recognised and refused.
  lease        INTEGER NOT NULL DEFAULT 0,
  owner        INTEGER,
  losses       INTEGER NOT NULL DEFAULT 0,
  message_id   TEXT,
  run_id       TEXT,
  step         INTEGER,
  event_seq    INTEGER,
  ended_at     INTEGER,
  last_status  INTEGER,
  last_error   TEXT,
  redrive_of   INTEGER
);
CREATE INDEX jobs_ready ON jobs(endpoint, run_at, id) WHERE state = 0;
CREATE INDEX jobs_leased ON jobs(owner) WHERE state = 1;
CREATE INDEX jobs_dead ON jobs(id) WHERE state IN (3, 5);
CREATE INDEX jobs_order ON jobs(endpoint, order_key, id) WHERE order_key IS NOT NULL AND state IN (0, 1, 7);
CREATE INDEX jobs_ended ON jobs(ended_at) WHERE state IN (2, 4, 6);
CREATE INDEX jobs_event ON jobs(event_seq) WHERE event_seq IS NOT NULL;
CREATE INDEX jobs_run ON jobs(run_id) WHERE run_id IS NOT NULL;

CREATE TABLE payloads (
  job          INTEGER PRIMARY KEY,
  method       TEXT NOT NULL,
  url          TEXT NOT NULL,
  path         TEXT,
  headers      BLOB NOT NULL,
  -- NULL: the body of the event event_seq.
  body         BLOB,
  secret       TEXT,
  timeout      INTEGER NOT NULL,
  retry        TEXT NOT NULL
);

-- The running engines. A lease holds as long as its owner renews its row.
CREATE TABLE owners (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  identity TEXT NOT NULL,
  until    INTEGER NOT NULL
);

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

-- Circuit states: 0 closed, 1 open, 2 half open, 3 disabled.
CREATE TABLE endpoints (
  -- Never reused, because engines keep ids of endpoints in memory.
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  url         TEXT NOT NULL UNIQUE,
  -- Never later than the time at which a job of this endpoint may be claimed. A claim puts the endpoint behind the others.
  next_at     INTEGER,
  state       INTEGER NOT NULL DEFAULT 0,
  changed_at  INTEGER NOT NULL DEFAULT 0,
  held_until  INTEGER NOT NULL DEFAULT 0,
  fail_since  INTEGER,
  reason      TEXT
);
CREATE INDEX endpoints_due ON endpoints(next_at, id) WHERE next_at IS NOT NULL;

CREATE TABLE cursors (
  name       TEXT PRIMARY KEY,
  value      TEXT NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;
