//! A second, naive model of a check, written from `spec/verify.md` with plain flags and texts, and
//! compared with the law: on every small case, then on random ones with networks, catalogues and
//! expressions.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod naive;
mod support;

use std::collections::BTreeSet;

use keywright_core::key::State;
use keywright_core::token::digest::Digest;
use keywright_core::verify::{PresentedIn, judge};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use support::{Ask, Facts, NOW};

/// A key and a question, as small as they can be said.
#[derive(Clone, Copy, Debug)]
struct Small {
    pair: bool,
    secret: Presented,
    state: u8,
    /// Milliseconds from now, in {-1, 0, 1} or none.
    ends: Option<i64>,
    begins: Option<i64>,
    owner: bool,
    tenant: bool,
    other_environment: Option<bool>,
    /// Whether it was presented in a query that it may stand in.
    query: Option<bool>,
    rules: u8,
    address: Option<bool>,
    asked: u8,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Presented {
    Right,
    Wrong,
    None,
}

/// The page, line by line, down to where the key stood.
fn naive_beginning(case: &Small) -> Option<&'static str> {
    if case.pair != (case.secret != Presented::None) || case.secret == Presented::Wrong {
        return Some("invalid_key");
    }
    if case.state == 2 {
        return Some("revoked");
    }
    if matches!(case.ends, Some(end) if end <= 0) {
        return Some("expired");
    }
    if matches!(case.begins, Some(begin) if begin > 0) {
        return Some("not_yet_valid");
    }
    if case.state == 1 || !case.owner || !case.tenant {
        return Some("disabled");
    }
    if case.other_environment == Some(true) {
        return Some("environment_mismatch");
    }
    if case.query == Some(false) {
        return Some("query_not_allowed");
    }
    None
}

/// The rest of the page, for the networks and permissions of small cases.
fn naive(case: &Small) -> &'static str {
    if let Some(refusal) = naive_beginning(case) {
        return refusal;
    }
    let (allows, denies) = (case.rules & 1 != 0, case.rules & 2 != 0);
    match (allows || denies, case.address) {
        (false, _) => {}
        (true, None) => return "ip_required",
        (true, Some(inside)) => {
            if (denies && inside) || (allows && !inside) {
                return "ip_denied";
            }
        }
    }
    if case.asked == 2 {
        "insufficient_scope"
    } else {
        "allowed"
    }
}

fn facts_and_ask(case: &Small) -> (Facts, Ask) {
    let network: Box<[_]> = ["203.0.113.0/24".parse().unwrap()].into();
    let at = |offset: i64| NOW.plus_milliseconds(offset);
    let mut facts = Facts {
        secret: case.pair.then_some(Digest::from_bytes([1; 32])),
        state: match case.state {
            0 => State::Active,
            1 => State::Disabled { at: NOW },
            _ => State::Revoked {
                at: NOW,
                reason: None,
            },
        },
        expires_at: case.ends.map(at),
        not_before: case.begins.map(at),
        owner_active: case.owner,
        tenant_active: case.tenant,
        query_allowed: case.query == Some(true),
        ..Facts::default()
    }
    .granting(&["api:read"], &[]);
    if case.rules & 1 != 0 {
        facts.addresses.allow = network.clone();
    }
    if case.rules & 2 != 0 {
        facts.addresses.deny = network;
    }
    let ask = Ask {
        signature: None,
        secret: match case.secret {
            Presented::Right => Some(Digest::from_bytes([1; 32])),
            Presented::Wrong => Some(Digest::from_bytes([2; 32])),
            Presented::None => None,
        },
        environment: case.other_environment.map(|other| {
            if other { "staging" } else { "production" }
                .parse()
                .unwrap()
        }),
        presented_in: case
            .query
            .map_or(PresentedIn::Basic, |_| PresentedIn::Query),
        permissions: match case.asked {
            0 => None,
            1 => Some("api:read".parse().unwrap()),
            _ => Some("api:write".parse().unwrap()),
        },
        address: case.address.map(|inside| {
            if inside {
                [203, 0, 113, 7]
            } else {
                [198, 51, 100, 7]
            }
            .into()
        }),
        ..Ask::default()
    };
    (facts, ask)
}

fn decided(facts: &Facts, ask: &Ask) -> &'static str {
    match judge(facts.borrow(), &ask.borrow(), NOW, &mut ()) {
        Ok(()) => "allowed",
        Err(denial) => denial.code(),
    }
}

fn law(case: &Small) -> &'static str {
    let (facts, ask) = facts_and_ask(case);
    decided(&facts, &ask)
}

