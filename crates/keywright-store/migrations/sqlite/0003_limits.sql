-- Limits: plans, what keys set for themselves, and counters that outlive the process.

CREATE TABLE plans (
    tenant TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    limits TEXT NOT NULL,
    PRIMARY KEY (tenant, name)
);

ALTER TABLE keys ADD COLUMN limits TEXT NOT NULL DEFAULT '';
ALTER TABLE keys ADD COLUMN plan TEXT;
CREATE INDEX keys_by_plan ON keys (tenant, plan) WHERE plan IS NOT NULL;

-- What was taken from a limit, ahead of use. `until` is when the state stops to matter.
CREATE TABLE counters (
    subject TEXT NOT NULL,
    rule TEXT NOT NULL,
    state TEXT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (subject, rule)
) WITHOUT ROWID;
CREATE INDEX counters_by_end ON counters (until);
