-- The sealed secrets of pairs whose requests are signed. Apart from `keys`: few keys have one.
CREATE TABLE request_signing (
    key_id TEXT NOT NULL PRIMARY KEY REFERENCES keys (id) ON DELETE CASCADE,
    tenant TEXT NOT NULL,
    sealed_secret BLOB NOT NULL
) WITHOUT ROWID;
