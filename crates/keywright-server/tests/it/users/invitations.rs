//! Invitations: who accepts them, how often and how long, and that they are no way to try passwords.

use keywright_core::user::TenantRole;
use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, TestApp};

const ACCEPT: &str = "/api/v1/auth/invitations/accept";
const USERS: &str = "/api/v1/tenant/acme/users";
const INVITATIONS: &str = "/api/v1/tenant/acme/invitations";
const DAY: i64 = 24 * 60 * 60;

async fn invite(house: &TestApp, email: &str) -> Answer {
    let name = format!("host-of-{email}");
    let admin = house.user(&name, TenantRole::Admin).await;
    let wish = json!({"email": email, "role": "member"});
    let answer = admin.post(USERS, wish).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    answer
}

fn accept(invitation: &Answer, password: &str) -> Value {
    json!({"token": invitation.text("token"), "password": password})
}

#[tokio::test]
async fn an_invitation_makes_a_member_once() {
    let house = TestApp::new().await;
    let invitation = invite(&house, "eve@example.com").await;
    let caller = house.anonymous();
    let weak = caller.post(ACCEPT, accept(&invitation, "short")).await;
    assert_eq!(weak.status, 422, "and it still works");
    let accepted = caller.post(ACCEPT, accept(&invitation, PASSWORD)).await;
    assert_eq!(accepted.status, 201, "{accepted:?}");
    let me = house
        .bearer(accepted.text("access_token"))
        .get("/api/v1/auth/me")
        .await;
    assert_eq!(me.body["tenants"][0]["role"], "member");
    let again = caller.post(ACCEPT, accept(&invitation, PASSWORD)).await;
    assert_eq!(again.refusal(), (401, "invalid_credentials"));
}

#[tokio::test]
async fn it_lasts_a_week_and_then_stands_in_no_list() {
    let house = TestApp::new().await;
    let invitation = invite(&house, "eve@example.com").await;
    let admin = house.user("admin@example.com", TenantRole::Admin).await;
    let refreshed = |house: &TestApp| house.app.now();
    let _ = refreshed(&house);
    house.pass(30 * 60);
    assert_eq!(
        admin.get(INVITATIONS).await.body[0]["id"],
        invitation.body["id"]
    );
    house.pass(7 * DAY - 30 * 60);
    let late = house
        .anonymous()
        .post(ACCEPT, accept(&invitation, PASSWORD))
        .await;
    assert_eq!(late.refusal(), (401, "invalid_credentials"));
    let later = house.user("later@example.com", TenantRole::Admin).await;
    assert_eq!(later.get(INVITATIONS).await.body, json!([]));
}

#[tokio::test]
async fn a_second_invitation_replaces_the_first_and_one_can_be_withdrawn() {
    let house = TestApp::new().await;
    let admin = house.user("admin@example.com", TenantRole::Admin).await;
    let wish = |role: &str| json!({"email": "eve@example.com", "role": role});
    let first = admin.post(USERS, wish("admin")).await;
    let second = admin.post(USERS, wish("member")).await;
    let caller = house.anonymous();
    let stale = caller.post(ACCEPT, accept(&first, PASSWORD)).await;
    assert_eq!(stale.status, 401, "the role was thought over");
    let path = format!("{INVITATIONS}/{}", second.text("id"));
    assert_eq!(admin.delete(&path).await.status, 200);
    assert_eq!(admin.delete(&path).await.status, 404);
    let withdrawn = caller.post(ACCEPT, accept(&second, PASSWORD)).await;
    assert_eq!(withdrawn.status, 401);
}

#[tokio::test]
async fn who_has_an_account_proves_it() {
    let house = TestApp::new().await;
    let other = house.found("other").await;
    let eve = house.person("eve@example.com", false).await;
    house.join(&eve, other.id, TenantRole::Member).await;
    let admin = house.user("admin@example.com", TenantRole::Admin).await;
    let wish = json!({"email": "eve@example.com", "role": "member", "password": PASSWORD});
    let taken = admin.post(USERS, wish).await;
    assert_eq!(taken.refusal(), (409, "duplicate"));
    let members = admin.get(USERS).await;
    assert_eq!(
        members.body.as_array().unwrap().len(),
        1,
        "not a member yet"
    );
    let invitation = invite(&house, "eve@example.com").await;
    let refused = house
        .anonymous()
        .post(ACCEPT, accept(&invitation, PASSWORD))
        .await;
    assert_eq!(
        refused.refusal(),
        (401, "invalid_credentials"),
        "no password"
    );
}

/// Whoever may invite holds the token, so the token proves nothing about the account.
#[tokio::test]
async fn an_inviter_cannot_try_the_passwords_of_who_was_invited() {
    let house = TestApp::new().await;
    house
        .with_password("ada@example.com", TenantRole::Member)
        .await;
    let other = house.found("other").await;
    let boss = house.person("boss@example.com", false).await;
    house.join(&boss, other.id, TenantRole::Owner).await;
    let boss = house.signed_in(&boss).await;
    let wish = json!({"email": "ada@example.com", "role": "member"});
    let invitation = boss.post("/api/v1/tenant/other/users", wish).await;
    let guesser = house.anonymous().at("198.51.100.9");
    let mut last = None;
    for _ in 0..6 {
        last = Some(
            guesser
                .post(ACCEPT, accept(&invitation, "a guess at it all"))
                .await,
        );
    }
    assert_eq!(last.unwrap().refusal(), (429, "too_many_attempts"));
    assert!(!house.recorded("sign_in_failed").await.is_empty());
    let login = json!({"email": "ada@example.com", "password": PASSWORD});
    let through_the_door = guesser.post("/api/v1/auth/login", login).await;
    assert_eq!(through_the_door.status, 429, "one limit for both doors");
    let ada = house
        .anonymous()
        .post(ACCEPT, accept(&invitation, PASSWORD))
        .await;
    assert_eq!(ada.status, 201, "{ada:?}");
}
