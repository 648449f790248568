//! A tenant's JWT signing keys on the wire. Never the private part.

use serde::Serialize;
use utoipa::ToSchema;

use crate::names::JwtAlgorithm;

/// A signing key.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SigningKey)]
pub struct SigningKeyBody {
    /// The `kid` of the JWTs that it signed: its thumbprint (RFC 7638).
    pub kid: String,
    /// What it signs with.
    #[schema(value_type = JwtAlgorithm)]
    pub algorithm: &'static str,
    /// `pending`, `active` or `retired`.
    pub status: SigningKeyStatus,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds since when it signs.
    pub activated_at: Option<i64>,
    /// Unix seconds since when it signs no more.
    pub retired_at: Option<i64>,
}

/// Where a signing key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SigningKeyStatus {
    /// Published, so that verifiers know it before it signs.
    Pending,
    /// Signs.
    Active,
    /// Signs no more; published while what it signed is valid.
    Retired,
}
