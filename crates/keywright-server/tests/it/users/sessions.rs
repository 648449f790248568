//! Sessions of users, as they and their administrators see and end them.

use keywright_core::user::TenantRole;
use serde_json::json;

use crate::support::{Client, TestApp};

const OWN: &str = "/api/v1/auth/sessions";
const ME: &str = "/api/v1/auth/me";

fn path(tenant: &str, user: &Client) -> String {
    format!("/api/v1/tenant/{tenant}/users/{}/sessions", user.id())
}

#[tokio::test]
async fn users_see_and_end_their_own_sessions_only() {
    let house = TestApp::new().await;
    let eve = house.person("eve@example.com", false).await;
    house.join(&eve, house.tenant.id, TenantRole::Member).await;
    let (here, there) = (house.signed_in(&eve).await, house.signed_in(&eve).await);
    let other = house.user("other@example.com", TenantRole::Owner).await;
    let listed = here.get(OWN).await;
    let listed = listed.body.as_array().unwrap();
    assert_eq!(listed.len(), 2);
    let current = listed.iter().filter(|it| it["current"] == true).count();
    assert_eq!(current, 1);
    let that = listed.iter().find(|it| it["current"] == false).unwrap();
    let one = format!("{OWN}/{}", that["id"].as_str().unwrap());
    assert_eq!(
        other.delete(&one).await.status,
        404,
        "as one that is not there"
    );
    assert_eq!(there.get(ME).await.status, 200);
    assert_eq!(here.delete(&one).await.status, 200);
    assert_eq!(there.get(ME).await.status, 401);
    assert_eq!(here.get(ME).await.status, 200);
}

#[tokio::test]
async fn administrators_end_the_sessions_of_their_members() {
    let house = TestApp::new().await;
    let member = house.user("eve@example.com", TenantRole::Member).await;
    let owner = house.user("owner@example.com", TenantRole::Owner).await;
    let admin = house.user("admin@example.com", TenantRole::Admin).await;
    assert_eq!(admin.delete(&path("acme", &owner)).await.status, 403);
    assert_eq!(member.delete(&path("acme", &admin)).await.status, 403);
    let listed = admin.get(&path("acme", &member)).await;
    assert_eq!(listed.body.as_array().unwrap().len(), 1);
    assert_eq!(admin.delete(&path("acme", &member)).await.status, 200);
    assert_eq!(member.get(ME).await.status, 401);
}

/// A session belongs to the person, not to the tenant: one tenant must neither see from where its
/// guests work for another, nor sign them out there.
#[tokio::test]
async fn an_account_of_several_tenants_is_none_of_theirs() {
    let house = TestApp::new().await;
    let other = house.found("other").await;
    let eve = house.person("eve@example.com", false).await;
    house.join(&eve, house.tenant.id, TenantRole::Member).await;
    house.join(&eve, other.id, TenantRole::Member).await;
    let eve = house.signed_in(&eve).await;
    let boss = house.user("boss@example.com", TenantRole::Owner).await;
    assert_eq!(boss.get(&path("acme", &eve)).await.status, 403);
    assert_eq!(boss.delete(&path("acme", &eve)).await.status, 403);
    let account = format!("/api/v1/tenant/acme/users/{}", eve.id());
    let disabled = boss.patch(&account, json!({"disabled": true})).await;
    assert_eq!(disabled.status, 403);
    assert_eq!(eve.get(ME).await.status, 200);
    let platform = house.platform_admin().await;
    assert_eq!(platform.delete(&path("acme", &eve)).await.status, 200);
    assert_eq!(eve.get(ME).await.status, 401);
}

#[tokio::test]
async fn a_session_that_is_over_is_not_listed() {
    let house = TestApp::new().await;
    let eve = house.person("eve@example.com", false).await;
    house.join(&eve, house.tenant.id, TenantRole::Member).await;
    house.signed_in(&eve).await;
    let life = i64::try_from(house.app.options.session_life.as_secs()).unwrap();
    house.pass(life);
    let here = house.signed_in(&eve).await;
    let listed = here.get(OWN).await;
    assert_eq!(listed.body.as_array().unwrap().len(), 1);
}
