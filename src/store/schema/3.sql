-- Version 3: no delivery waits for another one any more. No version of evt ever wrote an order key, so no job is in state 7.

DROP INDEX jobs_order;
ALTER TABLE jobs DROP COLUMN order_key;
