//! A second, naive model of a check, written from `spec/verify.md` with plain flags, and compared
//! with the law: on every small case, then on random ones.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod support;

use keywright_core::key::State;
use keywright_core::token::digest::Digest;
use keywright_core::verify::judge;
use proptest::prelude::*;
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

/// The page, line by line.
fn naive(case: &Small) -> &'static str {
    if case.pair != (case.secret != Presented::None) || case.secret == Presented::Wrong {
        return "invalid_key";
    }
    if case.state == 2 {
        return "revoked";
    }
    if matches!(case.ends, Some(end) if end <= 0) {
        return "expired";
    }
    if matches!(case.begins, Some(begin) if begin > 0) {
        return "not_yet_valid";
    }
    if case.state == 1 || !case.owner || !case.tenant {
        return "disabled";
    }
    if case.other_environment == Some(true) {
        return "environment_mismatch";
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

fn law(case: &Small) -> &'static str {
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
    };
    match judge(facts.borrow(), &ask.borrow(), NOW, &mut ()) {
        Ok(()) => "allowed",
        Err(denial) => denial.code(),
    }
}

const OFFSETS: [Option<i64>; 4] = [None, Some(-1), Some(0), Some(1)];
const MAYBE: [Option<bool>; 3] = [None, Some(false), Some(true)];

/// Calls `with` for every value of every member; 124 416 cases.
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
        for rules in 0..4 {
            for address in MAYBE {
                for asked in 0..3 {
                    with(&Small {
                        other_environment,
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

#[test]
fn the_law_and_the_naive_model_agree_on_every_small_case() {
    let mut cases = 0;
    every_small_case(|case| {
        cases += 1;
        assert_eq!(law(case), naive(case), "{case:?}");
    });
    assert_eq!(cases, 8 * 3 * 3 * 16 * 3 * 4 * 3 * 3);
}

prop_compose! {
    fn any_case()(
        flags in prop::array::uniform3(any::<bool>()),
        secret in prop::sample::select(vec![Presented::Right, Presented::Wrong, Presented::None]),
        state in 0..3_u8, ends in prop::option::of(-2..3_i64), begins in prop::option::of(-2..3_i64),
        other_environment in prop::option::of(any::<bool>()), rules in 0..4_u8,
        address in prop::option::of(any::<bool>()), asked in 0..3_u8,
    ) -> Small {
        let [pair, owner, tenant] = flags;
        Small { pair, secret, state, ends, begins, owner, tenant, other_environment, rules, address, asked }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]
    #[test]
    fn the_law_and_the_naive_model_agree(case in any_case()) {
        prop_assert_eq!(law(&case), naive(&case));
    }
}
