-- Version 5: jobs of the platform's own queues. Their endpoint is 0, which is the id of no row in endpoints, so the delivery engine
-- never claims them. Their request is a name and JSON data in payloads.body.

ALTER TABLE payloads ADD COLUMN name TEXT;
-- Names the plan that a job belongs to, such as a flow's schedule. At most one job that waits has a key.
ALTER TABLE jobs ADD COLUMN key TEXT;
CREATE UNIQUE INDEX jobs_key ON jobs(key) WHERE key IS NOT NULL AND state = 0;
-- The oldest completed jobs of a queue are deleted.
CREATE INDEX jobs_worked ON jobs(queue, id) WHERE endpoint = 0 AND state = 2;
