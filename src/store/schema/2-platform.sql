-- Version 2: ids of messages that vendors have delivered to the local platform.

CREATE TABLE seen (
  sender TEXT NOT NULL,
  id     TEXT NOT NULL,
  -- Counts the ids of a sender; its oldest ones are deleted.
  n      INTEGER NOT NULL,
  PRIMARY KEY (sender, id)
) WITHOUT ROWID;

CREATE UNIQUE INDEX seen_order ON seen (sender, n);
