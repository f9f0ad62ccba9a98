-- Version 5: jobs of the platform's own queues. Their endpoint is 0, which is the id of no row in endpoints, so the delivery engine
-- never claims them. Their request is a name and JSON data in payloads.body.

ALTER TABLE payloads ADD COLUMN name TEXT;
-- Names the plan that a job belongs to, such as a flow's schedule. At most one job that waits has a key.
ALTER TABLE jobs ADD COLUMN key TEXT;
CREATE UNIQUE INDEX jobs_key ON jobs(key) WHERE key IS NOT NULL AND state IN (0, 7);
-- The oldest completed jobs of a queue are deleted.
CREATE INDEX jobs_worked ON jobs(queue, id) WHERE endpoint = 0 AND state = 2;
-- Counts the jobs of the platform's own queues without reading their rows.
CREATE INDEX jobs_of_queue ON jobs(queue, state, run_at, id) WHERE endpoint = 0;

-- Queues whose jobs are not attempted. Their waiting jobs are in state 7, so the indexes of claims contain only jobs that may be claimed.
CREATE TABLE paused (
  queue     TEXT PRIMARY KEY,
  paused_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX jobs_paused ON jobs(queue, id) WHERE state = 7;
-- A job of a paused queue becomes paused wherever it would wait: added, released, failed, retried.
CREATE TRIGGER jobs_pause_new AFTER INSERT ON jobs
WHEN new.state = 0 AND EXISTS (SELECT 1 FROM paused WHERE queue = new.queue)
BEGIN UPDATE jobs SET state = 7 WHERE id = new.id; END;
CREATE TRIGGER jobs_pause_again AFTER UPDATE OF state ON jobs
WHEN new.state = 0 AND EXISTS (SELECT 1 FROM paused WHERE queue = new.queue)
BEGIN UPDATE jobs SET state = 7 WHERE id = new.id; END;
