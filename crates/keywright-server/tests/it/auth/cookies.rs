//! Cookie sessions: what another site, a neighbouring host and a planted cookie cannot do.

use http::header;
use keywright_core::user::TenantRole;
use keywright_server::options::Options;
use serde_json::{Value, json};

use crate::support::{Answer, Client, PASSWORD, TestApp};

const LOGIN: &str = "/api/v1/auth/login";
const ME: &str = "/api/v1/auth/me";
const KEYS: &str = "/api/v1/tenant/acme/api-keys/create";

fn login() -> Value {
    json!({"email": "ada@example.com", "password": PASSWORD, "cookie": true})
}

async fn house() -> TestApp {
    let house = TestApp::new().await;
    house
        .with_password("ada@example.com", TenantRole::Member)
        .await;
    house
}

/// The browser that got this answer.
fn browser(house: &TestApp, answer: &Answer) -> Client {
    assert_eq!(answer.status, 200, "{answer:?}");
    house.anonymous().with("cookie", &answer.cookie())
}

#[tokio::test]
async fn a_write_needs_the_token_and_the_same_site() {
    let house = house().await;
    let answer = house.anonymous().post(LOGIN, login()).await;
    let page = browser(&house, &answer);
    assert_eq!(answer.body["access_token"], Value::Null);
    let token = answer.text("csrf_token");
    let same = page.with("sec-fetch-site", "same-origin");
    let other = "00".repeat(32);
    for forged in [
        page.clone(),
        page.with("x-csrf-token", token),
        same.clone(),
        same.with("x-csrf-token", ""),
        same.with("x-csrf-token", &other),
        page.with("x-csrf-token", token)
            .with("sec-fetch-site", "cross-site"),
        page.with("x-csrf-token", token)
            .with("sec-fetch-site", "same-site"),
        page.with("x-csrf-token", token)
            .with("sec-fetch-site", "none"),
        page.with("x-csrf-token", token)
            .with("origin", "https://evil.example"),
    ] {
        let refused = forged.post(KEYS, json!({})).await;
        assert_eq!(refused.refusal(), (403, "csrf_failed"));
    }
    let good = same.with("x-csrf-token", token);
    assert_eq!(good.post(KEYS, json!({})).await.status, 201);
    assert_eq!(page.get(ME).await.status, 200, "reading needs neither");
}

#[tokio::test]
async fn a_page_that_was_loaded_again_learns_its_token() {
    let house = house().await;
    let answer = house.anonymous().post(LOGIN, login()).await;
    let me = browser(&house, &answer).get(ME).await;
    assert_eq!(me.text("csrf_token"), answer.text("csrf_token"));
    assert_eq!(answer.body["me"]["email"], "ada@example.com");
}

#[tokio::test]
async fn one_session_has_no_token_for_another() {
    let house = house().await;
    let first = house.anonymous().post(LOGIN, login()).await;
    let second = house.anonymous().post(LOGIN, login()).await;
    assert_ne!(first.cookie(), second.cookie());
    let mixed = browser(&house, &first)
        .with("sec-fetch-site", "same-origin")
        .with("x-csrf-token", second.text("csrf_token"));
    let refused = mixed.post(KEYS, json!({})).await;
    assert_eq!(refused.refusal(), (403, "csrf_failed"));
}

#[tokio::test]
async fn a_planted_cookie_is_replaced_and_its_session_ends() {
    let house = house().await;
    let planted = house.anonymous().post(LOGIN, login()).await;
    let victim = browser(&house, &planted);
    let answer = victim.post(LOGIN, login()).await;
    assert_ne!(answer.cookie(), planted.cookie(), "a new session");
    assert_eq!(browser(&house, &answer).get(ME).await.status, 200);
    assert_eq!(victim.get(ME).await.status, 401, "the one before has ended");
    let two = format!("{}; {}", answer.cookie(), planted.cookie());
    let two = house.anonymous().with("cookie", &two);
    assert_eq!(two.get(ME).await.status, 401, "two cookies are none");
}

#[tokio::test]
async fn another_site_cannot_sign_a_browser_in() {
    let house = house().await;
    let visitor = house.anonymous();
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
    ] {
        let refused = visitor.with(name, value).post(LOGIN, login()).await;
        assert_eq!(refused.refusal(), (403, "csrf_failed"), "{name}: {value}");
        assert!(!refused.headers.contains_key(header::SET_COOKIE));
    }
    let own = visitor.with("sec-fetch-site", "same-origin");
    assert_eq!(own.post(LOGIN, login()).await.status, 200);
}

#[tokio::test]
async fn over_tls_only_the_cookie_that_no_neighbour_can_set_counts() {
    let house = TestApp::with(Options {
        public_url: "https://keys.example.com".to_owned(),
        ..Options::default()
    })
    .await;
    house
        .with_password("ada@example.com", TenantRole::Member)
        .await;
    let answer = house.anonymous().post(LOGIN, login()).await;
    let set = answer.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(set.starts_with("__Host-sid="), "{set}");
    for part in ["Secure", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(set.contains(part), "{set}");
    }
    let cookie = answer.cookie();
    let value = cookie.strip_prefix("__Host-").unwrap();
    let planted = house.anonymous().with("cookie", value);
    assert_eq!(planted.get(ME).await.status, 401);
    let beside = house
        .anonymous()
        .with("cookie", &format!("sid=planted; {cookie}"));
    assert_eq!(
        beside.get(ME).await.status,
        200,
        "it does not disturb either"
    );
}

#[tokio::test]
async fn signing_out_ends_the_session_and_clears_the_browser() {
    let house = house().await;
    let answer = house.anonymous().post(LOGIN, login()).await;
    let page = browser(&house, &answer);
    let out = page
        .with("sec-fetch-site", "same-origin")
        .with("x-csrf-token", answer.text("csrf_token"))
        .post("/api/v1/auth/logout", json!({}))
        .await;
    assert_eq!(out.status, 200);
    assert!(
        out.headers["clear-site-data"]
            .to_str()
            .unwrap()
            .contains("cookies")
    );
    assert_eq!(out.cookie(), "sid=");
    assert_eq!(page.get(ME).await.status, 401);
}

#[tokio::test]
async fn a_cookie_is_no_access_token_and_an_access_token_no_cookie() {
    let house = house().await;
    let answer = house.anonymous().post(LOGIN, login()).await;
    let cookie = answer.cookie();
    let value = cookie.strip_prefix("sid=").unwrap();
    assert_eq!(house.bearer(value).get(ME).await.status, 401);
    let mut wish = login();
    wish["cookie"] = json!(false);
    let tokens = house.anonymous().post(LOGIN, wish).await;
    let cookie = format!("sid={}", tokens.text("access_token"));
    let mixed = house.anonymous().with("cookie", &cookie);
    assert_eq!(mixed.get(ME).await.status, 401);
}
