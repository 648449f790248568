//! The error catalogue: every code with its HTTP status, its sentence and its documentation. A new
//! reason of `keywright-core` breaks the build here until it has its line.

use std::fmt;

use keywright_core::denial::Denial;
use serde::{Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// RFC 6750, 3.1: the credential is malformed, unknown, revoked or out of its life.
const INVALID_TOKEN: &str = "invalid_token";
/// RFC 6750, 3.1: the credential is good but not good for this.
const INSUFFICIENT_SCOPE: &str = "insufficient_scope";

macro_rules! catalogue {
    ($($variant:ident = $name:literal, $status:literal, $error:expr, $sentence:literal, $cause:literal, $remedy:literal;)+) => {
        /// A stable error code. Codes are never renamed and never change their meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $sentence] $variant),+
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The HTTP status (RFC 9110).
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),+ }
            }

            /// The `error` member: RFC 6750's value where it has one, else the code itself.
            #[must_use]
            pub const fn error(self) -> &'static str {
                match self { $(Self::$variant => $error),+ }
            }

            /// The default `error_description`, in the characters that RFC 6750 allows there.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence),+ }
            }

            /// What leads to this code, for the documentation.
            #[must_use]
            pub const fn cause(self) -> &'static str {
                match self { $(Self::$variant => $cause),+ }
            }

            /// What to do about it, for the documentation.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy),+ }
            }
        }
    };
}

