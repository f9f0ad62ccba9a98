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
