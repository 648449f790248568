-- The foundation: tenants, people, keys, audit trail and change feed.
-- Moments are milliseconds since the Unix epoch; ids are printed ids; JSON is TEXT.
-- Never edited after a release; later migrations only add (expand, then contract).

CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
);

CREATE TABLE tenants (
    id TEXT NOT NULL PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    suspended_at BIGINT,
    settings TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE scopes (
    tenant TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    scope TEXT NOT NULL,
    description TEXT NOT NULL,
    implies TEXT NOT NULL,
    PRIMARY KEY (tenant, scope)
);

CREATE TABLE roles (
    tenant TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    grants TEXT NOT NULL,
    builtin BOOLEAN NOT NULL,
    PRIMARY KEY (tenant, name)
);

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    name TEXT,
    platform_admin BOOLEAN NOT NULL,
    disabled_at BIGINT,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    password TEXT
);

-- The key under which a person's data in the audit trail is sealed; destroying it erases the data.
CREATE TABLE subject_keys (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed BLOB NOT NULL
);

CREATE TABLE memberships (
    tenant TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    PRIMARY KEY (tenant, user_id)
);
CREATE INDEX memberships_by_user ON memberships (user_id);

CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    carrier TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    renewed_at BIGINT NOT NULL,
    access_expires_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    origin BLOB,
    access_digest BLOB NOT NULL UNIQUE,
    refresh_digest BLOB UNIQUE,
    former_refresh_digest BLOB UNIQUE
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE invitations (
    id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT REFERENCES tenants (id) ON DELETE CASCADE,
    email TEXT,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    token_digest BLOB NOT NULL UNIQUE
);
CREATE INDEX invitations_by_tenant ON invitations (tenant);
CREATE INDEX invitations_by_end ON invitations (expires_at);

CREATE TABLE signing_keys (
    tenant TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    kid TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    public_jwk TEXT NOT NULL,
    sealed_private BLOB NOT NULL,
    active_at BIGINT NOT NULL,
    retired_at BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, kid)
);

-- `expires_at` and `not_before` hold the extreme numbers for "never" and "always", so that lists sort
-- and page by them without a special case. `folded_name` is the name in lower case, for sorting;
-- `searched` is what a search looks at, in lower case. `row_id` ties a key to its search entry.
CREATE TABLE keys (
    row_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    lineage TEXT NOT NULL,
    format TEXT NOT NULL,
    kind TEXT NOT NULL,
    purpose TEXT,
    name TEXT,
    description TEXT,
    hint TEXT NOT NULL,
    environment TEXT NOT NULL,
    owner TEXT,
    external_id TEXT,
    state TEXT NOT NULL,
    state_at BIGINT,
    revoke_reason TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    scopes TEXT NOT NULL,
    roles TEXT NOT NULL,
    tags TEXT NOT NULL,
    addresses TEXT NOT NULL,
    metadata TEXT,
    pepper_id BIGINT NOT NULL,
    lookup_digest BLOB NOT NULL UNIQUE,
    secret_digest BLOB,
    version BIGINT NOT NULL,
    folded_name TEXT NOT NULL,
    searched TEXT NOT NULL
);
CREATE INDEX keys_by_creation ON keys (tenant, created_at, id);
CREATE INDEX keys_by_name ON keys (tenant, folded_name, id);
CREATE INDEX keys_by_end ON keys (tenant, expires_at, id);
CREATE INDEX keys_by_owner ON keys (owner, tenant) WHERE owner IS NOT NULL;
CREATE INDEX keys_by_external_id ON keys (tenant, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX keys_by_state ON keys (tenant, state, created_at) WHERE state <> 'active';
CREATE INDEX keys_by_pepper ON keys (pepper_id);

-- Apart from `keys`, so that noting a use never touches a key. 0 = never used.
CREATE TABLE key_usage (
    key_id TEXT NOT NULL PRIMARY KEY REFERENCES keys (id) ON DELETE CASCADE,
    tenant TEXT NOT NULL,
    last_used_at BIGINT NOT NULL DEFAULT 0,
    last_address TEXT
) WITHOUT ROWID;
CREATE INDEX key_usage_by_time ON key_usage (tenant, last_used_at, key_id);

-- Keys of a tenant, so that a list's total costs one row.
CREATE TABLE key_counts (
    tenant TEXT NOT NULL PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
    total BIGINT NOT NULL
);

-- Substring search. The entry holds no copy of the text, only its trigrams.
CREATE VIRTUAL TABLE keys_search USING fts5 (
    searched, content = '', contentless_delete = 1, tokenize = 'trigram'
);
CREATE TRIGGER keys_search_insert AFTER INSERT ON keys BEGIN
    INSERT INTO keys_search (rowid, searched) VALUES (new.row_id, new.searched);
END;
CREATE TRIGGER keys_search_delete AFTER DELETE ON keys BEGIN
    DELETE FROM keys_search WHERE rowid = old.row_id;
END;
CREATE TRIGGER keys_search_update AFTER UPDATE OF searched ON keys
WHEN old.searched <> new.searched BEGIN
    DELETE FROM keys_search WHERE rowid = old.row_id;
    INSERT INTO keys_search (rowid, searched) VALUES (new.row_id, new.searched);
END;

-- What nodes must forget, in the order of the commits.
CREATE TABLE feed (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    tenant TEXT,
    id TEXT,
    digest BLOB,
    at BIGINT NOT NULL
);

-- The audit trail. `leaf` is what counts; the other columns repeat it, to search by.
CREATE TABLE audit (
    seq BIGINT NOT NULL PRIMARY KEY,
    leaf BLOB NOT NULL,
    chain BLOB NOT NULL,
    tenant TEXT,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT,
    at BIGINT NOT NULL
);
CREATE INDEX audit_by_tenant ON audit (tenant, seq);
CREATE INDEX audit_by_target ON audit (target, seq);
CREATE INDEX audit_by_actor ON audit (actor, seq);
CREATE INDEX audit_by_time ON audit (at);
CREATE TRIGGER audit_never_updated BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit trail only grows');
END;
CREATE TRIGGER audit_never_deleted BEFORE DELETE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit trail only grows');
END;

CREATE TABLE audit_head (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    size BIGINT NOT NULL,
    chain BLOB NOT NULL,
    frontier BLOB NOT NULL,
    mac BLOB NOT NULL
);

CREATE TABLE idempotency (
    scope BLOB NOT NULL PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    status BIGINT NOT NULL,
    body BLOB NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX idempotency_by_end ON idempotency (expires_at);

CREATE TABLE keyring_checks (
    kind TEXT NOT NULL,
    id BIGINT NOT NULL,
    check_value BLOB NOT NULL,
    PRIMARY KEY (kind, id)
);
