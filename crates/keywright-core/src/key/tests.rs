//! Tests of a key's state machine: every state under every operation, and every border of its life.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use alloc::string::ToString;

use uuid::Uuid;

use super::*;

const NOW: Timestamp = Timestamp::from_milliseconds(1_700_000_000_000);

fn at(offset: i64) -> Timestamp {
    NOW.plus_milliseconds(offset)
}

fn disabled() -> State {
    State::Disabled { at: at(-5) }
}

fn revoked() -> State {
    State::Revoked {
        at: at(-5),
        reason: Some("leaked".into()),
    }
}

fn key(state: State) -> Key {
    let id = KeyId::from_uuid(Uuid::from_u128(1));
    Key {
        id,
        tenant: TenantId::from_uuid(Uuid::from_u128(2)),
        lineage: id,
        format: Format::Opaque,
        kind: Kind::User,
        purpose: Some(Purpose::Automation),
        hint: "kw_live_…wxyz".into(),
        environment: "production".parse().unwrap(),
        owner: Some(UserId::from_uuid(Uuid::from_u128(3))),
        attributes: Attributes {
            name: Some("ci".into()),
            ..Attributes::default()
        },
        created_at: at(-10),
        expires_at: Some(at(10)),
        state,
        version: 7,
    }
}

#[test]
fn every_operation_in_every_state_does_what_the_table_says() {
    use TransitionError::{Already, Revoked};
    let same = Attributes::default();
    // What happens to an active, a disabled and a revoked key.
    for (state, disable, enable, revoke, update) in [
        (
            State::Active,
            Ok(()),
            Err(Already("active")),
            Ok(()),
            Ok(()),
        ),
        (disabled(), Err(Already("disabled")), Ok(()), Ok(()), Ok(())),
        (
            revoked(),
            Err(Revoked),
            Err(Revoked),
            Err(Already("revoked")),
            Err(Revoked),
        ),
    ] {
        let key = key(state);
        let done = |change: Result<KeyChange, TransitionError>| change.map(|_| ());
        assert_eq!(done(key.disable(NOW)), disable, "{:?}", key.state);
        assert_eq!(done(key.enable()), enable, "{:?}", key.state);
        assert_eq!(done(key.revoke(None, NOW)), revoke, "{:?}", key.state);
        assert_eq!(
            done(key.update(same.clone(), None)),
            update,
            "{:?}",
            key.state
        );
        assert!(key.delete(None, false, NOW).is_ok(), "{:?}", key.state);
    }
}

#[test]
fn an_operation_changes_its_own_fields_and_the_version_only() {
    let before = key(State::Active);
    let attributes = Attributes {
        name: Some("deploy".into()),
        not_before: Some(at(1)),
        ..Attributes::default()
    };
    let cases = [
        (
            before.disable(NOW),
            KeyOperation::Disable,
            Key {
                state: State::Disabled { at: NOW },
                version: 8,
                ..before.clone()
            },
        ),
        (
            before.revoke(Some("left the team".into()), NOW),
            KeyOperation::Revoke,
            Key {
                state: State::Revoked {
                    at: NOW,
                    reason: Some("left the team".into()),
                },
                version: 8,
                ..before.clone()
            },
        ),
        (
            before.update(attributes.clone(), None),
            KeyOperation::Update,
            Key {
                attributes,
                expires_at: None,
                version: 8,
                ..before.clone()
            },
        ),
    ];
    for (change, operation, after) in cases {
        let change = change.unwrap();
        assert_eq!(change.operation, operation);
        assert_eq!(change.before.as_deref(), Some(&before));
        assert_eq!(change.after.as_deref(), Some(&after));
    }
}

#[test]
fn a_switched_off_key_comes_back_as_it_was() {
    let before = key(State::Active);
    let off = *before.disable(NOW).unwrap().after.unwrap();
    let on = *off.enable().unwrap().after.unwrap();
    assert_eq!(
        on,
        Key {
            version: 9,
            ..before
        }
    );
}

