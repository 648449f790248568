-- Limits: plans, what keys set for themselves, and counters that outlive the process.

CREATE TABLE plans (
    tenant TEXT COLLATE "C" NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    name TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    limits TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, name)
);

ALTER TABLE keys ADD COLUMN limits TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE keys ADD COLUMN plan TEXT COLLATE "C";
CREATE INDEX keys_by_plan ON keys (tenant, plan) WHERE plan IS NOT NULL;

-- What was taken from a limit, ahead of use. `until` is when the state stops to matter.
CREATE TABLE counters (
    subject TEXT COLLATE "C" NOT NULL,
    rule TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (subject, rule)
);
CREATE INDEX counters_by_end ON counters (until);
