//! Tests that every kind of change has its leaf: parsed, complete, and without anything secret or
//! personal in it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::change::{
    Credentials, Edit, Event, InvitationOperation, SealedSecret, SessionOperation, SessionTokens,
    SigningKeyRecord, Who,
};
use crate::id::{InvitationId, KeyId, SessionId, TenantId, UserId};
use crate::key::{Attributes, Format, Key, Kind, State};
use crate::role::Role;
use crate::scope::Catalogue;
use crate::tenant::{Settings, Tenant};
use crate::token::digest::{Digest, PepperId};
use crate::token::jwt::SigningAlgorithm;
use crate::user::{Carrier, Invitation, Membership, PasswordHash, Session, TenantRole, User};

const NOW: Timestamp = Timestamp::from_milliseconds(1_700_000_000_123);
const ID: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
/// What must stand in no leaf: secrets by their text, digests by one byte that repeats.
const SECRET: &str = "hush-hush";
const DIGEST: Digest = Digest::from_bytes([0xa5; 32]);
const PERSONAL: [&str; 3] = ["ada@example.com", "Ada Lovelace", "bob@example.com"];

fn key() -> Key {
    Key {
        id: KeyId::from_uuid(ID),
        tenant: TenantId::from_uuid(ID),
        lineage: KeyId::from_uuid(ID),
        format: Format::Pair,
        kind: Kind::Application,
        purpose: None,
        hint: "kw_live_…wxyz".into(),
        environment: "production".parse().unwrap(),
        owner: Some(UserId::from_uuid(ID)),
        attributes: Attributes {
            scopes: vec!["api:read".parse().unwrap()],
            ..Attributes::default()
        },
        created_at: NOW,
        expires_at: Some(NOW),
        state: State::Active,
        version: 1,
    }
}

fn tenant() -> Tenant {
    let slug = "acme".parse().unwrap();
    Tenant {
        id: TenantId::from_uuid(ID),
        name: "Acme".into(),
        suspended_at: None,
        settings: Settings::new(&slug),
        slug,
        created_at: NOW,
        version: 1,
    }
}

fn user() -> User {
    User {
        id: UserId::from_uuid(ID),
        email: PERSONAL[0].into(),
        name: Some(PERSONAL[1].into()),
        platform_admin: false,
        disabled_at: None,
        created_at: NOW,
        version: 1,
    }
}

fn session() -> Box<Session> {
    Box::new(Session {
        id: SessionId::from_uuid(ID),
        user: UserId::from_uuid(ID),
        carrier: Carrier::Cookie,
        created_at: NOW,
        renewed_at: NOW,
        access_expires_at: NOW,
        expires_at: NOW,
        origin: Some(SECRET.into()),
    })
}

fn invitation() -> Box<Invitation> {
    Box::new(Invitation {
        id: InvitationId::from_uuid(ID),
        tenant: Some(TenantId::from_uuid(ID)),
        email: Some(PERSONAL[2].into()),
        role: TenantRole::Member,
        created_at: NOW,
        expires_at: NOW,
    })
}

fn signing_key() -> SigningKeyRecord {
    SigningKeyRecord {
        kid: "thumbprint".into(),
        tenant: TenantId::from_uuid(ID),
        algorithm: SigningAlgorithm::Rs256,
        public_jwk: "{}".into(),
        sealed_private: SECRET.into(),
        active_at: NOW,
        retired_at: None,
        created_at: NOW,
    }
}

fn membership() -> Membership {
    Membership {
        tenant: TenantId::from_uuid(ID),
        user: UserId::from_uuid(ID),
        role: TenantRole::Member,
    }
}

/// Made, changed by `change`, and removed.
fn three<T: Clone>(it: T, change: impl Fn(&mut T)) -> [Edit<T>; 3] {
    let mut after = it.clone();
    change(&mut after);
    [
        Edit::create(it.clone()),
        Edit::update(it.clone(), after),
        Edit::delete(it),
    ]
}

/// Every kind of change, each of its operations once.
fn every_change() -> Vec<Change> {
    let tenant_id = TenantId::from_uuid(ID);
    let credentials = Some(Credentials {
        pepper: PepperId(1),
        lookup: DIGEST,
        secret: Some(DIGEST),
    });
    let tokens = Some(SessionTokens {
        access: DIGEST,
        refresh: Some(DIGEST),
        replaces: Some(DIGEST),
    });
    let password = || Some(PasswordHash::new(SECRET.into()));
    let off = key().disable(NOW).unwrap();
    let disabled = off.after.clone().unwrap();
    let mut changes: Vec<Change> = [
        key().create(),
        key().update(Attributes::default(), None).unwrap(),
        off,
        disabled.enable().unwrap(),
        key().revoke(Some("leaked".into()), NOW).unwrap(),
        key().delete(None, false, NOW).unwrap(),
    ]
    .into_iter()
    .map(|change| Change::Key {
        change,
        credentials,
    })
    .collect();
    let entry = Catalogue::common().entries()[0].clone();
    let role = Role::common()[0].clone();
    changes.extend(three(tenant(), |it| it.name.push('!')).map(Change::Tenant));
    changes
        .extend(three(entry, |it| it.description.push('!')).map(|it| Change::Scope(tenant_id, it)));
    changes
        .extend(three(role, |it| it.description.push('!')).map(|it| Change::Role(tenant_id, it)));
    changes.extend(
        three(user(), |it| it.platform_admin = true).map(|it| Change::User(it, password())),
    );
    changes.extend(three(membership(), |it| it.role = TenantRole::Admin).map(Change::Membership));
    changes.extend(three(signing_key(), |it| it.retired_at = Some(NOW)).map(Change::SigningKey));
    for operation in [
        SessionOperation::SignIn,
        SessionOperation::Renew,
        SessionOperation::End,
    ] {
        changes.push(Change::Session(operation, session(), tokens));
    }
    for operation in [
        InvitationOperation::Create,
        InvitationOperation::Accept,
        InvitationOperation::Withdraw,
    ] {
        changes.push(Change::Invitation(operation, invitation(), Some(DIGEST)));
    }
    changes.push(Change::RequestSigning(SealedSecret {
        tenant: tenant_id,
        key: key().id,
        sealed: SECRET.into(),
    }));
    changes.push(Change::Event(Event {
        action: "sign_in_failed",
        tenant: None,
        target: None,
        success: false,
    }));
    changes
}

