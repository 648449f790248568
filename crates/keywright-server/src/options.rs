//! The settings of the HTTP floor, already read and checked. Their names for operators, defaults
//! and documentation stand in the binary's configuration.

use std::net::SocketAddr;
use std::time::Duration;

use keywright_core::restriction::Cidr;
use keywright_engine::lease::Consistency;

use crate::tls::TlsFiles;

/// Settings.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen.
    pub listen: SocketAddr,
    /// How users reach the server, without a trailing slash: links, and the `iss` of JWT keys.
    pub public_url: String,
    /// Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed; none by default.
    pub trusted_proxies: Vec<Cidr>,
    /// Whether `POST /api/v1/verify` needs no credential (only where others cannot reach it).
    pub open_verify: bool,
    /// Certificate chain and key, PEM; `None` = plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Plain HTTP on an address that is not loopback, credentials included.
    pub insecure_http: bool,
    /// Life of an access token.
    pub access_token_life: Duration,
    /// Life of a sign-in, however often it is renewed.
    pub session_life: Duration,
    /// A cookie unused for so long stops working.
    pub cookie_idle: Duration,
    /// How long in-flight requests may take to finish at shutdown.
    pub drain: Duration,
    /// This node's name for people, in a cluster.
    pub node: String,
    /// What this node does when it has lost touch with the database.
    pub consistency: Consistency,
}

impl Default for Options {
    fn default() -> Self {
        const HOUR: u64 = 60 * 60;
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 3000)),
            public_url: "http://127.0.0.1:3000".to_owned(),
            trusted_proxies: Vec::new(),
            open_verify: false,
            tls: None,
            insecure_http: false,
            access_token_life: Duration::from_secs(HOUR),
            session_life: Duration::from_secs(30 * 24 * HOUR),
            cookie_idle: Duration::from_secs(HOUR),
            drain: Duration::from_secs(30),
            node: "node".to_owned(),
            consistency: Consistency::Bounded(Duration::from_secs(300)),
        }
    }
}
