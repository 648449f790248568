//! The rules of a check by name, and the steps that `explain` shows.

use alloc::string::String;
use alloc::vec::Vec;

/// A rule of a check, in the order in which they are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// The text has the form of a key, and its checksum holds.
    Parse,
    /// A key with this digest exists.
    Find,
    /// The secret of a pair is right, or the request was signed with it.
    Secret,
    /// The key works and its life is running.
    Status,
    /// The key belongs to the environment.
    Environment,
    /// The key may stand where it was presented.
    Place,
    /// The address may use the key.
    Address,
    /// The country may use the key.
    Country,
    /// The network may use the key.
    Network,
    /// The site may use the key.
    Referrer,
    /// The app may use the key.
    App,
    /// A time window of the key is open.
    TimeWindow,
    /// The key has the permissions.
    Permissions,
    /// The body is no larger than the key may send.
    Payload,
    /// Every limit has room for the request. Counters decide this one, all or nothing, and only on
    /// what passed every rule before, so that a refused request uses nothing up.
    Limits,
}

impl Rule {
    /// The name in `explain`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Find => "find",
            Self::Secret => "secret",
            Self::Status => "status",
            Self::Environment => "environment",
            Self::Place => "place",
            Self::Address => "address",
            Self::Country => "country",
            Self::Network => "network",
            Self::Referrer => "referrer",
            Self::App => "app",
            Self::TimeWindow => "time_window",
            Self::Permissions => "permissions",
            Self::Payload => "payload",
            Self::Limits => "limits",
        }
    }
}

/// One step of a check, for `explain`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The rule.
    pub rule: Rule,
    /// Whether the key passed it.
    pub passed: bool,
    /// What it looked at.
    pub detail: String,
}

/// Where the steps of a check go. The unit type drops them, so that explaining costs nothing when
/// nobody asked.
pub trait Trace {
    /// Takes a step. `detail` is only called when somebody listens.
    fn step(&mut self, rule: Rule, passed: bool, detail: impl FnOnce() -> String);
}

impl Trace for () {
    fn step(&mut self, _: Rule, _: bool, _: impl FnOnce() -> String) {}
}

impl Trace for Vec<Step> {
    fn step(&mut self, rule: Rule, passed: bool, detail: impl FnOnce() -> String) {
        self.push(Step {
            rule,
            passed,
            detail: detail(),
        });
    }
}