fn leaf(change: &Change) -> (String, Value) {
    let actor = Actor {
        who: Who::User(UserId::from_uuid(ID)),
        origin: None,
        request_id: Some("request-1".into()),
    };
    let bytes = Leaf::encode(0, change, &actor, NOW);
    let parsed = serde_json::from_slice(&bytes).unwrap();
    (String::from_utf8(bytes).unwrap(), parsed)
}

#[test]
fn every_kind_of_change_has_its_leaf() {
    let mut actions = BTreeSet::new();
    for change in every_change() {
        let (text, leaf) = leaf(&change);
        assert_eq!(leaf["action"], change.action(), "{text}");
        assert_eq!(
            leaf["tenant"].as_str(),
            change.tenant().map(|it| it.to_string()).as_deref()
        );
        assert_eq!(leaf["target"].as_str(), change.target().as_deref());
        assert_eq!(leaf["actor"], UserId::from_uuid(ID).to_string());
        assert_eq!(leaf["request_id"], "request-1");
        let failed = change.action() == "sign_in_failed";
        assert_eq!(leaf["result"], if failed { "failure" } else { "success" });
        for (name, pair) in leaf["changes"].as_object().unwrap() {
            let sides = pair.as_array().unwrap();
            assert_eq!(sides.len(), 2, "{name}");
            assert!(
                sides[0] != sides[1] || sides[0] == "sealed",
                "{name} did not change: {text}"
            );
        }
        assert!(
            actions.insert(change.action()),
            "{} stands twice",
            change.action()
        );
        let class = ocsf_class(change.action());
        assert_ne!(
            class,
            ocsf_class("no such action"),
            "{} has no class",
            change.action()
        );
    }
    assert_eq!(actions.len(), 32);
}

#[test]
fn no_leaf_holds_a_secret_a_digest_or_personal_data() {
    for change in every_change() {
        let (text, _) = leaf(&change);
        let lower = text.to_lowercase();
        for hidden in [
            SECRET,
            PERSONAL[0],
            PERSONAL[1],
            PERSONAL[2],
            "a5a5a5",
            "paWl",
        ] {
            let found = text.contains(hidden) || lower.contains(hidden);
            assert!(!found, "{hidden} in {text}");
        }
        assert!(
            !text.contains(&json::base64url(SECRET.as_bytes())),
            "{text}"
        );
    }
}

#[test]
fn what_is_made_has_no_before_and_what_is_gone_no_after() {
    for change in every_change() {
        let (text, leaf) = leaf(&change);
        let side = match change.action() {
            made if made.starts_with("create_") || made == "add_member" || made == "sign_in" => 0,
            gone if gone.starts_with("delete_") || gone == "remove_member" => 1,
            "end_session" | "accept_invitation" | "withdraw_invitation" => 1,
            _ => continue,
        };
        let changes = leaf["changes"].as_object().unwrap();
        assert!(!changes.is_empty(), "{text}");
        for (name, pair) in changes {
            // A password that is set is said of every change of a user that carries one.
            assert!(pair[side].is_null() || name == "password", "{name}: {text}");
        }
    }
}

#[test]
fn an_update_says_what_changed_and_nothing_else() {
    let after = Attributes {
        name: Some("deploy \"ci\"\n".into()),
        ..key().attributes
    };
    let update = Change::Key {
        change: key().update(after, None).unwrap(),
        credentials: None,
    };
    let at = rfc3339(NOW);
    assert_eq!(
        leaf(&update).1["changes"],
        json!({
            "name": [null, "deploy \"ci\"\n"],
            "expires_at": [at, null],
            "version": [1, 2],
        })
    );
    let renewed = Change::Session(SessionOperation::Renew, session(), None);
    assert_eq!(leaf(&renewed).1["changes"], json!({}));
    let same = Change::Membership(Edit::update(membership(), membership()));
    assert_eq!(leaf(&same).1["changes"], json!({}));
    let fields = format!(
        "{:?}",
        leaf(&Change::User(Edit::update(user(), user()), None)).1["changes"]
    );
    assert_eq!(fields, "Object {}");
}
