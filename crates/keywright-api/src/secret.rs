//! Root keys and peppers on the wire: which there are, never what they are.

use serde::Serialize;
use utoipa::ToSchema;

/// The keys of the keyring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Secrets)]
pub struct SecretsBody {
    /// What seals values at rest.
    pub roots: Vec<SecretKeyBody>,
    /// What digests keys and passwords.
    pub peppers: Vec<SecretKeyBody>,
}

/// One key of the keyring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SecretKey)]
pub struct SecretKeyBody {
    /// Which one.
    pub id: u32,
    /// Whether new values use it.
    pub current: bool,
    /// Rows that cannot do without it.
    pub needed_by: u64,
}
