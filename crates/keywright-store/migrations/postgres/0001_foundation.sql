-- The foundation: tenants, people, keys, audit trail and change feed.
-- Moments are milliseconds since the Unix epoch; ids are printed ids; JSON is TEXT.
-- Never edited after a release; later migrations only add (expand, then contract).

CREATE TABLE meta (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE tenants (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    slug TEXT COLLATE "C" NOT NULL UNIQUE,
    name TEXT COLLATE "C" NOT NULL,
    suspended_at BIGINT,
    settings TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE scopes (
    tenant TEXT COLLATE "C" NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    scope TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    implies TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, scope)
);

CREATE TABLE roles (
    tenant TEXT COLLATE "C" NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    name TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    grants TEXT COLLATE "C" NOT NULL,
    builtin BOOLEAN NOT NULL,
    PRIMARY KEY (tenant, name)
);

CREATE TABLE users (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    email TEXT COLLATE "C" NOT NULL UNIQUE,
    name TEXT COLLATE "C",
    platform_admin BOOLEAN NOT NULL,
    disabled_at BIGINT,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    password TEXT COLLATE "C"
);

-- The key under which a person's data in the audit trail is sealed; destroying it erases the data.
CREATE TABLE subject_keys (
    user_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed BYTEA NOT NULL
);

CREATE TABLE memberships (
    tenant TEXT COLLATE "C" NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, user_id)
);
CREATE INDEX memberships_by_user ON memberships (user_id);

CREATE TABLE sessions (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    carrier TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    renewed_at BIGINT NOT NULL,
    access_expires_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    origin BYTEA,
    access_digest BYTEA NOT NULL UNIQUE,
    refresh_digest BYTEA UNIQUE,
    former_refresh_digest BYTEA UNIQUE
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE invitations (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant TEXT COLLATE "C" REFERENCES tenants (id) ON DELETE CASCADE,
    email TEXT COLLATE "C",
    role TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    token_digest BYTEA NOT NULL UNIQUE
);
CREATE INDEX invitations_by_tenant ON invitations (tenant);
CREATE INDEX invitations_by_end ON invitations (expires_at);

CREATE TABLE signing_keys (
    tenant TEXT COLLATE "C" NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    kid TEXT COLLATE "C" NOT NULL,
    algorithm TEXT COLLATE "C" NOT NULL,
    public_jwk TEXT COLLATE "C" NOT NULL,
    sealed_private BYTEA NOT NULL,
    active_at BIGINT NOT NULL,
    retired_at BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, kid)
);

-- `expires_at` and `not_before` hold the extreme numbers for "never" and "always", so that lists sort
-- and page by them without a special case. `folded_name` is the name in lower case, for sorting;
-- `searched` is what a search looks at, in lower case.
CREATE TABLE keys (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    lineage TEXT COLLATE "C" NOT NULL,
    format TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    purpose TEXT COLLATE "C",
    name TEXT COLLATE "C",
    description TEXT COLLATE "C",
    hint TEXT COLLATE "C" NOT NULL,
    environment TEXT COLLATE "C" NOT NULL,
    owner TEXT COLLATE "C",
    external_id TEXT COLLATE "C",
    state TEXT COLLATE "C" NOT NULL,
    state_at BIGINT,
    revoke_reason TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    scopes TEXT COLLATE "C" NOT NULL,
    roles TEXT COLLATE "C" NOT NULL,
    tags TEXT COLLATE "C" NOT NULL,
    addresses TEXT COLLATE "C" NOT NULL,
    metadata TEXT COLLATE "C",
    pepper_id BIGINT NOT NULL,
    lookup_digest BYTEA NOT NULL UNIQUE,
    secret_digest BYTEA,
    version BIGINT NOT NULL,
    folded_name TEXT COLLATE "C" NOT NULL,
    searched TEXT COLLATE "C" NOT NULL
);
CREATE INDEX keys_by_creation ON keys (tenant, created_at, id);
CREATE INDEX keys_by_name ON keys (tenant, folded_name, id);
CREATE INDEX keys_by_end ON keys (tenant, expires_at, id);
CREATE INDEX keys_by_owner ON keys (owner, tenant) WHERE owner IS NOT NULL;
CREATE INDEX keys_by_external_id ON keys (tenant, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX keys_by_state ON keys (tenant, state, created_at) WHERE state <> 'active';
CREATE INDEX keys_by_labels ON keys USING gin ((scopes::jsonb), (roles::jsonb), (tags::jsonb));
CREATE INDEX keys_by_pepper ON keys (pepper_id);

-- Apart from `keys`, so that noting a use never touches a key. 0 = never used.
CREATE TABLE key_usage (
    key_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES keys (id) ON DELETE CASCADE,
    tenant TEXT COLLATE "C" NOT NULL,
    last_used_at BIGINT NOT NULL DEFAULT 0,
    last_address TEXT COLLATE "C"
);
CREATE INDEX key_usage_by_time ON key_usage (tenant, last_used_at, key_id);

-- Keys of a tenant, so that a list's total costs one row.
CREATE TABLE key_counts (
    tenant TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
    total BIGINT NOT NULL
);

-- Substring search. Without the extension it works too, by reading every key of the tenant: some
-- hosts do not let the owner of a database create it.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX keys_by_text ON keys USING gin (searched gin_trgm_ops);
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'pg_trgm is not available: searches will read every key of a tenant';
END
$$;

-- What nodes must forget, in the order of the commits.
CREATE SEQUENCE feed_seq AS BIGINT CACHE 1;
CREATE TABLE feed (
    seq BIGINT NOT NULL PRIMARY KEY DEFAULT nextval('feed_seq'),
    kind TEXT COLLATE "C" NOT NULL,
    tenant TEXT COLLATE "C",
    id TEXT COLLATE "C",
    digest BYTEA,
    at BIGINT NOT NULL
);

-- The audit trail. `leaf` is what counts; the other columns repeat it, to search by.
CREATE TABLE audit (
    seq BIGINT NOT NULL PRIMARY KEY,
    leaf BYTEA NOT NULL,
    chain BYTEA NOT NULL,
    tenant TEXT COLLATE "C",
    actor TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    target TEXT COLLATE "C",
    at BIGINT NOT NULL
);
CREATE INDEX audit_by_tenant ON audit (tenant, seq);
CREATE INDEX audit_by_target ON audit (target, seq);
CREATE INDEX audit_by_actor ON audit (actor, seq);
CREATE INDEX audit_by_time ON audit (at);
CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail only grows';
END
$$;
CREATE TRIGGER audit_never_updated BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_only_grows();
CREATE TRIGGER audit_never_truncated BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows();

CREATE TABLE audit_head (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    size BIGINT NOT NULL,
    chain BYTEA NOT NULL,
    frontier BYTEA NOT NULL,
    mac BYTEA NOT NULL
);

CREATE TABLE idempotency (
    scope BYTEA NOT NULL PRIMARY KEY,
    fingerprint BYTEA NOT NULL,
    status BIGINT NOT NULL,
    body BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX idempotency_by_end ON idempotency (expires_at);

CREATE TABLE keyring_checks (
    kind TEXT COLLATE "C" NOT NULL,
    id BIGINT NOT NULL,
    check_value BYTEA NOT NULL,
    PRIMARY KEY (kind, id)
);
