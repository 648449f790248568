//! What users and invitations may be, and that their secrets stay hidden.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::*;
use crate::json;
use crate::session::{Login, Setup, TokenBody};

fn paths<T>(result: Result<T, Vec<Detail>>) -> Vec<String> {
    result
        .err()
        .unwrap_or_default()
        .into_iter()
        .map(|detail| detail.path)
        .collect()
}

#[test]
fn a_new_user_has_an_address_and_a_role() {
    let create = |body: &str| {
        json::parse::<CreateUser>(body.as_bytes())
            .unwrap()
            .validate()
    };
    let user = create(r#"{"email":" Ada@Example.COM ","role":"admin","name":" "}"#).unwrap();
    assert_eq!(
        (user.email.as_str(), user.role),
        ("ada@example.com", TenantRole::Admin)
    );
    assert!(user.name.is_none() && user.password.is_none());
    assert_eq!(
        paths(create(r#"{"email":"ada","role":"root","name":"a\u0000"}"#)),
        ["email", "role", "name"]
    );
}

#[test]
fn an_update_of_a_user_tells_missing_from_null() {
    let update = |body: &str| {
        json::parse::<UpdateUser>(body.as_bytes())
            .unwrap()
            .validate()
    };
    let nothing = UserEdit {
        role: None,
        disabled: None,
        name: Patch::Missing,
    };
    assert_eq!(update("{}"), Ok(nothing));
    let edit = update(r#"{"role":"owner","disabled":true,"name":null}"#).unwrap();
    assert_eq!(
        (edit.role, edit.disabled),
        (Some(TenantRole::Owner), Some(true))
    );
    assert_eq!(edit.name, Patch::Null);
    assert_eq!(
        paths(update(r#"{"role":null,"disabled":null}"#)),
        ["role", "disabled"]
    );
}

#[test]
fn debug_of_requests_shows_no_secret() {
    let create: CreateUser =
        json::parse(br#"{"email":"a@b.c","role":"member","password":"hunter2"}"#).unwrap();
    let login: Login = json::parse(br#"{"email":"a@b.c","password":"hunter2"}"#).unwrap();
    let accept: AcceptInvitation =
        json::parse(br#"{"token":"hunter2","password":"hunter2"}"#).unwrap();
    let setup: Setup =
        json::parse(br#"{"token":"hunter2","email":"a@b.c","password":"hunter2"}"#).unwrap();
    assert!(!format!("{create:?}{login:?}{accept:?}{setup:?}").contains("hunter2"));
    assert!(!format!("{:?}", create.validate().unwrap()).contains("hunter2"));
    assert!(!format!("{:?}", accept.validate().unwrap()).contains("hunter2"));
    assert!(!format!("{:?}", setup.validate().unwrap()).contains("hunter2"));
}

#[test]
fn tokens_are_answered_as_oauth_does() {
    let tokens = TokenBody::new(Secret::new("a".into()), 900, Secret::new("r".into()));
    assert_eq!(
        serde_json::to_string(&tokens).unwrap(),
        r#"{"access_token":"a","token_type":"Bearer","expires_in":900,"refresh_token":"r"}"#
    );
}

#[test]
fn a_new_invitation_shows_its_token_once() {
    let invitation = InvitationBody {
        id: "invitation-1".into(),
        email: None,
        role: "member",
        created_at: 1,
        expires_at: 2,
    };
    let listed = serde_json::to_string(&invitation).unwrap();
    assert!(!listed.contains("token"));
    let created = CreatedInvitation {
        invitation,
        token: Secret::new("t".into()),
    };
    let text = serde_json::to_string(&created).unwrap();
    assert!(text.ends_with(r#","token":"t"}"#), "{text}");
}
