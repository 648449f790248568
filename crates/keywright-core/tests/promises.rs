//! What Keywright promises of a check and of a key's life, as properties named after the promise.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod support;

use std::collections::BTreeSet;
use std::fmt::Debug;

use keywright_core::denial::Denial;
use keywright_core::id::{KeyId, TenantId};
use keywright_core::key::{
    Attributes, Format, Key, KeyChange, Kind, State, Status, TransitionError,
};
use keywright_core::restriction::place::{Lists, NetworkNumber};
use keywright_core::restriction::window::{TimeWindow, Weekday};
use keywright_core::restriction::{Cidr, Clients, Restrictions};
use keywright_core::signature::SignatureError;
use keywright_core::time::{DAY_MS, Timestamp};
use keywright_core::token::digest::Digest;
use keywright_core::verify::{PresentedIn, Proof, Step, judge};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use support::{Ask, Facts, NOW, Told};
use uuid::Uuid;

const SCOPES: [&str; 6] = [
    "api:read",
    "api:write",
    "admin:all",
    "deploy:*",
    "billing:manage",
    "users:manage",
];
const ROLES: [&str; 3] = ["full-access", "read-write", "read-only"];
const WANTED: [&str; 5] = [
    "api:read",
    "api:write AND billing:manage",
    "deploy:staging OR users:manage",
    "admin:all",
    "keywright:verify",
];
const NETWORKS: [&str; 4] = [
    "203.0.113.0/24",
    "203.0.113.7",
    "2001:db8::/32",
    "198.51.100.0/24",
];
const ADDRESSES: [[u8; 4]; 3] = [[203, 0, 113, 7], [203, 0, 113, 8], [198, 51, 100, 1]];

const ORIGINS: [&str; 4] = [
    "https://a.example",
    "http://b.a.example",
    "null",
    "https://evil-a.example",
];
const BUNDLES: [&str; 2] = ["com.example.a", "com.example.b"];
const COUNTRIES: [&str; 2] = ["DE", "FR"];

fn some(texts: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(texts, 0..=texts.len())
}

fn networks(texts: &[&str]) -> Box<[Cidr]> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// Entries of two lists.
fn lists<T: Clone + Debug + 'static>(entries: [T; 2]) -> impl Strategy<Value = Lists<T>> {
    let list = move || prop::sample::subsequence(entries.to_vec(), 0..=2);
    let rare = prop::option::weighted(0.3, (list(), list()));
    rare.prop_map(|lists| {
        let (allow, deny) = lists.unwrap_or_default();
        Lists {
            allow: allow.into(),
            deny: deny.into(),
        }
    })
}

fn any_clients() -> impl Strategy<Value = Clients> {
    prop_oneof![
        some(&["*.a.example/*", "a.example"]).prop_map(|sites| {
            Clients::Referrers(sites.iter().map(|site| site.parse().unwrap()).collect())
        }),
        some(&BUNDLES)
            .prop_map(|apps| Clients::Ios(apps.iter().map(|app| app.parse().unwrap()).collect())),
    ]
}

prop_compose! {
    fn any_restrictions()(
        clients in prop::option::weighted(0.3, any_clients()),
        countries in lists(COUNTRIES.map(|code| code.parse().unwrap())),
        networks in lists([1, 2].map(|number| NetworkNumber::new(number).unwrap())),
        window in 0..4_u8, paused in prop::option::weighted(0.2, -2..3_i64),
    ) -> Restrictions {
        Restrictions {
            clients,
            countries,
            networks,
            windows: if window == 0 { closed() } else { Box::default() },
            paused_until: paused.map(|offset| NOW.plus_milliseconds(offset)),
        }
    }
}