const OFFSETS: [Option<i64>; 4] = [None, Some(-1), Some(0), Some(1)];
const MAYBE: [Option<bool>; 3] = [None, Some(false), Some(true)];

/// Calls `with` for every value of every member; 373 248 cases.
fn every_small_case(mut with: impl FnMut(&Small)) {
    let secrets = [Presented::Right, Presented::Wrong, Presented::None];
    for bits in 0..8_u8 {
        for secret in secrets {
            for state in 0..3 {
                for ends in OFFSETS {
                    for begins in OFFSETS {
                        let half = Small {
                            pair: bits & 1 != 0,
                            secret,
                            state,
                            ends,
                            begins,
                            owner: bits & 2 != 0,
                            tenant: bits & 4 != 0,
                            other_environment: None,
                            query: None,
                            rules: 0,
                            address: None,
                            asked: 0,
                        };
                        every_request(half, &mut with);
                    }
                }
            }
        }
    }
}

fn every_request(half: Small, with: &mut impl FnMut(&Small)) {
    for other_environment in MAYBE {
        for query in MAYBE {
            for rules in 0..4 {
                for address in MAYBE {
                    for asked in 0..3 {
                        with(&Small {
                            other_environment,
                            query,
                            rules,
                            address,
                            asked,
                            ..half
                        });
                    }
                }
            }
        }
    }
}

#[test]
fn the_law_and_the_naive_model_agree_on_every_small_case() {
    let mut cases = 0;
    every_small_case(|case| {
        cases += 1;
        assert_eq!(law(case), naive(case), "{case:?}");
    });
    assert_eq!(cases, 8 * 3 * 3 * 16 * 3 * 3 * 4 * 3 * 3);
}

prop_compose! {
    fn any_case()(
        flags in prop::array::uniform3(any::<bool>()),
        secret in prop::sample::select(vec![Presented::Right, Presented::Wrong, Presented::None]),
        state in 0..3_u8, ends in prop::option::of(-2..3_i64), begins in prop::option::of(-2..3_i64),
        other_environment in prop::option::of(any::<bool>()), query in prop::option::of(any::<bool>()), rules in 0..4_u8,
        address in prop::option::of(any::<bool>()), asked in 0..3_u8,
    ) -> Small {
        let [pair, owner, tenant] = flags;
        Small { pair, secret, state, ends, begins, owner, tenant, other_environment, query, rules, address, asked }
    }
}

/// Mostly a key that passes the first rules, so that the later ones are reached.
fn any_beginning() -> impl Strategy<Value = Small> {
    let sound = Small {
        pair: false,
        secret: Presented::None,
        state: 0,
        ends: None,
        begins: None,
        owner: true,
        tenant: true,
        other_environment: None,
        query: None,
        rules: 0,
        address: None,
        asked: 0,
    };
    prop_oneof![4 => Just(sound), 1 => any_case()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]
    #[test]
    fn the_law_and_the_naive_model_agree(
        small in any_beginning(),
        networks in naive::any_networks(),
        rights in naive::any_rights(),
        wanted in prop::option::weighted(0.9, naive::any_wanted()),
        spelling in any::<u64>(),
    ) {
        let (mut facts, mut ask) = facts_and_ask(&small);
        facts.addresses = networks.rules();
        ask.address = networks.asked();
        facts.effective = rights.effective();
        ask.permissions = wanted.as_ref().map(|it| it.text(spelling).parse().unwrap());
        let expected = naive_beginning(&small)
            .or_else(|| networks.naive())
            .or_else(|| {
                let lacking = wanted.as_ref().is_some_and(|it| !it.naive(&rights.naive()));
                lacking.then_some("insufficient_scope")
            })
            .unwrap_or("allowed");
        prop_assert_eq!(decided(&facts, &ask), expected);
    }
}

#[test]
fn random_cases_meet_every_answer_of_the_last_rules() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..2_000 {
        let networks = naive::any_networks()
            .new_tree(&mut runner)
            .unwrap()
            .current();
        let rights = naive::any_rights().new_tree(&mut runner).unwrap().current();
        let wanted = naive::any_wanted().new_tree(&mut runner).unwrap().current();
        seen.insert(networks.naive().unwrap_or("address passes"));
        seen.insert(if wanted.naive(&rights.naive()) {
            "permissions pass"
        } else {
            "insufficient_scope"
        });
    }
    let wanted = [
        "address passes",
        "insufficient_scope",
        "ip_denied",
        "ip_required",
        "permissions pass",
    ];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), wanted);
}
