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

-- Every version that a run may still need; a run goes on with the one that it began with.
CREATE TABLE flow_versions (
  flow    TEXT NOT NULL,
  version INTEGER NOT NULL,
  body    TEXT NOT NULL,
  PRIMARY KEY (flow, version)
) WITHOUT ROWID;

-- Changes with every change of an organisation's flows: what is compiled from them is compared with it.
CREATE TABLE flow_stamps (
  org   TEXT PRIMARY KEY,
  stamp INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE runs (
  id           TEXT PRIMARY KEY,
  flow         TEXT NOT NULL,
  flow_version INTEGER NOT NULL,
  org          TEXT NOT NULL,
  -- event, execute or replay.
  cause        TEXT NOT NULL,
  trigger_id   TEXT,
  -- Idempotency: one run for each event and trigger of a flow; a replay has none.
  trigger_key  TEXT,
  event_seq    INTEGER,
  status       TEXT NOT NULL,
  depth        INTEGER NOT NULL,
  next_step    INTEGER NOT NULL,
  -- What an execution was given, or the record as it was before; the rest is with the event.
  context      TEXT,
  steps        TEXT NOT NULL,
  -- Why a condition said no, or the chain of a loop.
  explain      TEXT,
  started_at   INTEGER NOT NULL,
  ended_at     INTEGER,
  error        TEXT
) WITHOUT ROWID;
CREATE UNIQUE INDEX runs_once ON runs(flow, trigger_key) WHERE trigger_key IS NOT NULL;
CREATE INDEX runs_by_flow ON runs(flow, id);
CREATE INDEX runs_not_started ON runs(flow, id) WHERE status IN ('skipped', 'blocked');

CREATE TABLE settings (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;
