//! Why a check was refused. A denial is an answer, not an error; only a broken engine is an error.
//!
//! The enum is exhaustive on purpose: a new reason breaks the build until the code catalogue, the
//! documentation and the specification cases have a line for it.

/// The reason of a refusal, in the order of the rules on the page `spec/verify.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Denial {
    /// Malformed, unknown, or the secret of a pair is wrong. Which of these is never told.
    InvalidKey,
    /// The key was revoked.
    Revoked,
    /// The key's life is over.
    Expired,
    /// The key's life has not begun.
    NotYetValid,
    /// The key, its owner or its tenant is switched off.
    Disabled,
    /// The key rests until a moment.
    Paused,
    /// The key belongs to another environment than the request.
    EnvironmentMismatch,
    /// The key has address rules and the request did not say from where it came.
    IpRequired,
    /// The client's address is on the deny list, or not on the allow list.
    IpDenied,
    /// The client's country is denied, not allowed, or not known.
    CountryDenied,
    /// The client's network is denied, not allowed, or not known.
    NetworkDenied,
    /// No referrer rule matches the site that asks.
    ReferrerDenied,
    /// No rule matches the app that asks.
    AppDenied,
    /// No time window is open.
    OutsideTimeWindow,
    /// The key lacks a required permission.
    InsufficientScope,
}

impl Denial {
    /// Every reason, in the order of the rules.
    pub const ALL: [Self; 15] = [
        Self::InvalidKey,
        Self::Revoked,
        Self::Expired,
        Self::NotYetValid,
        Self::Disabled,
        Self::Paused,
        Self::EnvironmentMismatch,
        Self::IpRequired,
        Self::IpDenied,
        Self::CountryDenied,
        Self::NetworkDenied,
        Self::ReferrerDenied,
        Self::AppDenied,
        Self::OutsideTimeWindow,
        Self::InsufficientScope,
    ];

    /// The stable code, as in `"code"` of a check's answer.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidKey => "invalid_key",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Disabled => "disabled",
            Self::Paused => "paused",
            Self::EnvironmentMismatch => "environment_mismatch",
            Self::IpRequired => "ip_required",
            Self::IpDenied => "ip_denied",
            Self::CountryDenied => "country_denied",
            Self::NetworkDenied => "network_denied",
            Self::ReferrerDenied => "referrer_denied",
            Self::AppDenied => "app_denied",
            Self::OutsideTimeWindow => "outside_time_window",
            Self::InsufficientScope => "insufficient_scope",
        }
    }
}
