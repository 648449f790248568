//! What a check is about: what is known of the key, and what is asked of it.

use core::net::IpAddr;

use crate::key::State;
use crate::permission::Expression;
use crate::restriction::{AddressRules, Circumstances, Restrictions};
use crate::scope::EffectiveGrants;
use crate::signature::SignatureError;
use crate::tenant::EnvironmentName;
use crate::time::Timestamp;
use crate::token::digest::Digest;

/// What a check needs to know of a key, compiled when it is loaded: facts, never a verdict.
#[derive(Clone, Copy, Debug)]
pub struct KeyFacts<'a> {
    /// The digest of a pair's secret; `None` for the other formats.
    pub secret: Option<&'a Digest>,
    /// Whether its requests are signed with that secret, which then never travels.
    pub signed: bool,
    /// The key's own switch.
    pub state: &'a State,
    /// Begin of its life.
    pub not_before: Option<Timestamp>,
    /// End of its life.
    pub expires_at: Option<Timestamp>,
    /// Whether its owner may act: a disabled user's keys do not work.
    pub owner_active: bool,
    /// Whether its tenant may act.
    pub tenant_active: bool,
    /// Where it works.
    pub environment: &'a EnvironmentName,
    /// Whether it may stand in a URL: it is publishable, or its tenant allows it for every key.
    pub query_allowed: bool,
    /// From where it may be used.
    pub addresses: &'a AddressRules,
    /// What else restricts it.
    pub restrictions: Option<&'a Restrictions>,
    /// What it may do: scopes and roles with all that they imply.
    pub grants: &'a EffectiveGrants,
    /// Bytes that a request's body may have; `None` = any.
    pub payload_bytes_max: Option<u64>,
}

/// What is asked about a presented key.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// The digest of the presented secret, for a pair.
    pub secret: Option<Digest>,
    /// What was found of the request's signature, if it came with one.
    pub signature: Option<Proof>,
    /// The environment of the verifier; `None` = not asked.
    pub environment: Option<&'a EnvironmentName>,
    /// Where in the original request the key stood.
    pub presented_in: PresentedIn,
    /// The permissions that the operation needs; `None` = none.
    pub permissions: Option<&'a Expression>,
    /// The client's address, as the verifier saw it.
    pub address: Option<IpAddr>,
    /// Bytes of the request's body.
    pub bytes: u64,
    /// What else restrictions ask about.
    pub circumstances: Circumstances<'a>,
}

/// Where in an HTTP request a key stood, as the verifier saw it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PresentedIn {
    /// A header, such as `Authorization: Bearer` (RFC 6750, 2.1).
    #[default]
    Header,
    /// A query parameter, which ends up in logs and histories (RFC 9700, 4.3.2).
    Query,
    /// The user and password of HTTP Basic (RFC 7617), which browsers take out of a URL into a header.
    Basic,
}

impl PresentedIn {
    /// Every place.
    pub const ALL: &'static [Self] = &[Self::Header, Self::Query, Self::Basic];

    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Query => "query",
            Self::Basic => "basic",
        }
    }
}

/// What was found of a request's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Made with the key's secret, lately, and never seen before.
    Right,
    /// Not that.
    Wrong(SignatureError),
    /// Right, but its nonce was used before.
    Replayed,
}
