-- Version 5: what runs wait for. A row per event name and id of the run's subject; the job ends the wait at its time limit.

CREATE TABLE waits (
  org     TEXT NOT NULL,
  event   TEXT NOT NULL,
  subject TEXT NOT NULL,
  job     INTEGER NOT NULL,
  PRIMARY KEY (org, event, subject, job)
) WITHOUT ROWID;
CREATE INDEX waits_job ON waits(job);
CREATE INDEX runs_running ON runs(flow) WHERE status = 'running';
CREATE INDEX runs_stopped ON runs(status) WHERE status IN ('failed', 'cancelled');

-- Notifications and phone calls that the platform has "sent".
CREATE TABLE outbox (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  org        TEXT NOT NULL,
  -- email, sms, whatsapp, push, inapp, call
  channel    TEXT NOT NULL,
  sent_at    INTEGER NOT NULL,
  -- JSON: lists of addresses.
  recipients TEXT NOT NULL,
  copies     TEXT NOT NULL,
  blind      TEXT NOT NULL DEFAULT '[]',
  sender     TEXT,
  subject    TEXT,
  body       TEXT NOT NULL,
  -- What it belongs to, such as a run or a campaign.
  cause      TEXT,
  event_seq  INTEGER,
  -- Delivery by SMTP. 0: not asked for, 1: waits, 2: delivered, 3: given up.
  smtp       INTEGER NOT NULL DEFAULT 0,
  tries      INTEGER NOT NULL DEFAULT 0,
  retry_at   INTEGER,
  error      TEXT,
  -- Bytes of all messages up to this one, also of those that have been deleted.
  total      INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX outbox_smtp ON outbox(retry_at) WHERE smtp = 1;
CREATE INDEX outbox_cause ON outbox(cause) WHERE cause IS NOT NULL;

-- The hashes of the passwords of users and customers, outside of their records, which any caller can read.
CREATE TABLE passwords (
  org      TEXT NOT NULL,
  datatype TEXT NOT NULL,
  sk       TEXT NOT NULL,
  hash     TEXT NOT NULL,
  PRIMARY KEY (org, datatype, sk)
) WITHOUT ROWID;
