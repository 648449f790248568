//! Why a check was refused. A denial is an answer, not an error; only a broken engine is an error.
//!
//! The enum is exhaustive on purpose: a new reason breaks the build until the code catalogue, the
//! documentation and the specification cases have a line for it.

/// The reason of a refusal, in the order of the rules on the page `spec/verify.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Denial {
    /// Malformed, unknown, or the secret of a pair is wrong. Which of these is never told.
    InvalidKey,
    /// The secret is right, but the key's requests must be signed with it.
    SignatureRequired,
    /// The signature is right, but too old, from the future, or past its end.
    SignatureExpired,
    /// The signature is right, but its nonce was used before.
    SignatureReplayed,
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
    /// The key was presented in a URL, which neither its purpose nor its tenant allows.
    QueryNotAllowed,
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
    /// The request's body is larger than the key may send.
    PayloadTooLarge,
    /// A limit of requests is used up for now.
    RateLimited,
    /// A limit of transferred data is used up for now.
    TransferExceeded,
    /// Credits or a budget are used up.
    QuotaExceeded,
}

impl Denial {
    /// Every reason, in the order of the rules.
    pub const ALL: [Self; 23] = [
        Self::InvalidKey,
        Self::SignatureRequired,
        Self::SignatureExpired,
        Self::SignatureReplayed,
        Self::Revoked,
        Self::Expired,
        Self::NotYetValid,
        Self::Disabled,
        Self::Paused,
        Self::EnvironmentMismatch,
        Self::QueryNotAllowed,
        Self::IpRequired,
        Self::IpDenied,
        Self::CountryDenied,
        Self::NetworkDenied,
        Self::ReferrerDenied,
        Self::AppDenied,
        Self::OutsideTimeWindow,
        Self::InsufficientScope,
        Self::PayloadTooLarge,
        Self::RateLimited,
        Self::TransferExceeded,
        Self::QuotaExceeded,
    ];

    /// Whether counters decide on it, which [`crate::verify::judge`] does not see.
    #[must_use]
    pub const fn is_counted(self) -> bool {
        matches!(
            self,
            Self::RateLimited | Self::TransferExceeded | Self::QuotaExceeded
        )
    }

    /// The stable code, as in `"code"` of a check's answer.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidKey => "invalid_key",
            Self::SignatureRequired => "signature_required",
            Self::SignatureExpired => "signature_expired",
            Self::SignatureReplayed => "signature_replayed",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Disabled => "disabled",
            Self::Paused => "paused",
            Self::EnvironmentMismatch => "environment_mismatch",
            Self::QueryNotAllowed => "query_not_allowed",
            Self::IpRequired => "ip_required",
            Self::IpDenied => "ip_denied",
            Self::CountryDenied => "country_denied",
            Self::NetworkDenied => "network_denied",
            Self::ReferrerDenied => "referrer_denied",
            Self::AppDenied => "app_denied",
            Self::OutsideTimeWindow => "outside_time_window",
            Self::InsufficientScope => "insufficient_scope",
            Self::PayloadTooLarge => "payload_too_large",
            Self::RateLimited => "rate_limited",
            Self::TransferExceeded => "transfer_exceeded",
            Self::QuotaExceeded => "quota_exceeded",
        }
    }
}
