//! Networks, rights and expressions as plain texts, decided with loops: what the naive model knows of
//! the last two rules. Nothing here asks the law; the law's types are only made to be compared with.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::net::IpAddr;

use keywright_core::restriction::{AddressRules, Cidr, parse_address};
use keywright_core::scope::{Catalogue, CatalogueEntry, EffectiveGrants, Grant};
use proptest::prelude::*;

/// Bits of a network's or an address's text: a family and its first bits as `0` and `1`.
#[derive(Clone, Debug)]
struct Bits {
    wide: bool,
    bits: String,
    /// How an IPv4 text is written: plainly, or as a mapped IPv6 address.
    mapped: bool,
}

/// The address rules of a key and the address of a request.
#[derive(Clone, Debug)]
pub(crate) struct Networks {
    allow: Vec<Bits>,
    deny: Vec<Bits>,
    asked: Option<Bits>,
}

/// All addresses of the tests begin with these bits, so that rules and addresses meet.
const V4_BEGIN: &str = "110010110000000001110001"; // 203.0.113
/// The same bits, so that only the family tells an IPv4 rule from an IPv6 address.
const V6_BEGIN: &str = "11001011000000000111000100000000"; // cb00:7100

fn padded(bits: &Bits) -> String {
    let width = if bits.wide { 128 } else { 32 };
    format!("{:0<width$}", bits.bits)
}

fn text(bits: &Bits) -> String {
    let all = padded(bits);
    let number = |from: usize, count: usize| {
        let part: String = all.chars().skip(from).take(count).collect();
        u32::from_str_radix(&part, 2).unwrap()
    };
    if bits.wide {
        let groups: Vec<String> = (0..8)
            .map(|group| format!("{:X}", number(group * 16, 16)))
            .collect();
        return groups.join(":");
    }
    if bits.mapped && number(0, 1) == 1 {
        // In hexadecimal, as few people write it.
        return format!("::ffff:{:x}:{:x}", number(0, 16), number(16, 16));
    }
    let parts: Vec<String> = (0..4).map(|part| number(part * 8, 8).to_string()).collect();
    format!(
        "{}{}",
        if bits.mapped { "::ffff:" } else { "" },
        parts.join(".")
    )
}

fn network(bits: &Bits) -> Cidr {
    let length = bits.bits.len() + if bits.mapped && !bits.wide { 96 } else { 0 };
    format!("{}/{length}", text(bits)).parse().unwrap()
}

impl Networks {
    pub(crate) fn rules(&self) -> AddressRules {
        AddressRules {
            allow: self.allow.iter().map(network).collect(),
            deny: self.deny.iter().map(network).collect(),
        }
    }

    pub(crate) fn asked(&self) -> Option<IpAddr> {
        self.asked
            .as_ref()
            .map(|bits| parse_address(&text(bits)).unwrap())
    }

    /// Rule 7 of the page.
    pub(crate) fn naive(&self) -> Option<&'static str> {
        if self.allow.is_empty() && self.deny.is_empty() {
            return None;
        }
        let Some(asked) = &self.asked else {
            return Some("ip_required");
        };
        let inside = |rule: &Bits| rule.wide == asked.wide && padded(asked).starts_with(&rule.bits);
        let mut refused = !self.allow.is_empty();
        for rule in &self.allow {
            if inside(rule) {
                refused = false;
            }
        }
        for rule in &self.deny {
            if inside(rule) {
                refused = true;
            }
        }
        refused.then_some("ip_denied")
    }
}

/// A network, or (with all its bits) an address; near the borders of the others.
fn any_bits(whole: bool) -> impl Strategy<Value = Bits> {
    (
        any::<bool>(),
        any::<bool>(),
        0..4_u8,
        prop::sample::select(vec![0, 1, 2, 5, 8]),
        any::<bool>(),
    )
        .prop_map(move |(wide, mapped, low, dropped, beside)| {
            let begin = if wide { V6_BEGIN } else { V4_BEGIN };
            let (width, tail) = if wide { (128, 96) } else { (32, 8) };
            let mut bits = format!("{begin}{:0tail$b}", low);
            if beside {
                // The last bit of the common begin is turned: the neighbouring network.
                let turned = if begin.ends_with('1') { "0" } else { "1" };
                bits.replace_range(begin.len() - 1..begin.len(), turned);
            }
            if !whole {
                bits.truncate(width - dropped);
            }
            Bits {
                wide,
                bits,
                mapped: mapped && !wide,
            }
        })
}

pub(crate) fn any_networks() -> impl Strategy<Value = Networks> {
    let rules = || prop::collection::vec(any_bits(false), 0..3);
    (
        rules(),
        rules(),
        prop::option::weighted(0.9, any_bits(true)),
    )
        .prop_map(|(allow, deny, asked)| Networks { allow, deny, asked })
}

/// A catalogue and the grants of a key, scopes and roles together.
#[derive(Clone, Debug)]
pub(crate) struct Rights {
    /// A scope and what it implies.
    catalogue: Vec<(&'static str, Vec<&'static str>)>,
    held: Vec<&'static str>,
}

