-- Version 2: what senders have delivered to the local platform, by their own ids. A database of version 1 gets it, too.

CREATE TABLE seen (
  n      INTEGER PRIMARY KEY AUTOINCREMENT,
  sender TEXT NOT NULL,
  id     TEXT NOT NULL,
  UNIQUE (sender, id)
);
