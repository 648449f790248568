//! Tests of what a check explains, of its warnings, and of a pair's secret. The rules and their order
//! are tested by `spec/cases`, the promises and the naive model in `tests/`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::key::State;
use crate::restriction::{AddressRules, Circumstances};
use crate::scope::{Catalogue, EffectiveGrants, Grant};
use crate::tenant::EnvironmentName;
use crate::time::DAY_MS;
use crate::token::digest::Digest;

const NOW: Timestamp = Timestamp::from_milliseconds(1_700_000_000_000);
const RIGHT: Digest = Digest::from_bytes([1; 32]);
const WRONG: Digest = Digest::from_bytes([2; 32]);

/// What a key's facts borrow.
struct Owned {
    environment: EnvironmentName,
    addresses: AddressRules,
    grants: EffectiveGrants,
}

impl Owned {
    fn new() -> Self {
        let held: Vec<Grant> = vec!["api:read".parse().unwrap()];
        Self {
            environment: "production".parse().unwrap(),
            addresses: AddressRules::none(),
            grants: Catalogue::common().effective(&held),
        }
    }

    fn facts(&self) -> KeyFacts<'_> {
        KeyFacts {
            secret: None,
            signed: false,
            state: &State::Active,
            not_before: None,
            expires_at: None,
            owner_active: true,
            tenant_active: true,
            environment: &self.environment,
            query_allowed: true,
            addresses: &self.addresses,
            restrictions: None,
            grants: &self.grants,
            payload_bytes_max: None,
        }
    }
}

fn explained(key: KeyFacts<'_>, request: &Request<'_>) -> (Judgement, Vec<Step>) {
    let mut steps = Vec::new();
    let judgement = judge(key, request, NOW, &mut steps);
    (judgement, steps)
}

#[test]
fn steps_stand_in_the_order_of_the_rules_and_only_for_what_was_looked_at() {
    let mut owned = Owned::new();
    owned.addresses.allow = ["203.0.113.0/24".parse().unwrap()].into();
    let permissions = "api:read".parse().unwrap();
    let environment = "production".parse().unwrap();
    let full = Request {
        secret: Some(RIGHT),
        signature: None,
        environment: Some(&environment),
        presented_in: PresentedIn::Query,
        permissions: Some(&permissions),
        address: Some([203, 0, 113, 7].into()),
        bytes: 10,
        circumstances: Circumstances::default(),
    };
    let pair = KeyFacts {
        secret: Some(&RIGHT),
        payload_bytes_max: Some(10),
        ..owned.facts()
    };
    let (judgement, steps) = explained(pair, &full);
    assert_eq!(judgement, Ok(()));
    let rules: Vec<Rule> = steps.iter().map(|step| step.rule).collect();
    assert_eq!(
        rules,
        [
            Rule::Secret,
            Rule::Status,
            Rule::Environment,
            Rule::Place,
            Rule::Address,
            Rule::Permissions,
            Rule::Payload,
        ]
    );
    let plain = Owned::new();
    let (judgement, steps) = explained(plain.facts(), &Request::default());
    assert_eq!(judgement, Ok(()));
    assert_eq!(steps.len(), 1, "only the status is always looked at");
}

#[test]
fn a_pair_needs_its_own_secret_and_the_others_need_none() {
    let owned = Owned::new();
    let plain = owned.facts();
    let pair = KeyFacts {
        secret: Some(&RIGHT),
        ..plain
    };
    for (key, secret, right) in [
        (plain, None, true),
        (plain, Some(RIGHT), false),
        (pair, Some(RIGHT), true),
        (pair, Some(WRONG), false),
        (pair, None, false),
    ] {
        let request = Request {
            secret,
            ..Request::default()
        };
        let (judgement, steps) = explained(key, &request);
        assert_eq!(judgement.is_ok(), right);
        if !right {
            assert_eq!(judgement, Err(Denial::InvalidKey));
            assert_eq!(steps.len(), 1, "nothing more is told");
            assert_eq!(steps[0].detail, "the secret of the pair was compared");
        }
    }
}

