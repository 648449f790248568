//! `set_up`: the one-time link of a new installation, and the administrator that the operator names.

use keywright_core::secret::Secret;
use keywright_core::user::TenantRole;
use keywright_server::auth::set_up::{first_start, setup_link};
use serde_json::{Value, json};

use crate::support::{PASSWORD, TestApp};

const SETUP: &str = "/api/v1/auth/setup";

async fn token(house: &TestApp) -> String {
    let link = setup_link(&house.app).await.unwrap().unwrap();
    let (page, token) = link.expose().split_once('#').unwrap();
    assert!(page.ends_with("/setup"));
    token.to_owned()
}

fn wish(token: &str) -> Value {
    json!({"token": token, "email": "ada@example.com", "password": PASSWORD})
}

#[tokio::test]
async fn the_link_makes_one_administrator_once() {
    let house = TestApp::new().await;
    let token = token(&house).await;
    let made = house.anonymous().post(SETUP, wish(&token)).await;
    assert_eq!(made.status, 201, "{made:?}");
    let ada = house.bearer(made.text("access_token"));
    let me = ada.get("/api/v1/auth/me").await;
    assert_eq!(me.body["platform_admin"], true);
    assert_eq!(me.body["tenants"][0]["slug"], "default");
    assert_eq!(me.body["tenants"][0]["role"], "owner");
    let again = house.anonymous().post(SETUP, wish(&token)).await;
    assert_eq!(again.refusal(), (401, "invalid_credentials"));
    assert!(setup_link(&house.app).await.unwrap().is_none());
}

#[tokio::test]
async fn a_newer_link_replaces_the_one_before_and_each_lasts_a_day() {
    let house = TestApp::new().await;
    let former = token(&house).await;
    let newer = token(&house).await;
    let caller = house.anonymous();
    assert_eq!(caller.post(SETUP, wish(&former)).await.status, 401);
    house.pass(24 * 60 * 60);
    assert_eq!(caller.post(SETUP, wish(&newer)).await.status, 401);
    let newest = token(&house).await;
    house.pass(24 * 60 * 60 - 1);
    assert_eq!(caller.post(SETUP, wish(&newest)).await.status, 201);
}

/// The link was printed, then the operator named an administrator instead: it still stands in a log.
#[tokio::test]
async fn a_link_that_was_never_used_dies_when_there_is_an_administrator() {
    let house = TestApp::new().await;
    let token = token(&house).await;
    let password = || Secret::new(PASSWORD.to_owned());
    let slug = "acme".parse().unwrap();
    for _ in 0..2 {
        first_start(&house.app, "Root@example.com", password(), &slug)
            .await
            .unwrap();
    }
    let late = house.anonymous().post(SETUP, wish(&token)).await;
    assert_eq!(late.refusal(), (401, "invalid_credentials"));
    let login = json!({"email": "root@example.com", "password": PASSWORD});
    let root = house.anonymous().post("/api/v1/auth/login", login).await;
    assert_eq!(root.status, 200);
}

#[tokio::test]
async fn five_tries_then_a_pause_for_that_network_only() {
    let house = TestApp::new().await;
    let token = token(&house).await;
    let guesser = house.anonymous().at("198.51.100.9");
    for _ in 0..5 {
        assert_eq!(guesser.post(SETUP, wish("kws_inv_x")).await.status, 401);
    }
    let locked = guesser.post(SETUP, wish(&token)).await;
    assert_eq!(locked.refusal(), (429, "too_many_attempts"));
    assert_eq!(
        house.anonymous().post(SETUP, wish(&token)).await.status,
        201
    );
}

#[tokio::test]
async fn an_invitation_to_a_tenant_sets_nothing_up() {
    let house = TestApp::new().await;
    let owner = house.user("owner@example.com", TenantRole::Owner).await;
    let wanted = json!({"email": "eve@example.com", "role": "member"});
    let invited = owner.post("/api/v1/tenant/acme/users", wanted).await;
    let refused = house
        .anonymous()
        .post(SETUP, wish(invited.text("token")))
        .await;
    assert_eq!(refused.refusal(), (401, "invalid_credentials"));
    let accept = json!({"token": token(&house).await, "password": PASSWORD});
    let refused = house
        .anonymous()
        .post("/api/v1/auth/invitations/accept", accept)
        .await;
    assert_eq!(refused.refusal(), (401, "invalid_credentials"));
}