catalogue! {
    InvalidKey = "invalid_key", 401, INVALID_TOKEN,
        "API key is not valid",
        "The key is malformed, its checksum is wrong, nobody knows it, or the secret of a pair does not match. Which of these is never told, so that nobody can probe for keys.",
        "Check that the whole key was copied and that it goes to the right installation. `keywright key inspect` checks form and checksum offline.";
    SignatureRequired = "signature_required", 401, INVALID_TOKEN,
        "Requests with this API key must be signed",
        "The key was created with `request_signing`, and its secret was sent instead of a signature. The secret is right.",
        "Sign the request (RFC 9421), for instance with `keywright sign`; the secret itself stays with its holder. This one has now travelled: consider a new key.";
    SignatureExpired = "signature_expired", 401, INVALID_TOKEN,
        "Request signature is too old or from the future",
        "The signature is right, but `created` is more than 300 seconds from the server's clock, or `expires` has passed.",
        "Sign each request when it is sent, and check the clocks of both sides.";
    SignatureReplayed = "signature_replayed", 401, INVALID_TOKEN,
        "Request signature was used before",
        "The signature is right, but a request with the same nonce was accepted within the last ten minutes. Somebody may have recorded the request.",
        "Sign every request anew with a fresh random nonce, repetitions too.";
    Revoked = "revoked", 401, INVALID_TOKEN,
        "API key has been revoked",
        "Somebody ended the key for good.",
        "Create a new API key. A revoked key never works again.";
    Expired = "expired", 401, INVALID_TOKEN,
        "API key has expired",
        "The moment in `expires_at` has passed.",
        "Create a new API key, or let an administrator set a later `expires_at`.";
    NotYetValid = "not_yet_valid", 401, INVALID_TOKEN,
        "API key is not valid yet",
        "The moment in `not_before` has not come.",
        "Wait until then, or set an earlier `not_before`. Check the server's clock if the moment is past.";
    Disabled = "disabled", 401, INVALID_TOKEN,
        "API key is disabled",
        "The key, its owner or its tenant is switched off.",
        "Ask an administrator to enable the key, its owner or its tenant.";
    Paused = "paused", 401, INVALID_TOKEN,
        "API key is paused",
        "The key rests until the moment in `paused_until`. It works again by itself then.",
        "Wait as many seconds as `retry_after` says, or let an administrator set `paused_until` to `null`.";
    EnvironmentMismatch = "environment_mismatch", 403, "environment_mismatch",
        "API key belongs to another environment",
        "The check names an environment, and the key was made for another one.",
        "Use a key of that environment.";
    QueryNotAllowed = "query_not_allowed", 400, "invalid_request",
        "API key may not be sent in a URL",
        "The check says that the key stood in a query parameter. URLs end up in logs and histories, so only publishable keys (`web` and `mobile`) may stand there.",
        "Send the key as `Authorization: Bearer <key>`. An administrator can set `query_credentials` of the tenant for clients that cannot; then replace keys that were logged.";
    IpRequired = "ip_required", 403, "ip_required",
        "API key is restricted by address and the request did not say its address",
        "The key has address rules, and the caller of the check did not pass the client's address.",
        "Pass `request.ip` in the check, or configure the trusted proxies so that the address is known.";
    IpDenied = "ip_denied", 403, "ip_denied",
        "API key may not be used from this address",
        "The client's address is on the key's deny list, or its allow list does not contain it.",
        "Call from an allowed address, or change `ip_allow` and `ip_deny` of the key.";
    CountryDenied = "country_denied", 403, "country_denied",
        "API key may not be used in this country",
        "The client's country is on the key's deny list, its allow list does not contain it, or the country is not known though the key has country rules.",
        "Pass `request.country` in the check, or set `geo_country_database` and pass `request.ip`; else change `countries_allow` and `countries_deny` of the key. `explain` says which it was.";
    NetworkDenied = "network_denied", 403, "network_denied",
        "API key may not be used from this network",
        "The client's network (AS number) is on the key's deny list, its allow list does not contain it, or the network is not known though the key has network rules.",
        "Pass `request.asn` in the check, or set `geo_network_database` and pass `request.ip`; else change `networks_allow` and `networks_deny` of the key. `explain` says which it was.";
    ReferrerDenied = "referrer_denied", 403, "referrer_denied",
        "API key may not be used by this web site",
        "The key has referrer rules, and none matches the origin of the request, or the request gave neither `Origin` nor `Referer`. Ports other than the scheme's own must be named in the rule, and `*.example.com/*` is not `example.com`.",
        "Pass `request.origin` and `request.referrer` in the check, or change `referrers` of the key. These rules keep other web sites away, not programs, which may send any header.";
    AppDenied = "app_denied", 403, "app_denied",
        "API key may not be used by this app",
        "The key is for apps, and the app that the request names is none of them, or the request names none.",
        "Pass `request.android_package` and `request.android_cert_sha1`, or `request.ios_bundle`, in the check; or change `android_apps` or `ios_bundles` of the key.";
    OutsideTimeWindow = "outside_time_window", 403, "outside_time_window",
        "API key may not be used at this time",
        "The key has time windows, and none of them is open.",
        "Try again within a window, or change `time_windows` of the key.";
    InsufficientScope = "insufficient_scope", 403, INSUFFICIENT_SCOPE,
        "API key does not have required permissions",
        "The key lacks a permission that the operation needs. `required` and `granted` in the answer name both.",
        "Create a new key with the required scopes, or add them to this key.";
    RateLimited = "rate_limited", 429, "rate_limited",
        "API key has reached its request limit",
        "A limit of requests is used up for now. `limits` in the answer shows each; `retry_after` says when the same request would pass.",
        "Wait as long as `Retry-After` says, spread requests out, or have an administrator raise the limit or change the plan.";
    TransferExceeded = "transfer_exceeded", 429, "transfer_exceeded",
        "API key has reached its data transfer limit",
        "The data that the key may transfer in a day is used up.",
        "Wait for the next day (UTC), or have an administrator raise `bandwidth.totalGbPerDay`.";
    QuotaExceeded = "quota_exceeded", 429, "quota_exceeded",
        "API key has used up its quota",
        "The key's credits, or a budget that it is held to, are used up.",
        "Wait for the next refill, if there is one, or have an administrator raise the amount.";
    MissingKey = "missing_key", 401, "missing_key",
        "No API key was presented",
        "The request carries no API key.",
        "Send it as `Authorization: Bearer <key>` or in `X-API-Key`.";
    InvalidRequest = "invalid_request", 400, "invalid_request",
        "The request is not valid",
        "A header or a query parameter is malformed, or stands twice; for instance two credentials in one request, or an API key in the query where that is off.",
        "Read `error_description` and `details`, which name the part that is wrong.";
    MalformedJson = "malformed_json", 400, "malformed_json",
        "The body is not valid JSON",
        "The body cannot be read as one JSON document (RFC 8259): a syntax error, a member that stands twice, bytes that are not UTF-8, or too deep nesting.",
        "Mend the body at the place that `details` names.";
    ValidationFailed = "validation_failed", 422, "validation_failed",
        "Some fields are not valid",
        "The body is JSON, but fields have a wrong type or a value that is not allowed. `details` has one entry for each.",
        "Follow the `fix` of each detail.";
    NotFound = "not_found", 404, "not_found",
        "There is no such resource",
        "The resource does not exist, or the caller may not know that it does. Both answer alike.",
        "Check the address, the tenant and the identifier, and that the account may see it.";
    MethodNotAllowed = "method_not_allowed", 405, "method_not_allowed",
        "The resource does not have this method",
        "The path exists, but not with this HTTP method.",
        "Use one of the methods that the `Allow` header names.";
    Conflict = "conflict", 409, "conflict",
        "The change does not fit the present state",
        "Another change came first, or other things depend on what was to be changed; for instance the last owner of a tenant cannot be removed.",
        "Read the resource again and decide anew.";
    Duplicate = "duplicate", 409, "duplicate",
        "Something with this name exists already",
        "A slug, e-mail address, scope, role or custom key value is taken.",
        "Choose another one, or change what exists.";
    InvalidTransition = "invalid_transition", 409, "invalid_transition",
        "The key is not in a state that allows this",
        "The key is revoked, disabled or enabled already, or revoked keys cannot be changed so.",
        "Read the key again. To replace a revoked key, create a new one.";
    ConfirmationRequired = "confirmation_required", 409, "confirmation_required",
        "The key was used in the last 24 hours; repeat with confirm=true to delete it",
        "Deleting a key that is in use breaks whoever uses it.",
        "Make sure that nobody needs the key, then repeat the call with `?confirm=true`.";
    PreconditionFailed = "precondition_failed", 412, "precondition_failed",
        "The resource was changed in the meantime",
        "`If-Match` names a version that is no longer the present one.",
        "Read the resource again, merge, and repeat with the new `ETag`.";
    PayloadTooLarge = "payload_too_large", 413, "payload_too_large",
        "The body is too large",
        "The body has more bytes than this operation takes.",
        "Send less, or split the call.";
    UriTooLong = "uri_too_long", 414, "uri_too_long",
        "The address is too long",
        "Path and query together have more bytes than the server takes.",
        "Shorten the query.";
    UnsupportedMediaType = "unsupported_media_type", 415, "unsupported_media_type",
        "The body must be sent as application/json",
        "`Content-Type` is missing or is not JSON.",
        "Send `Content-Type: application/json`.";
    HeadersTooLarge = "headers_too_large", 431, "headers_too_large",
        "The headers are too large",
        "The header fields have more bytes than the server takes.",
        "Send fewer or shorter headers; cookies of other sites are a common reason.";
    IdempotencyMismatch = "idempotency_mismatch", 422, "idempotency_mismatch",
        "This Idempotency-Key was used for another request",
        "The same `Idempotency-Key` came with another method, path or body in the last 24 hours.",
        "Use a new key for a new request.";
    IdempotencyInProgress = "idempotency_in_progress", 409, "idempotency_in_progress",
        "A request with this Idempotency-Key is still running",
        "The first request with this key has not been answered yet.",
        "Wait a moment and repeat.";
    Unauthenticated = "unauthenticated", 401, INVALID_TOKEN,
        "Sign in or present a valid access token",
        "The management call carries no credential, or one that is not known.",
        "Sign in with `POST /api/v1/auth/login` and send the access token as `Authorization: Bearer <token>`, or use a system key.";
    InvalidCredentials = "invalid_credentials", 401, "invalid_credentials",
        "The e-mail address or the password is wrong",
        "Sign-in failed. Whether the account exists is never told.",
        "Check both. An administrator can send a new invitation.";
    SessionExpired = "session_expired", 401, INVALID_TOKEN,
        "The session has ended",
        "The access token or the session is past its life, or somebody ended it.",
        "Renew it with the refresh token, or sign in again.";
    Forbidden = "forbidden", 403, INSUFFICIENT_SCOPE,
        "You may not do this",
        "The caller is known and may see the resource, but its role or its scopes do not allow the operation.",
        "Ask an administrator for the role, or use a system key with the scope that the documentation of the operation names.";
    CsrfFailed = "csrf_failed", 403, "csrf_failed",
        "The CSRF token is missing or wrong",
        "A call with a session cookie must prove that it comes from the dashboard.",
        "Send the token of the sign-in's answer in `X-CSRF-Token`, or sign in again.";
    CleartextRefused = "cleartext_refused", 403, "cleartext_refused",
        "Credentials are not accepted over plain HTTP",
        "The request came in clear, or a trusted proxy did not say `X-Forwarded-Proto: https` of it, and it carries a credential or a body that may hold one. Whether the credential is good makes no difference.",
        "Call over HTTPS, and replace what was sent in clear. Operators: let the TLS proxy set `X-Forwarded-Proto`, or say `insecure_http` where plain HTTP is meant.";
    TooManyAttempts = "too_many_attempts", 429, "too_many_attempts",
        "Too many attempts; wait and try again",
        "Too many failed attempts to sign in, or to guess a key or token, from this address or for this account; or so many unknown keys from everywhere that a key which was not used of late has to wait.",
        "Wait as many seconds as `Retry-After` says.";
    RequestTimeout = "request_timeout", 408, "request_timeout",
        "The request did not arrive in time",
        "The client began a request and was too slow to send it.",
        "Repeat it over a better connection.";
    Timeout = "timeout", 503, "timeout",
        "The request took too long and was stopped",
        "The server could not finish within its time limit. A change may or may not have happened.",
        "Repeat it, with the same `Idempotency-Key` when it creates something. Operators: look at the database's load.";
    Overloaded = "overloaded", 503, "overloaded",
        "The server is busy; try again soon",
        "The server has more requests in hand than it takes, and refuses early rather than late.",
        "Wait as many seconds as `Retry-After` says. Operators: add capacity.";
    StorageUnavailable = "storage_unavailable", 503, "storage_unavailable",
        "The database cannot be reached",
        "The server cannot reach its database, the database does not answer in time, or its disk fails; and the answer needs it. This says nothing about any key. A change may or may not have happened.",
        "Wait as many seconds as `Retry-After` says and repeat, with the same `Idempotency-Key` when it creates something. Operators: `/readyz` and the log name the reason; see `docs/operations/outages.md`.";
    VerificationUnavailable = "verification_unavailable", 503, "verification_unavailable",
        "This node cannot tell whether the key is still valid",
        "The node lost touch with the database for longer than its setting allows, so it may not know of a revocation. Keys that it knows to be bad are still refused as such; this answer says nothing about the key.",
        "Try again, or ask another node. Operators: `/readyz` and the log name the reason; see the settings `cluster_consistency` and `cluster_max_stale_seconds`.";
    StorageFull = "storage_full", 503, "storage_full",
        "The database has no space left",
        "The disk of the database is full. Nothing was changed. Keys are still checked.",
        "Operators: free or add space; the server recovers by itself.";
    Internal = "internal", 500, "internal",
        "Something went wrong on the server",
        "A fault of the server. The log has the details under the `request_id`.",
        "Report it with the `request_id`.";
}

