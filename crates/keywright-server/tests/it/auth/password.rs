//! `change_password`, and the sessions that it ends.

use keywright_core::user::TenantRole;
use serde_json::{Value, json};

use crate::support::{PASSWORD, TestApp};

const CHANGE: &str = "/api/v1/auth/password";
const LOGIN: &str = "/api/v1/auth/login";
const ME: &str = "/api/v1/auth/me";

fn change(from: &str, to: &str) -> Value {
    json!({"current_password": from, "new_password": to})
}

fn login(password: &str) -> Value {
    json!({"email": "ada@example.com", "password": password})
}

#[tokio::test]
async fn every_other_session_ends_and_this_one_stays() {
    let house = TestApp::new().await;
    let user = house
        .with_password("ada@example.com", TenantRole::Member)
        .await;
    let (ada, other) = (house.signed_in(&user).await, house.signed_in(&user).await);
    let sessions = ada.get("/api/v1/auth/sessions").await;
    assert_eq!(sessions.body.as_array().unwrap().len(), 2);
    let new = "nine loud geese fly over";
    assert_eq!(ada.post(CHANGE, change(PASSWORD, new)).await.status, 200);
    assert_eq!(ada.get(ME).await.status, 200);
    assert_eq!(other.get(ME).await.status, 401);
    let caller = house.anonymous();
    assert_eq!(caller.post(LOGIN, login(PASSWORD)).await.status, 401);
    assert_eq!(caller.post(LOGIN, login(new)).await.status, 200);
}

#[tokio::test]
async fn a_weak_password_is_refused_at_its_field() {
    let house = TestApp::new().await;
    let user = house
        .with_password("ada.lovelace@example.com", TenantRole::Member)
        .await;
    let ada = house.signed_in(&user).await;
    for weak in ["short", "ada.lovelace@example.com", "passwordpassword"] {
        let refused = ada.post(CHANGE, change(PASSWORD, weak)).await;
        assert_eq!(refused.refusal(), (422, "validation_failed"), "{weak}");
        assert_eq!(refused.body["details"][0]["path"], "new_password");
    }
    assert_eq!(
        ada.post(CHANGE, change(PASSWORD, PASSWORD)).await.status,
        200
    );
}

#[tokio::test]
async fn a_stolen_session_cannot_try_passwords() {
    let house = TestApp::new().await;
    let user = house
        .with_password("ada@example.com", TenantRole::Member)
        .await;
    let thief = house.signed_in(&user).await;
    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(thief.post(CHANGE, change("not this one", PASSWORD)).await);
    }
    assert_eq!(answers[0].refusal(), (401, "invalid_credentials"));
    assert_eq!(answers[5].refusal(), (429, "too_many_attempts"));
}

/// A sign-in that has checked the old password when it is changed must not begin a session.
#[tokio::test(flavor = "multi_thread")]
async fn no_sign_in_with_the_old_password_outlives_its_change() {
    let house = TestApp::new().await;
    let user = house
        .with_password("ada@example.com", TenantRole::Member)
        .await;
    let ada = house.signed_in(&user).await;
    let passwords = [PASSWORD, "nine loud geese fly over"];
    for round in 0..12 {
        let (old, new) = (passwords[round % 2], passwords[(round + 1) % 2]);
        let caller = house.anonymous();
        // The first of these takes about as long as the change takes to check the old password.
        let racing = async {
            for _ in 0..round % 4 {
                let stranger = json!({"email": "x@example.com", "password": old});
                caller.at("203.0.113.5").post(LOGIN, stranger).await;
                house.pass(60);
            }
            caller.post(LOGIN, login(old)).await
        };
        let (changed, signed_in) = tokio::join!(ada.post(CHANGE, change(old, new)), racing);
        assert_eq!(changed.status, 200, "{changed:?}");
        if signed_in.status == 200 {
            let survivor = house.bearer(signed_in.text("access_token"));
            assert_eq!(survivor.get(ME).await.status, 401, "round {round}");
        }
        // Forgets the failures.
        assert_eq!(caller.post(LOGIN, login(new)).await.status, 200);
    }
}