prop_compose! {
    fn any_facts()(
        pair in prop::bool::weighted(0.3), signed in any::<bool>(), state in prop_oneof![6 => Just(0), 1 => Just(1), 1 => Just(2)],
        ends in prop::option::weighted(0.3, -2..3_i64), begins in prop::option::weighted(0.3, -2..3_i64),
        owner_active in prop::bool::weighted(0.9), tenant_active in prop::bool::weighted(0.9),
        staging in any::<bool>(), scopes in some(&SCOPES), allow in some(&NETWORKS),
        deny in prop_oneof![2 => Just(Vec::new()), 1 => some(&NETWORKS)],
        payload_bytes_max in prop::option::weighted(0.1, 0..4_u64), query_allowed in any::<bool>(),
        restrictions in prop::option::weighted(0.2, any_restrictions()),
    ) -> Facts {
        let mut facts = Facts {
            secret: pair.then_some(Digest::from_bytes([1; 32])),
            signed: pair && signed,
            state: match state {
                0_u8 => State::Active,
                1 => State::Disabled { at: NOW },
                _ => State::Revoked { at: NOW, reason: None },
            },
            expires_at: ends.map(|offset| NOW.plus_milliseconds(offset)),
            not_before: begins.map(|offset| NOW.plus_milliseconds(offset)),
            owner_active,
            tenant_active,
            payload_bytes_max,
            environment: if staging { "staging" } else { "production" }.parse().unwrap(),
            query_allowed,
            restrictions: restrictions.and_then(Restrictions::stored),
            ..Facts::default()
        };
        facts.addresses.allow = networks(&allow);
        facts.addresses.deny = networks(&deny);
        facts.granting(&scopes, &[])
    }
}

prop_compose! {
    fn any_ask()(
        secret in prop::option::weighted(0.3, 1..3_u8),
        signature in prop::option::weighted(0.2, prop::sample::select(&PROOFS[..])), environment in 0..3_u8,
        wanted in prop::option::of(prop::sample::select(&WANTED[..])),
        address in prop::option::weighted(0.9, prop::sample::select(&ADDRESSES[..])), bytes in 0..4_u64,
        presented_in in prop::sample::select(PresentedIn::ALL),
        origin in prop::option::of(prop::sample::select(&ORIGINS[..])),
        bundle in prop::option::of(prop::sample::select(&BUNDLES[..])),
        country in prop::option::of(prop::sample::select(&COUNTRIES[..])),
        network in prop::option::of(1..3_u32),
    ) -> Ask {
        Ask {
            signature,
            secret: secret.map(|byte| Digest::from_bytes([byte; 32])),
            environment: match environment {
                0 => None,
                1 => Some("staging".parse().unwrap()),
                _ => Some("production".parse().unwrap()),
            },
            permissions: wanted.map(|text| text.parse().unwrap()),
            address: address.map(Into::into),
            bytes,
            presented_in,
            told: Told {
                origin: origin.map(ToOwned::to_owned),
                ios_bundle: bundle.map(ToOwned::to_owned),
                country: country.map(|code| code.parse().unwrap()),
                network: network.and_then(NetworkNumber::new),
                ..Told::default()
            },
        }
    }
}

/// What can be found of a signature.
const PROOFS: [Proof; 4] = [
    Proof::Right,
    Proof::Replayed,
    Proof::Wrong(SignatureError::Stale),
    Proof::Wrong(SignatureError::Mismatch),
];

/// The reasons of the third rule.
const PROVING: [Denial; 4] = [
    Denial::InvalidKey,
    Denial::SignatureRequired,
    Denial::SignatureExpired,
    Denial::SignatureReplayed,
];