#[test]
fn a_signature_stands_for_the_secret_and_never_beside_it() {
    let owned = Owned::new();
    let pair = KeyFacts {
        secret: Some(&RIGHT),
        ..owned.facts()
    };
    let signing = KeyFacts {
        signed: true,
        ..pair
    };
    let stale = Proof::Wrong(SignatureError::Stale);
    let wrong = Proof::Wrong(SignatureError::Mismatch);
    for (key, secret, signature, expected) in [
        (signing, None, Some(Proof::Right), None),
        (
            signing,
            None,
            Some(Proof::Replayed),
            Some(Denial::SignatureReplayed),
        ),
        (signing, None, Some(stale), Some(Denial::SignatureExpired)),
        (signing, None, Some(wrong), Some(Denial::InvalidKey)),
        (signing, Some(RIGHT), None, Some(Denial::SignatureRequired)),
        (signing, Some(WRONG), None, Some(Denial::InvalidKey)),
        (
            signing,
            Some(RIGHT),
            Some(Proof::Right),
            Some(Denial::InvalidKey),
        ),
        (pair, None, Some(Proof::Right), Some(Denial::InvalidKey)),
        (pair, None, Some(Proof::Replayed), Some(Denial::InvalidKey)),
        (pair, Some(RIGHT), Some(stale), Some(Denial::InvalidKey)),
        (
            owned.facts(),
            None,
            Some(Proof::Right),
            Some(Denial::InvalidKey),
        ),
    ] {
        let request = Request {
            secret,
            signature,
            ..Request::default()
        };
        let (judgement, steps) = explained(key, &request);
        assert_eq!(judgement.err(), expected, "{secret:?} {signature:?}");
        assert_eq!(steps[0].passed, expected.is_none());
    }
}

#[test]
fn details_say_what_was_compared() {
    let mut owned = Owned::new();
    owned.addresses.deny = ["203.0.113.7".parse().unwrap()].into();
    let staging = "staging".parse().unwrap();
    let wanted = "api:write AND billing:manage OR users:manage"
        .parse()
        .unwrap();
    let last = |key: KeyFacts<'_>, request: &Request<'_>| {
        let (judgement, steps) = explained(key, request);
        (judgement.unwrap_err(), steps.last().unwrap().detail.clone())
    };
    let plain = Request::default();
    let off = KeyFacts {
        tenant_active: false,
        owner_active: false,
        ..owned.facts()
    };
    assert_eq!(
        last(off, &plain),
        (
            Denial::Disabled,
            "the key is active; its tenant is suspended".into()
        )
    );
    assert_eq!(
        last(
            owned.facts(),
            &Request {
                environment: Some(&staging),
                ..plain
            }
        ),
        (
            Denial::EnvironmentMismatch,
            "the key is for `production`, the request for `staging`".into()
        )
    );
    assert_eq!(
        last(owned.facts(), &plain).1,
        "the key has address rules and the request gave no address"
    );
    let address = Some([203, 0, 113, 7].into());
    assert_eq!(
        last(owned.facts(), &Request { address, ..plain }).1,
        "203.0.113.7 is denied by the rule 203.0.113.7"
    );
    let address = Some([203, 0, 113, 8].into());
    let permissions = Some(&wanted);
    assert_eq!(
        last(
            owned.facts(),
            &Request {
                address,
                permissions,
                ..plain
            }
        )
        .1,
        "`api:write AND billing:manage OR users:manage` is required; granting `users:manage` would be enough"
    );
}

#[test]
fn a_key_that_ends_within_thirty_days_warns_up_to_its_last_millisecond() {
    let owned = Owned::new();
    let border = i64::from(EXPIRY_WARNING_DAYS) * DAY_MS;
    for (ends_in, warns) in [
        (Some(border - 1), true),
        (Some(border), true),
        (Some(border + 1), false),
        (Some(1), true),
        (None, false),
    ] {
        let expires_at = ends_in.map(|offset| NOW.plus_milliseconds(offset));
        let key = KeyFacts {
            expires_at,
            ..owned.facts()
        };
        let judgement = judge(key, &Request::default(), NOW, &mut ());
        let verdict = settle(judgement, key, NOW);
        assert!(verdict.allowed(), "{ends_in:?}");
        let expected = expires_at.filter(|_| warns);
        let found = verdict.warning.map(|Warning::ExpiresSoon { at }| at);
        assert_eq!(found, expected, "{ends_in:?}");
    }
}

#[test]
fn a_refusal_warns_of_nothing() {
    let owned = Owned::new();
    let key = KeyFacts {
        expires_at: Some(NOW.plus_milliseconds(1)),
        ..owned.facts()
    };
    for denial in Denial::ALL {
        let verdict = settle(Err(denial), key, NOW);
        assert_eq!(verdict, Verdict::refused(denial));
        assert!(!verdict.allowed());
    }
}
