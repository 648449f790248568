//! The audit trail: what a leaf says, and the hashes that make every later edit visible.
//!
//! A leaf is the exact bytes that are stored; they are hashed as bytes and never written anew. Each
//! leaf continues a hash chain and is an entry of an RFC 6962 Merkle tree, whose head is
//! authenticated, so that a tail cannot be cut off unseen either.

mod describe;
mod json;
mod ocsf;
mod proof;
mod tree;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};

use crate::change::{Actor, Change};
use crate::time::Timestamp;

pub use ocsf::{OcsfClass, ocsf_class};
pub use proof::{consistency_proof, inclusion_proof, verify_consistency, verify_inclusion};
pub use tree::{Frontier, node_hash};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The chain before the first leaf.
pub const EMPTY_CHAIN: Hash = [0; 32];

/// Faults that a report names; the first is enough to act, and all would fill memory.
const FAULTS_MAX: usize = 100;

/// A leaf of the trail.
#[derive(Clone, Copy, Debug)]
pub struct Leaf;

impl Leaf {
    /// The bytes of leaf number `seq`, from 0: JSON with its members in a fixed order. Personal data
    /// is sealed or left out, secrets and digests never stand here.
    #[must_use]
    pub fn encode(seq: u64, change: &Change, actor: &Actor, now: Timestamp) -> Vec<u8> {
        let mut leaf = json::Object::new();
        leaf.number("v", 1);
        leaf.number("seq", seq);
        leaf.text("at", &rfc3339(now));
        leaf.maybe(
            "tenant",
            change.tenant().map(|tenant| format!("{tenant}")).as_deref(),
        );
        leaf.text("actor", &actor.who.label());
        let origin = actor.origin.as_deref().map(json::base64url);
        leaf.maybe("origin", origin.as_deref());
        leaf.text("action", change.action());
        leaf.maybe("target", change.target().as_deref());
        leaf.text(
            "result",
            if describe::succeeded(change) {
                "success"
            } else {
                "failure"
            },
        );
        leaf.raw("changes", &describe::changes(change));
        leaf.maybe("request_id", actor.request_id.as_deref());
        leaf.finish().into_bytes()
    }
}

/// The hash of a leaf (RFC 6962, 2.1).
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Sha256::new()
        .chain_update([0])
        .chain_update(leaf)
        .finalize()
        .into()
}

/// The chain continued by a leaf.
#[must_use]
pub fn chain(previous: &Hash, leaf_hash: &Hash) -> Hash {
    Sha256::new()
        .chain_update([2])
        .chain_update(previous)
        .chain_update(leaf_hash)
        .finalize()
        .into()
}

/// Authenticates the end of the trail: only who holds `key` can move it.
#[must_use]
pub fn head_mac(key: &[u8; 32], size: u64, chain: &Hash, root: &Hash) -> Hash {
    // A key of any length fits; the error of the general interface cannot occur.
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(key) else {
        return [0; 32];
    };
    mac.update(b"keywright audit head/1");
    mac.update(&size.to_be_bytes());
    mac.update(chain);
    mac.update(root);
    mac.finalize().into_bytes().into()
}

/// The body of a checkpoint (C2SP tlog-checkpoint): origin, size and root.
#[must_use]
pub fn checkpoint_text(origin: &str, size: u64, root: &Hash) -> String {
    format!("{origin}\n{size}\n{}\n", json::base64(root))
}

/// Checks a trail, leaf by leaf in stored order.
#[derive(Clone, Debug, Default)]
pub struct Checker {
    next: u64,
    chain: Hash,
    frontier: Frontier,
    faults: Vec<Fault>,
    found: u64,
}

/// Something in the trail that is not as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Leaves are missing, or stand in another order: `found` stands where `expected` should.
    Sequence {
        /// The number that should come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// The leaf, or one before it, is not what the chain was made of.
    Chain {
        /// The leaf.
        seq: u64,
    },
    /// The leaf's text says that it is another leaf.
    Number {
        /// The leaf.
        seq: u64,
    },
    /// The trail does not end where its head says: leaves were cut off, added, or rewritten.
    Head,
    /// The head is missing or was not written by this installation.
    HeadMac,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Leaves read.
    pub size: u64,
    /// The RFC 6962 root of them.
    pub root: Hash,
    /// The first faults.
    pub faults: Vec<Fault>,
    /// Faults in all.
    pub fault_count: u64,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.fault_count == 0
    }
}

impl Checker {
    /// A checker that expects the first leaf.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next leaf: its stored number, bytes and chain.
    pub fn leaf(&mut self, seq: u64, leaf: &[u8], stored_chain: &Hash) {
        if seq != self.next {
            self.fault(Fault::Sequence {
                expected: self.next,
                found: seq,
            });
        }
        if !says_number(leaf, seq) {
            self.fault(Fault::Number { seq });
        }
        let hash = leaf_hash(leaf);
        if chain(&self.chain, &hash) != *stored_chain {
            self.fault(Fault::Chain { seq });
        }
        // Going on from what is stored finds the places of all faults, not only of the first.
        self.chain = *stored_chain;
        self.frontier.push(hash);
        self.next = seq.saturating_add(1);
    }

    /// The end: the stored head's size and chain, or `None` when its MAC did not hold.
    #[must_use]
    pub fn finish(mut self, head: Option<(u64, Hash, Hash)>) -> Report {
        let root = self.frontier.root();
        match head {
            None => self.fault(Fault::HeadMac),
            Some((size, chain, head_root)) => {
                let same = size == self.next && chain == self.chain && head_root == root;
                if !same {
                    self.fault(Fault::Head);
                }
            }
        }
        Report {
            size: self.frontier.size(),
            root,
            faults: self.faults,
            fault_count: self.found,
        }
    }

    /// The tree over the leaves so far, to compare with a checkpoint of that size.
    #[must_use]
    pub const fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    fn fault(&mut self, fault: Fault) {
        self.found = self.found.saturating_add(1);
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }
}

/// Leaves begin with their version and number, so this needs no parser.
fn says_number(leaf: &[u8], seq: u64) -> bool {
    leaf.starts_with(format!("{{\"v\":1,\"seq\":{seq},").as_bytes())
}

/// A moment as RFC 3339 in UTC with milliseconds.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    const DAY_SECONDS: i64 = 24 * 60 * 60;
    let seconds = at.seconds();
    let (day, rest) = (
        seconds.div_euclid(DAY_SECONDS),
        seconds.rem_euclid(DAY_SECONDS),
    );
    let milliseconds = at.milliseconds().rem_euclid(1000);
    let (year, month, date) = civil(day);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z")
}

/// Year, month and day of a day since the epoch, in the proleptic Gregorian calendar. Years are
/// counted from March here, which puts the leap day last.
const fn civil(day: i64) -> (i64, i64, i64) {
    const ERA_DAYS: i64 = 146_097;
    const DAYS_BEFORE_EPOCH: i64 = 719_468;
    let day = day + DAYS_BEFORE_EPOCH;
    let era = day.div_euclid(ERA_DAYS);
    let of_era = day.rem_euclid(ERA_DAYS);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, date)
}

#[cfg(test)]
mod change_tests;
#[cfg(test)]
mod tests;
