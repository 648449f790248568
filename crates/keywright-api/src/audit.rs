//! The audit trail on the wire.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// One entry of the audit trail.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuditEntry {
    /// Its place in the trail, from 1.
    pub seq: u64,
    /// Unix seconds.
    pub at: i64,
    /// What was done, such as `revoke_key`.
    #[schema(example = "revoke_key")]
    pub action: String,
    /// Who did it: a user, a system key, `operator` or `anonymous`.
    #[schema(example = "user-0198c5f2-a7e0-7f3c-8b1a-0c5d2e9f4a61")]
    pub actor: String,
    /// To what.
    #[schema(example = "key-550e8400-e29b-41d4-a716-446655440000")]
    pub target: Option<String>,
    /// In which tenant; `null` = the installation.
    pub tenant: Option<String>,
    /// Whether it succeeded.
    pub result: AuditResult,
    /// What was before and after, field by field.
    #[schema(value_type = Object)]
    pub changes: Box<RawValue>,
    /// The caller's address; `null` when it is not known, or was erased.
    pub address: Option<String>,
    /// The caller's program; `null` when it is not known, or was erased.
    pub user_agent: Option<String>,
    /// The request that did it.
    pub request_id: Option<String>,
}

/// Whether what was tried succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditResult {
    /// Yes.
    Success,
    /// No.
    Failure,
}

/// The end of the audit trail: what a witness writes down to prove later that nothing was changed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuditHead {
    /// How many entries there are.
    pub size: u64,
    /// The root of the tree over them (RFC 6962), in base64.
    pub root_hash: String,
    /// The hash of the last entry, in hexadecimal.
    pub chain_hash: String,
    /// The signed checkpoint (C2SP tlog-checkpoint in a signed note).
    pub checkpoint: String,
    /// The verifier key of the checkpoint; it changes with the root key.
    pub vkey: String,
}

/// What a verification of the audit trail found.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuditReport {
    /// Whether every entry is as it was written, and none is missing.
    pub valid: bool,
    /// How many entries were read.
    pub entries: u64,
    /// The root of the tree over them (RFC 6962), in base64.
    pub root_hash: String,
    /// What is wrong; empty when valid.
    pub faults: Vec<AuditFault>,
}

/// One thing that is wrong with the audit trail.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuditFault {
    /// The entry; `null` = the head.
    pub seq: Option<u64>,
    /// What is wrong.
    pub problem: String,
}