/// Scopes that share beginnings, so that wildcards have borders to miss.
const SCOPES: [&str; 7] = [
    "users",
    "users:read",
    "users:read:own",
    "users-old:read",
    "files:write",
    "files:read",
    "all",
];
const GRANTS: [&str; 8] = [
    "*",
    "users:*",
    "users:read:*",
    "files:*",
    "keywright:*",
    "keywright:verify",
    "users:read",
    "all",
];
/// What is asked for; some are in no catalogue.
const WANTED: [&str; 10] = [
    "users",
    "users:read",
    "users:read:own",
    "users-old:read",
    "files:write",
    "files:read",
    "all",
    "weather:read",
    "keywright:verify",
    "keywright:keys:read",
];

/// A grant reaches a scope: the same text, or a wildcard whose parts the scope has, and one more.
fn reaches(grant: &str, scope: &str) -> bool {
    let wildcard: Vec<&str> = grant.split(':').collect();
    let parts: Vec<&str> = scope.split(':').collect();
    if wildcard == ["*"] {
        return parts.first() != Some(&"keywright");
    }
    match wildcard.split_last() {
        Some((&"*", stem)) => {
            parts.len() > stem.len() && parts.iter().zip(stem).all(|(a, b)| a == b)
        }
        _ => grant == scope,
    }
}

impl Rights {
    pub(crate) fn effective(&self) -> EffectiveGrants {
        let grants = |texts: &[&str]| -> Vec<Grant> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let entries = self
            .catalogue
            .iter()
            .map(|(scope, implies)| CatalogueEntry {
                scope: scope.parse().unwrap(),
                description: String::new(),
                implies: grants(implies),
            });
        Catalogue::new(entries.collect())
            .unwrap()
            .effective(&grants(&self.held))
    }

    /// Every grant that follows, found by going round until nothing is new.
    pub(crate) fn naive(&self) -> Vec<&'static str> {
        let mut held = self.held.clone();
        loop {
            let before = held.len();
            for (scope, implies) in &self.catalogue {
                if held.iter().any(|grant| reaches(grant, scope)) {
                    for target in implies {
                        if !held.contains(target) {
                            held.push(target);
                        }
                    }
                }
            }
            if held.len() == before {
                return held;
            }
        }
    }
}

/// The whole catalogue with random implications, which may run in circles.
pub(crate) fn any_rights() -> impl Strategy<Value = Rights> {
    let implied = || prop_oneof![3 => Just(None), 1 => prop::sample::select(&SCOPES[..]).prop_map(Some), 1 => prop::sample::select(vec![Some("users:*"), Some("files:*"), Some("*")])];
    let catalogue = prop::collection::vec(implied(), SCOPES.len()).prop_map(|implied| {
        let entry = |(scope, target): (&'static str, Option<&'static str>)| {
            (
                scope,
                target
                    .into_iter()
                    .filter(|target| *target != scope)
                    .collect(),
            )
        };
        SCOPES.into_iter().zip(implied).map(entry).collect()
    });
    let some = |texts: &'static [&'static str]| prop::sample::subsequence(texts, 0..=2);
    (catalogue, some(&SCOPES), some(&GRANTS)).prop_map(|(catalogue, held, more)| {
        let held = held.into_iter().chain(more).collect();
        Rights { catalogue, held }
    })
}

/// An expression as a tree.
#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    Scope(&'static str),
    Both(Box<Self>, Box<Self>),
    Either(Box<Self>, Box<Self>),
}

impl Wanted {
    pub(crate) fn naive(&self, held: &[&str]) -> bool {
        match self {
            Self::Scope(scope) => held.iter().any(|grant| reaches(grant, scope)),
            Self::Both(left, right) => left.naive(held) && right.naive(held),
            Self::Either(left, right) => left.naive(held) || right.naive(held),
        }
    }

    /// The text, with no more parentheses than it needs or with some more, as `spelling` says.
    pub(crate) fn text(&self, spelling: u64) -> String {
        let next = spelling.rotate_right(3);
        let printed = match self {
            Self::Scope(scope) => (*scope).to_owned(),
            Self::Both(left, right) => {
                let closed = |side: &Self, spelling| match side {
                    Self::Either(..) => format!("({})", side.text(spelling)),
                    Self::Scope(_) | Self::Both(..) => side.text(spelling),
                };
                let and = if spelling & 2 == 0 { "AND" } else { "and" };
                format!(
                    "{} {and} {}",
                    closed(left, next),
                    closed(right, next.rotate_right(1))
                )
            }
            Self::Either(left, right) => {
                let or = if spelling & 2 == 0 { "OR" } else { "Or" };
                format!(
                    "{} {or} {}",
                    left.text(next),
                    right.text(next.rotate_right(1))
                )
            }
        };
        if spelling & 5 == 5 {
            format!("( {printed})")
        } else {
            printed
        }
    }
}

pub(crate) fn any_wanted() -> impl Strategy<Value = Wanted> {
    let scope = prop::sample::select(&WANTED[..]).prop_map(Wanted::Scope);
    scope.prop_recursive(4, 12, 2, |inner| {
        (inner.clone(), inner, any::<bool>()).prop_map(|(left, right, both)| {
            let (left, right) = (Box::new(left), Box::new(right));
            if both {
                Wanted::Both(left, right)
            } else {
                Wanted::Either(left, right)
            }
        })
    })
}
