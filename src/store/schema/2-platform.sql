-- Version 2: what senders have delivered to the local platform, by their own ids.

CREATE TABLE seen (
  sender TEXT NOT NULL,
  id     TEXT NOT NULL,
  -- Counts a sender's ids: the oldest of each go, whatever the others do.
  n      INTEGER NOT NULL,
  PRIMARY KEY (sender, id)
) WITHOUT ROWID;

CREATE UNIQUE INDEX seen_order ON seen (sender, n);