/// What `WWW-Authenticate` says along with an error (RFC 6750, 3; RFC 9110, 11.6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// No such header.
    None,
    /// `Bearer realm="..."` alone: nothing was presented, or RFC 6750 has no value for the error.
    Bare,
    /// With `error` and `error_description`.
    Error,
}

impl Code {
    /// What `WWW-Authenticate` says: always there with 401 and 403 (design §5).
    #[must_use]
    pub fn challenge(self) -> Challenge {
        let registered = matches!(
            self.error(),
            INVALID_TOKEN | INSUFFICIENT_SCOPE | "invalid_request"
        );
        match (self, self.status()) {
            // Nothing was presented, so nothing was wrong with it (RFC 6750, 3.1).
            (Self::MissingKey | Self::Unauthenticated, _) => Challenge::Bare,
            (_, 401 | 403) if registered => Challenge::Error,
            (_, 401 | 403) => Challenge::Bare,
            (Self::InvalidRequest | Self::QueryNotAllowed, _) => Challenge::Error,
            _ => Challenge::None,
        }
    }
}

impl From<Denial> for Code {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::InvalidKey => Self::InvalidKey,
            Denial::SignatureRequired => Self::SignatureRequired,
            Denial::SignatureExpired => Self::SignatureExpired,
            Denial::SignatureReplayed => Self::SignatureReplayed,
            Denial::Revoked => Self::Revoked,
            Denial::Expired => Self::Expired,
            Denial::NotYetValid => Self::NotYetValid,
            Denial::Disabled => Self::Disabled,
            Denial::Paused => Self::Paused,
            Denial::EnvironmentMismatch => Self::EnvironmentMismatch,
            Denial::QueryNotAllowed => Self::QueryNotAllowed,
            Denial::IpRequired => Self::IpRequired,
            Denial::IpDenied => Self::IpDenied,
            Denial::CountryDenied => Self::CountryDenied,
            Denial::NetworkDenied => Self::NetworkDenied,
            Denial::ReferrerDenied => Self::ReferrerDenied,
            Denial::AppDenied => Self::AppDenied,
            Denial::OutsideTimeWindow => Self::OutsideTimeWindow,
            Denial::InsufficientScope => Self::InsufficientScope,
            Denial::PayloadTooLarge => Self::PayloadTooLarge,
            Denial::RateLimited => Self::RateLimited,
            Denial::TransferExceeded => Self::TransferExceeded,
            Denial::QuotaExceeded => Self::QuotaExceeded,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(Self::ALL.iter().map(|code| code.as_str())))
            .description(Some(
                "A stable error code; each has its entry in the error reference.",
            ))
            .into()
    }
}