fn verdict(facts: &Facts, ask: &Ask) -> Result<(), Denial> {
    judge(facts.borrow(), &ask.borrow(), NOW, &mut ())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn revoked_key_is_never_allowed(facts in any_facts(), ask in any_ask()) {
        let facts = Facts { state: State::Revoked { at: NOW, reason: None }, ..facts };
        prop_assert!(verdict(&facts, &ask).is_err());
    }

    #[test]
    fn disabled_key_owner_or_tenant_is_never_allowed(facts in any_facts(), ask in any_ask(), which in 0..3_u8) {
        let mut facts = facts;
        match which {
            0 => facts.state = State::Disabled { at: NOW },
            1 => facts.owner_active = false,
            _ => facts.tenant_active = false,
        }
        prop_assert!(verdict(&facts, &ask).is_err());
    }

    #[test]
    fn expired_key_is_never_allowed(facts in any_facts(), ask in any_ask(), ago in 0..1_000_000_i64) {
        let facts = Facts { expires_at: Some(NOW.plus_milliseconds(-ago)), ..facts };
        prop_assert!(verdict(&facts, &ask).is_err());
    }

    #[test]
    fn key_before_its_begin_is_never_allowed(facts in any_facts(), ask in any_ask(), ahead in 1..1_000_000_i64) {
        let facts = Facts { not_before: Some(NOW.plus_milliseconds(ahead)), ..facts };
        prop_assert!(verdict(&facts, &ask).is_err());
    }

    #[test]
    fn a_key_of_one_environment_never_passes_in_another(facts in any_facts(), ask in any_ask()) {
        let other = if facts.environment.as_str() == "staging" { "production" } else { "staging" };
        let ask = Ask { environment: Some(other.parse().unwrap()), ..ask };
        prop_assert!(verdict(&facts, &ask).is_err());
    }

    #[test]
    fn a_key_that_must_not_stand_in_a_query_never_passes_from_one(facts in any_facts(), ask in any_ask()) {
        let facts = Facts { query_allowed: false, ..facts };
        let ask = Ask { presented_in: PresentedIn::Query, ..ask };
        prop_assert!(verdict(&facts, &ask).is_err());
    }

    #[test]
    fn state_is_told_only_after_the_secret_matched(facts in any_facts(), ask in any_ask()) {
        let proven = match (facts.secret, ask.secret, ask.signature) {
            (None, None, None) => true,
            (Some(stored), Some(presented), None) => stored == presented,
            (Some(_), None, Some(proof)) => {
                facts.signed && proof != Proof::Wrong(SignatureError::Mismatch)
            }
            _ => false,
        };
        prop_assert_eq!(verdict(&facts, &ask) == Err(Denial::InvalidKey), !proven);
    }

    #[test]
    fn removing_a_scope_never_allows_more(facts in any_facts(), ask in any_ask(), kept in some(&SCOPES)) {
        let held: Vec<String> = facts.scopes.iter().map(ToString::to_string).collect();
        let fewer: Vec<&str> = kept.into_iter().filter(|scope| held.iter().any(|h| h == scope)).collect();
        let less = facts.clone().granting(&fewer, &[]);
        prop_assert!(verdict(&less, &ask).is_err() || verdict(&facts, &ask).is_ok());
    }

    #[test]
    fn removing_a_role_never_allows_more(
        facts in any_facts(), ask in any_ask(), roles in some(&ROLES), kept in prop::array::uniform3(any::<bool>()),
    ) {
        let scopes: Vec<String> = facts.scopes.iter().map(ToString::to_string).collect();
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
        let fewer: Vec<&str> =
            roles.iter().zip(kept).filter(|(_, kept)| *kept).map(|(role, _)| *role).collect();
        let more = facts.clone().granting(&scopes, &roles);
        let less = facts.granting(&scopes, &fewer);
        prop_assert!(verdict(&less, &ask).is_err() || verdict(&more, &ask).is_ok());
    }

    #[test]
    fn denying_an_address_never_allows_more(facts in any_facts(), ask in any_ask(), more in some(&NETWORKS)) {
        let mut stricter = facts.clone();
        let denied: Vec<Cidr> = facts.addresses.deny.iter().copied().chain(networks(&more)).collect();
        stricter.addresses.deny = denied.into();
        prop_assert!(verdict(&stricter, &ask).is_err() || verdict(&facts, &ask).is_ok());
    }

    #[test]
    fn adding_a_restriction_never_allows_more(facts in any_facts(), ask in any_ask(), added in any_restriction()) {
        let stricter = added.to(&facts);
        prop_assert!(verdict(&stricter, &ask).is_err() || verdict(&facts, &ask).is_ok());
        // Nor does it change what is refused by an earlier rule.
        if let (Err(before), Err(after)) = (verdict(&facts, &ask), verdict(&stricter, &ask)) {
            prop_assert!(place(after) <= place(before), "{before:?} became {after:?}");
        }
    }

    #[test]
    fn the_first_broken_rule_is_the_reason(broken in broken_rules()) {
        let (facts, ask) = breaking(&broken);
        let expected = broken.first().map_or(Ok(()), |first| Err(*first));
        prop_assert_eq!(verdict(&facts, &ask), expected);
    }

    #[test]
    fn explaining_never_changes_the_verdict(facts in any_facts(), ask in any_ask()) {
        let mut steps: Vec<Step> = Vec::new();
        let explained = judge(facts.borrow(), &ask.borrow(), NOW, &mut steps);
        prop_assert_eq!(explained, verdict(&facts, &ask));
        let refused = steps.iter().position(|step| !step.passed);
        // The steps end at the refusal, and there is none without one.
        prop_assert_eq!(refused, explained.is_err().then(|| steps.len() - 1));
    }

    #[test]
    fn every_change_raises_the_version(version in 0..1_000_000_u64, off in any::<bool>(), days in prop::option::of(1..400_u32)) {
        let state = if off { State::Disabled { at: NOW } } else { State::Active };
        let key = Key { version, state, ..key() };
        prop_assert_eq!(key.clone().create().after.unwrap().version, 1);
        let update = key.update(Attributes::default(), days.map(|days| NOW.plus_days(days)));
        let switch = if off { key.enable() } else { key.disable(NOW) };
        for change in [update, switch, key.revoke(None, NOW)] {
            let KeyChange { before, after, .. } = change.unwrap();
            prop_assert_eq!(before.as_deref(), Some(&key), "a change says what it was decided on");
            prop_assert_eq!(after.unwrap().version, version + 1);
        }
    }

    #[test]
    fn revocation_has_no_way_back_and_every_change_counts(operations in prop::collection::vec(0..4_u8, 1..20)) {
        let mut key = key();
        let mut revoked = false;
        for operation in operations {
            let before = key.clone();
            let change = match operation {
                0 => key.disable(NOW),
                1 => key.enable(),
                2 => key.revoke(None, NOW),
                _ => key.update(Attributes::default(), None),
            };
            if let Ok(KeyChange { after: Some(after), .. }) = change {
                prop_assert!(!revoked, "a revoked key changed");
                prop_assert_eq!(after.version, before.version + 1);
                revoked |= operation == 2;
                key = *after;
            } else {
                prop_assert_eq!(&key, &before);
            }
            prop_assert_eq!(key.status(NOW) == Status::Revoked, revoked);
        }
    }
}

