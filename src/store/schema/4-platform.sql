-- Version 4: a run is started in the commit that stores its event, so no event starts it twice.

DROP INDEX runs_once;
ALTER TABLE runs DROP COLUMN trigger_key;
-- Retention looks for the runs that an event belongs to.
CREATE INDEX runs_by_event ON runs(event_seq) WHERE event_seq IS NOT NULL;
