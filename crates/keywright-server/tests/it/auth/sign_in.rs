//! `sign_in`: the answers to right and wrong passwords, and how guessing is slowed.

use keywright_core::user::TenantRole;
use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, TestApp};

const LOGIN: &str = "/api/v1/auth/login";
const WRONG: &str = "an entirely different text";

fn login(email: &str, password: &str) -> Value {
    json!({"email": email, "password": password})
}

/// All that a stranger could tell two answers apart by.
fn seen(answer: &Answer) -> (u16, Value, Vec<String>) {
    let mut body = answer.body.clone();
    body["request_id"] = Value::Null;
    let headers = answer.headers.keys().map(ToString::to_string).collect();
    (answer.status, body, headers)
}

#[tokio::test]
async fn unknown_disabled_and_mistyped_accounts_answer_alike() {
    let house = TestApp::new().await;
    house
        .with_password("ada@example.com", TenantRole::Member)
        .await;
    let gone = house
        .with_password("gone@example.com", TenantRole::Member)
        .await;
    let admin = house.user("admin@example.com", TenantRole::Admin).await;
    let path = format!("/api/v1/tenant/acme/users/{}", gone.id);
    assert_eq!(
        admin.patch(&path, json!({"disabled": true})).await.status,
        200
    );
    let caller = house.anonymous();
    let unknown = caller.post(LOGIN, login("nobody@example.com", WRONG)).await;
    assert_eq!(unknown.refusal(), (401, "invalid_credentials"));
    for (email, password) in [
        ("ada@example.com", WRONG),
        ("gone@example.com", PASSWORD),
        ("not an address", PASSWORD),
    ] {
        let answer = caller.post(LOGIN, login(email, password)).await;
        assert_eq!(seen(&answer), seen(&unknown), "{email}");
    }
}

#[tokio::test]
async fn tokens_work_until_their_time_is_over() {
    let house = TestApp::new().await;
    house
        .with_password("ada@example.com", TenantRole::Member)
        .await;
    let answer = house
        .anonymous()
        .post(LOGIN, login(" Ada@Example.COM ", PASSWORD))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.text("token_type"), "Bearer");
    let life = answer.body["expires_in"].as_i64().unwrap();
    let ada = house.bearer(answer.text("access_token"));
    house.pass(life - 1);
    let me = ada.get("/api/v1/auth/me").await;
    assert_eq!(me.text("email"), "ada@example.com");
    assert_eq!(me.body["tenants"][0]["slug"], "acme");
    assert_eq!(me.body["csrf_token"], Value::Null, "a token needs none");
    house.pass(1);
    let late = ada.get("/api/v1/auth/me").await;
    assert_eq!(late.refusal(), (401, "session_expired"));
}

#[tokio::test]
async fn a_guesser_locks_out_nobody_else() {
    let house = TestApp::new().await;
    house
        .with_password("ada@example.com", TenantRole::Member)
        .await;
    let guesser = house.anonymous().at("198.51.100.9");
    for _ in 0..20 {
        house.pass(20);
        guesser.post(LOGIN, login("ada@example.com", WRONG)).await;
    }
    let right = login("ada@example.com", PASSWORD);
    let locked = guesser.post(LOGIN, right.clone()).await;
    assert_eq!(locked.refusal(), (429, "too_many_attempts"));
    assert!(locked.headers.contains_key("retry-after"));
    let elsewhere = house.anonymous().at("203.0.113.5");
    assert_eq!(elsewhere.post(LOGIN, right).await.status, 200);
}

#[tokio::test]
async fn a_success_forgets_the_failures_before_it() {
    let house = TestApp::new().await;
    house
        .with_password("ada@example.com", TenantRole::Member)
        .await;
    let caller = house.anonymous();
    for _ in 0..3 {
        for _ in 0..4 {
            let wrong = caller.post(LOGIN, login("ada@example.com", WRONG)).await;
            assert_eq!(wrong.status, 401);
        }
        let right = caller.post(LOGIN, login("ada@example.com", PASSWORD)).await;
        assert_eq!(right.status, 200);
    }
}

#[tokio::test]
async fn a_failure_is_recorded_with_the_account_and_a_flood_of_them_is_not() {
    let house = TestApp::new().await;
    let ada = house
        .with_password("ada@example.com", TenantRole::Member)
        .await;
    let caller = house.anonymous();
    caller.post(LOGIN, login("ada@example.com", WRONG)).await;
    let recorded = house.recorded("sign_in_failed").await;
    assert_eq!(recorded, [Some(ada.id.to_string())]);
    house.pass(1);
    for network in 0..15 {
        let caller = caller.at(&format!("203.0.{network}.1"));
        let answer = caller.post(LOGIN, login("nobody@example.com", WRONG)).await;
        assert_eq!(answer.status, 401);
    }
    assert_eq!(house.recorded("sign_in_failed").await.len(), 1 + 10);
    house.pass(1);
    caller.post(LOGIN, login("nobody@example.com", WRONG)).await;
    let recorded = house.recorded("sign_in_failed").await;
    assert_eq!(recorded.len(), 1 + 10 + 1);
    assert!(recorded.contains(&None), "nobody has no identifier");
}
