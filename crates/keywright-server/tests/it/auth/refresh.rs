//! `refresh_session`: one line of tokens, and what happens when there are two (trust V7).

use keywright_core::user::TenantRole;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Answer, PASSWORD, TestApp};

const REFRESH: &str = "/api/v1/auth/refresh";
const ME: &str = "/api/v1/auth/me";

async fn house() -> TestApp {
    let house = TestApp::new().await;
    house
        .with_password("ada@example.com", TenantRole::Member)
        .await;
    house
}

async fn sign_in(house: &TestApp) -> Answer {
    let login = json!({"email": "ada@example.com", "password": PASSWORD});
    let answer = house.anonymous().post("/api/v1/auth/login", login).await;
    assert_eq!(answer.status, 200);
    answer
}

fn with(tokens: &Answer) -> Value {
    json!({"refresh_token": tokens.text("refresh_token")})
}

#[tokio::test]
async fn renewing_replaces_both_tokens() {
    let house = house().await;
    let first = sign_in(&house).await;
    let second = house.anonymous().post(REFRESH, with(&first)).await;
    assert_eq!(second.status, 200);
    let [old, new] = [&first, &second].map(|it| house.bearer(it.text("access_token")));
    assert_eq!(old.get(ME).await.status, 401);
    assert_eq!(new.get(ME).await.status, 200);
    assert_ne!(first.text("refresh_token"), second.text("refresh_token"));
}

#[tokio::test]
async fn a_replaced_token_that_comes_back_ends_the_session() {
    let house = house().await;
    let first = sign_in(&house).await;
    let second = house.anonymous().post(REFRESH, with(&first)).await;
    let thief = house.anonymous().post(REFRESH, with(&first)).await;
    assert_eq!(thief.refusal(), (401, "session_expired"));
    let owner = house.bearer(second.text("access_token"));
    assert_eq!(owner.get(ME).await.status, 401);
    let late = house.anonymous().post(REFRESH, with(&second)).await;
    assert_eq!(late.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_racing_renewals_at_most_one_wins() {
    let house = house().await;
    for round in 0..10 {
        let first = sign_in(&house).await;
        let mut racers = JoinSet::new();
        for _ in 0..4 {
            let (caller, body) = (house.anonymous(), with(&first));
            racers.spawn(async move { caller.post(REFRESH, body).await });
        }
        let answers = racers.join_all().await;
        let winners = answers.iter().filter(|it| it.status == 200).count();
        assert_eq!(winners, 1, "round {round}: {answers:?}");
        let losers = answers.iter().filter(|it| it.status != 200);
        for loser in losers {
            assert!(matches!(loser.status, 401 | 409), "{loser:?}");
        }
    }
}

#[tokio::test]
async fn a_disabled_user_renews_nothing() {
    let house = house().await;
    let first = sign_in(&house).await;
    let admin = house.user("admin@example.com", TenantRole::Admin).await;
    let me = house.bearer(first.text("access_token")).get(ME).await;
    let path = format!("/api/v1/tenant/acme/users/{}", me.text("id"));
    for disabled in [true, false] {
        let changed = admin.patch(&path, json!({"disabled": disabled})).await;
        assert_eq!(changed.status, 200);
        let answer = house.anonymous().post(REFRESH, with(&first)).await;
        assert_eq!(answer.status, 401, "disabled: {disabled}");
    }
}

#[tokio::test]
async fn an_access_token_buys_nothing() {
    let house = house().await;
    let first = sign_in(&house).await;
    let body = json!({"refresh_token": first.text("access_token")});
    let answer = house.anonymous().post(REFRESH, body).await;
    assert_eq!(answer.refusal(), (401, "unauthenticated"));
    let answer = house
        .anonymous()
        .post(REFRESH, json!({"refresh_token": "x"}))
        .await;
    assert_eq!(answer.status, 401);
}
