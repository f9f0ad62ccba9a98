-- Version 6: blind copies, and the bytes of all messages up to each one, also of those that have been deleted.

ALTER TABLE outbox ADD COLUMN blind TEXT NOT NULL DEFAULT '[]';
ALTER TABLE outbox ADD COLUMN total INTEGER NOT NULL DEFAULT 0;
