//! Liveness and readiness on the wire.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::ToSchema;

/// The answer of `/healthz` and `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Health)]
pub struct HealthBody {
    /// `ok` when every check passed.
    pub status: HealthStatus,
    /// What was looked at; empty for `/healthz`.
    pub checks: Vec<HealthCheck>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct HealthCheck {
    /// What.
    #[schema(value_type = String, example = "database")]
    pub name: &'static str,
    /// How it is.
    pub status: HealthStatus,
    /// A sentence, without secrets or internals.
    #[schema(value_type = Option<String>)]
    pub detail: Option<Cow<'static, str>>,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// Well.
    Ok,
    /// Not.
    Failing,
}

impl HealthBody {
    /// The sum of the checks.
    #[must_use]
    pub fn of(checks: Vec<HealthCheck>) -> Self {
        let failing = checks
            .iter()
            .any(|check| check.status == HealthStatus::Failing);
        let status = if failing {
            HealthStatus::Failing
        } else {
            HealthStatus::Ok
        };
        Self { status, checks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failing_check_fails_the_whole() {
        let check = |status| HealthCheck {
            name: "database",
            status,
            detail: None,
        };
        assert_eq!(HealthBody::of(Vec::new()).status, HealthStatus::Ok);
        assert_eq!(
            HealthBody::of(vec![check(HealthStatus::Ok)]).status,
            HealthStatus::Ok
        );
        let both = vec![check(HealthStatus::Ok), check(HealthStatus::Failing)];
        assert_eq!(HealthBody::of(both).status, HealthStatus::Failing);
    }
}
