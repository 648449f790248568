//! The plain answer of calls that have nothing to show.

use serde::Serialize;
use utoipa::ToSchema;

/// That something was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Success)]
pub struct SuccessBody {
    /// Always true; failures have an error body.
    pub success: bool,
    /// What was done, in a sentence.
    #[schema(value_type = String, example = "API key revoked successfully")]
    pub message: &'static str,
}

impl SuccessBody {
    /// Done, in this sentence.
    #[must_use]
    pub const fn new(message: &'static str) -> Self {
        Self {
            success: true,
            message,
        }
    }
}

/// The answer of a revocation, to the letter of what older clients expect.
pub const KEY_REVOKED: SuccessBody = SuccessBody::new("API key revoked successfully");
/// The answer of a deletion.
pub const KEY_DELETED: SuccessBody = SuccessBody::new("API key deleted successfully");

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn a_revocation_answers_to_the_letter() {
        assert_eq!(
            serde_json::to_string(&KEY_REVOKED).unwrap(),
            r#"{"success":true,"message":"API key revoked successfully"}"#
        );
    }
}
