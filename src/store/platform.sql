-- What only the local platform remembers, beside schema.sql.

CREATE TABLE records (
  org        TEXT NOT NULL,
  datatype   TEXT NOT NULL,
  sk         TEXT NOT NULL,
  version    INTEGER NOT NULL,
  state      TEXT NOT NULL,
  createdate INTEGER NOT NULL,
  modifydate INTEGER NOT NULL,
  -- The whole BaseModel as JSON, in the key order in which it is answered.
  body       TEXT NOT NULL,
  PRIMARY KEY (org, datatype, sk)
) WITHOUT ROWID;
CREATE INDEX records_modified ON records(org, datatype, modifydate, sk);

CREATE TABLE flows (
  id         TEXT PRIMARY KEY,
  org        TEXT NOT NULL,
  name       TEXT NOT NULL,
  enabled    INTEGER NOT NULL,
  version    INTEGER NOT NULL,
  createdate INTEGER NOT NULL,
  modifydate INTEGER NOT NULL,
  -- As it was sent; what runs is compiled from it.
  body       TEXT NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX flows_name ON flows(org, name);

CREATE TABLE runs (
  id           TEXT PRIMARY KEY,
  flow         TEXT NOT NULL,
  flow_version INTEGER NOT NULL,
  org          TEXT NOT NULL,
  -- Idempotency: one run for each event and trigger of a flow.
  trigger_key  TEXT,
  event_seq    INTEGER,
  status       TEXT NOT NULL,
  depth        INTEGER NOT NULL DEFAULT 0,
  next_step    INTEGER NOT NULL DEFAULT 0,
  context      TEXT NOT NULL,
  steps        TEXT NOT NULL,
  started_at   INTEGER NOT NULL,
  ended_at     INTEGER,
  error        TEXT
) WITHOUT ROWID;
CREATE UNIQUE INDEX runs_once ON runs(flow, trigger_key) WHERE trigger_key IS NOT NULL;
CREATE INDEX runs_by_flow ON runs(flow, started_at);

CREATE TABLE settings (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;
