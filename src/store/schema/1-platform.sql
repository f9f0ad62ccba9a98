-- Version 1: additional tables of the local platform.

CREATE TABLE records (
  org        TEXT NOT NULL,
  datatype   TEXT NOT NULL,
  sk         TEXT NOT NULL,
  version    INTEGER NOT NULL,
  state      TEXT NOT NULL,
  createdate INTEGER NOT NULL,
  modifydate INTEGER NOT NULL,
  -- The whole BaseModel as JSON, with the order of keys of the responses.
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
  -- The document that the client sent. It is compiled before it runs.
  body       TEXT NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX flows_name ON flows(org, name);

-- Versions that runs may still need: a run continues with the version that it started with.
CREATE TABLE flow_versions (
  flow    TEXT NOT NULL,
  version INTEGER NOT NULL,
  body    TEXT NOT NULL,
  PRIMARY KEY (flow, version)
) WITHOUT ROWID;

-- Changes with every change of an organisation's flows; compiled flows are cached until it changes.
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
  -- Idempotency key: one run per event and trigger of a flow. NULL for a replay.
  trigger_key  TEXT,
  event_seq    INTEGER,
  status       TEXT NOT NULL,
  depth        INTEGER NOT NULL,
  next_step    INTEGER NOT NULL,
  -- The input of an execution, or the record before the change. Everything else is in the event.
  context      TEXT,
  steps        TEXT NOT NULL,
  -- Why a condition did not match, or the chain of events that forms a loop.
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
