-- The sealed secrets of pairs whose requests are signed. Apart from `keys`: few keys have one.
CREATE TABLE request_signing (
    key_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES keys (id) ON DELETE CASCADE,
    tenant TEXT COLLATE "C" NOT NULL,
    sealed_secret BYTEA NOT NULL
);