impl ToSchema for Code {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_in_snake_case() {
        let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for name in names {
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{name}"
            );
        }
    }

    #[test]
    fn sentences_fit_rfc_6750() {
        // RFC 6750, 3: %x20-21 / %x23-5B / %x5D-7E.
        let allowed = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        for code in Code::ALL {
            assert!(!code.sentence().is_empty());
            assert!(code.sentence().bytes().all(allowed), "{code}");
            assert!(code.error().bytes().all(allowed), "{code}");
        }
    }

    #[test]
    fn every_denial_keeps_its_name_and_answers_what_the_page_says() {
        for denial in Denial::ALL {
            let code = Code::from(denial);
            assert_eq!(code.as_str(), denial.code());
            // A key in a URL is the request's mistake, not the key's (RFC 6750, 3.1).
            let of_the_request = denial == Denial::QueryNotAllowed && code.status() == 400;
            assert!(
                of_the_request || matches!(code.status(), 401 | 403 | 413 | 429),
                "{code}"
            );
        }
    }

    #[test]
    fn seed_sentences_are_to_the_letter() {
        let of = |code: Code| (code.error(), code.sentence());
        assert_eq!(of(Code::Expired), ("invalid_token", "API key has expired"));
        assert_eq!(
            of(Code::Revoked),
            ("invalid_token", "API key has been revoked")
        );
        assert_eq!(
            of(Code::InsufficientScope),
            (
                "insufficient_scope",
                "API key does not have required permissions"
            )
        );
    }

    #[test]
    fn every_401_and_403_carries_a_challenge_and_our_own_outages_never_do() {
        for code in Code::ALL {
            match code.status() {
                401 | 403 => assert_ne!(code.challenge(), Challenge::None, "{code}"),
                500.. => assert_eq!(code.challenge(), Challenge::None, "{code}"),
                _ => {}
            }
        }
        assert_eq!(Code::MissingKey.challenge(), Challenge::Bare);
        assert_eq!(Code::InvalidKey.challenge(), Challenge::Error);
        assert_eq!(Code::QueryNotAllowed.challenge(), Challenge::Error);
        assert_eq!(Code::IpDenied.challenge(), Challenge::Bare);
    }
}