/// Something that narrows what a key may do.
#[derive(Clone, Debug)]
enum Restriction {
    Deny(Vec<&'static str>),
    /// Where nothing is on the allow list, this is; otherwise only the list's first stays.
    Allow(&'static str),
    Ends(i64),
    Begins(i64),
    OwnerOff,
    TenantOff,
    Payload(u64),
    NotInQueries,
}

fn any_restriction() -> impl Strategy<Value = Restriction> {
    prop_oneof![
        some(&NETWORKS).prop_map(Restriction::Deny),
        prop::sample::select(&NETWORKS[..]).prop_map(Restriction::Allow),
        (-2..3_i64).prop_map(Restriction::Ends),
        (-2..3_i64).prop_map(Restriction::Begins),
        Just(Restriction::OwnerOff),
        Just(Restriction::TenantOff),
        (0..4_u64).prop_map(Restriction::Payload),
        Just(Restriction::NotInQueries),
    ]
}

impl Restriction {
    fn to(&self, facts: &Facts) -> Facts {
        let mut facts = facts.clone();
        match self {
            Self::Deny(texts) => {
                let before = facts.addresses.deny.iter().copied();
                facts.addresses.deny = before.chain(networks(texts)).collect();
            }
            Self::Allow(text) => {
                let first = facts.addresses.allow.first().copied();
                facts.addresses.allow = [first.unwrap_or_else(|| text.parse().unwrap())].into();
            }
            Self::Ends(offset) => {
                let end = NOW.plus_milliseconds(*offset);
                facts.expires_at = Some(facts.expires_at.map_or(end, |before| before.min(end)));
            }
            Self::Begins(offset) => {
                let begin = NOW.plus_milliseconds(*offset);
                facts.not_before = Some(facts.not_before.map_or(begin, |before| before.max(begin)));
            }
            Self::OwnerOff => facts.owner_active = false,
            Self::TenantOff => facts.tenant_active = false,
            Self::Payload(most) => {
                let before = facts.payload_bytes_max;
                facts.payload_bytes_max = Some(before.map_or(*most, |before| before.min(*most)));
            }
            Self::NotInQueries => facts.query_allowed = false,
        }
        facts
    }
}

/// Where a reason stands among all.
fn place(denial: Denial) -> usize {
    let mut all = Denial::ALL.iter();
    all.position(|other| *other == denial).unwrap()
}

/// Reasons that the law itself finds; the others are the counters'.
fn judged() -> Vec<Denial> {
    let all = Denial::ALL.into_iter();
    all.filter(|denial| !denial.is_counted()).collect()
}

fn broken_rules() -> impl Strategy<Value = Vec<Denial>> {
    prop::sample::subsequence(judged(), 0..=judged().len())
}

/// A window that ends when it is [`NOW`].
fn closed() -> Box<[TimeWindow]> {
    let (from, to) = ("08:00".parse().unwrap(), "22:13".parse().unwrap());
    Box::new([TimeWindow::new(Weekday::ALL, from, to, "UTC").unwrap()])
}

/// A key and a question that break these rules and no others.
fn breaking(broken: &[Denial]) -> (Facts, Ask) {
    let mut facts = Facts::default().granting(&["api:read"], &[]);
    facts.addresses.allow = networks(&["203.0.113.0/24"]);
    let mut ask = Ask {
        bytes: 1,
        environment: Some("production".parse().unwrap()),
        permissions: Some("api:read".parse().unwrap()),
        address: Some([203, 0, 113, 7].into()),
        ..Ask::default()
    };
    let mut rules = Restrictions::default();
    // One request cannot break its proof in two ways.
    let proof = broken.iter().find(|denial| PROVING.contains(denial));
    let others = broken.iter().filter(|denial| !PROVING.contains(denial));
    for denial in proof.into_iter().chain(others) {
        match denial {
            Denial::InvalidKey => facts.secret = Some(Digest::from_bytes([1; 32])),
            Denial::SignatureRequired => {
                facts.secret = Some(Digest::from_bytes([1; 32]));
                facts.signed = true;
                ask.secret = facts.secret;
            }
            Denial::SignatureExpired | Denial::SignatureReplayed => {
                facts.secret = Some(Digest::from_bytes([1; 32]));
                facts.signed = true;
                ask.signature = Some(match denial {
                    Denial::SignatureReplayed => Proof::Replayed,
                    _ => Proof::Wrong(SignatureError::Stale),
                });
            }
            Denial::Revoked => {
                facts.state = State::Revoked {
                    at: NOW,
                    reason: None,
                }
            }
            Denial::Expired => facts.expires_at = Some(NOW),
            Denial::NotYetValid => facts.not_before = Some(NOW.plus_milliseconds(1)),
            Denial::Disabled => facts.owner_active = false,
            Denial::Paused => rules.paused_until = Some(NOW.plus_milliseconds(1)),
            Denial::EnvironmentMismatch => ask.environment = Some("staging".parse().unwrap()),
            Denial::QueryNotAllowed => ask.presented_in = PresentedIn::Query,
            Denial::IpRequired => ask.address = None,
            Denial::IpDenied => facts.addresses.deny = networks(&["203.0.113.7"]),
            Denial::CountryDenied => rules.countries.deny = Box::new(["DE".parse().unwrap()]),
            Denial::NetworkDenied => {
                rules.networks.allow = Box::new([NetworkNumber::new(64_496).unwrap()]);
            }
            // A key has one kind of client; the referrer's rule stands before the app's.
            Denial::ReferrerDenied => {
                rules.clients = Some(Clients::Referrers(Box::new(["a.example".parse().unwrap()])));
            }
            Denial::AppDenied => {
                let app = || Clients::Ios(Box::new(["a.b".parse().unwrap()]));
                rules.clients.get_or_insert_with(app);
            }
            Denial::OutsideTimeWindow => rules.windows = closed(),
            Denial::InsufficientScope => ask.permissions = Some("api:write".parse().unwrap()),
            Denial::PayloadTooLarge => facts.payload_bytes_max = Some(ask.bytes.saturating_sub(1)),
            Denial::RateLimited | Denial::TransferExceeded | Denial::QuotaExceeded => {}
        }
    }
    facts.restrictions = rules.stored();
    (facts, ask)
}

#[test]
fn the_promises_are_tried_on_keys_that_pass_and_on_every_refusal() {
    let mut runner = TestRunner::deterministic();
    let mut refusals = BTreeSet::new();
    let mut passed = 0;
    for _ in 0..6_000 {
        let facts = any_facts().new_tree(&mut runner).unwrap().current();
        let ask = any_ask().new_tree(&mut runner).unwrap().current();
        match verdict(&facts, &ask) {
            Ok(()) => passed += 1,
            Err(denial) => {
                refusals.insert(denial.code());
            }
        }
    }
    assert!(passed >= 100, "only {passed} of 6 000 passed");
    assert_eq!(refusals.len(), judged().len(), "{refusals:?}");
}

fn key() -> Key {
    let id = KeyId::from_uuid(Uuid::nil());
    Key {
        id,
        tenant: TenantId::from_uuid(Uuid::nil()),
        lineage: id,
        format: Format::Opaque,
        kind: Kind::Application,
        purpose: None,
        hint: String::new(),
        environment: "production".parse().unwrap(),
        owner: None,
        attributes: Attributes::default(),
        created_at: NOW,
        expires_at: None,
        state: State::Active,
        version: 1,
    }
}

#[test]
fn a_key_used_in_the_last_day_is_deleted_only_when_confirmed() {
    let key = key();
    let used = |ago: i64| Some(Timestamp::from_milliseconds(NOW.milliseconds() - ago));
    for (last_used, confirmed, allowed) in [
        (None, false, true),
        (used(DAY_MS), false, true),
        (used(DAY_MS - 1), false, false),
        (used(0), false, false),
        (used(0), true, true),
    ] {
        let change = key.delete(last_used, confirmed, NOW);
        assert_eq!(change.is_ok(), allowed, "{last_used:?} {confirmed}");
    }
    assert_eq!(
        key.delete(used(0), false, NOW),
        Err(TransitionError::RecentlyUsed)
    );
}

#[test]
fn doing_a_thing_twice_is_an_error_and_exactly_one_of_two_wins() {
    let key = key();
    let disabled = *key.disable(NOW).unwrap().after.unwrap();
    assert_eq!(
        disabled.disable(NOW),
        Err(TransitionError::Already("disabled"))
    );
    assert_eq!(key.enable(), Err(TransitionError::Already("active")));
    let revoked = *disabled
        .revoke(Some("leaked".into()), NOW)
        .unwrap()
        .after
        .unwrap();
    assert_eq!(
        revoked.revoke(None, NOW),
        Err(TransitionError::Already("revoked"))
    );
    assert_eq!(revoked.enable(), Err(TransitionError::Revoked));
    assert_eq!(revoked.disable(NOW), Err(TransitionError::Revoked));
    assert_eq!(
        revoked.update(Attributes::default(), None),
        Err(TransitionError::Revoked)
    );
}