#[test]
fn a_new_key_has_no_before_and_a_deleted_one_no_after() {
    let created = key(State::Active).create();
    assert_eq!(created.operation, KeyOperation::Create);
    assert!(created.before.is_none());
    assert_eq!(created.after.unwrap().version, 1, "whatever it was given");
    let gone = key(revoked());
    let deleted = gone.delete(None, false, NOW).unwrap();
    assert_eq!(deleted.operation, KeyOperation::Delete);
    assert_eq!(deleted.before.as_deref(), Some(&gone));
    assert!(deleted.after.is_none());
}

#[test]
fn a_key_is_in_use_for_a_day_after_its_last_use() {
    let key = key(State::Active);
    for (ago, allowed) in [
        (0, false),
        (DAY_MS - 1, false),
        (DAY_MS, true),
        (DAY_MS + 1, true),
        // A node whose clock is ahead wrote it.
        (-1, false),
    ] {
        let change = key.delete(Some(at(-ago)), false, NOW);
        assert_eq!(change.is_ok(), allowed, "{ago}");
        assert!(key.delete(Some(at(-ago)), true, NOW).is_ok(), "{ago}");
    }
}

#[test]
fn status_at_each_border() {
    use Status::{Active, Disabled, Expired, Pending, Revoked};
    let none = None;
    for (state, begins, ends, expected) in [
        (State::Active, none, none, Active),
        (State::Active, none, Some(1), Active),
        (State::Active, none, Some(0), Expired),
        (State::Active, none, Some(-1), Expired),
        (State::Active, Some(1), none, Pending),
        (State::Active, Some(0), none, Active),
        (State::Active, Some(-1), none, Active),
        (State::Active, Some(0), Some(0), Expired),
        (State::Active, Some(1), Some(-1), Expired),
        (disabled(), none, none, Disabled),
        (disabled(), Some(1), none, Pending),
        (disabled(), none, Some(0), Expired),
        (revoked(), none, none, Revoked),
        (revoked(), Some(1), Some(-1), Revoked),
    ] {
        let found = status(&state, begins.map(at), ends.map(at), NOW);
        assert_eq!(found, expected, "{state:?} {begins:?} {ends:?}");
        let mut key = key(state);
        key.attributes.not_before = begins.map(at);
        key.expires_at = ends.map(at);
        assert_eq!(key.status(NOW), expected, "a key says the same");
    }
}

#[test]
fn names_read_back_and_no_two_values_share_one() {
    fn check<T: Copy + PartialEq + core::fmt::Debug>(
        all: &[T],
        name: impl Fn(T) -> &'static str,
        value: impl Fn(&str) -> Option<T>,
    ) {
        for it in all {
            assert_eq!(value(name(*it)), Some(*it));
        }
        assert_eq!(value(""), None);
        assert_eq!(value("Active"), None, "names are lower case");
    }
    check(Format::ALL, Format::as_str, Format::from_name);
    check(Kind::ALL, Kind::as_str, Kind::from_name);
    check(Purpose::ALL, Purpose::as_str, Purpose::from_name);
    check(Status::ALL, Status::as_str, Status::from_name);
    check(
        KeyOperation::ALL,
        KeyOperation::as_str,
        KeyOperation::from_name,
    );
    for kind in Kind::ALL {
        let purposes = Purpose::ALL.iter().filter(|it| it.kind() == *kind);
        assert_eq!(purposes.count(), 5, "{kind:?}");
    }
}

#[test]
fn errors_say_what_to_do() {
    for (error, text) in [
        (
            TransitionError::Revoked,
            "the key is revoked, which is permanent; create a new key",
        ),
        (
            TransitionError::Already("active"),
            "the key is active already",
        ),
    ] {
        assert_eq!(error.to_string(), text);
    }
    assert!(
        TransitionError::RecentlyUsed
            .to_string()
            .contains("`confirm=true`")
    );
}
