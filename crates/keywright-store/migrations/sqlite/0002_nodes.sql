-- The nodes of a cluster: up to which position of the feed each has put every change in force, until
-- when it may accept keys without asking anew (`leased_until`), and from when on it surely accepts none
-- (`fenced_at`). Moments are the database's own: milliseconds since 1970, by its clock.
CREATE TABLE nodes (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    applied BIGINT NOT NULL,
    leased_until BIGINT NOT NULL,
    fenced_at BIGINT NOT NULL
);

-- The present moment by the database's clock: of the statement, not of its transaction.
CREATE VIEW database_clock AS SELECT CAST(unixepoch('subsec') * 1000 AS BIGINT) AS now;
