//! Tenants: who makes, sees and changes them.

use keywright_core::user::TenantRole;
use serde_json::json;

use crate::support::TestApp;

const ACME: &str = "/api/v1/tenant/acme";
const TENANTS: &str = "/api/v1/tenants";

#[tokio::test]
async fn a_new_tenant_has_what_it_needs_and_a_slug_of_its_own() {
    let house = TestApp::new().await;
    let platform = house.platform_admin().await;
    let wish = json!({"slug": "beta", "name": "Beta"});
    let owner = house.user("owner@example.com", TenantRole::Owner).await;
    assert_eq!(owner.post(TENANTS, wish.clone()).await.status, 403);
    assert_eq!(platform.post(TENANTS, wish.clone()).await.status, 201);
    let again = platform.post(TENANTS, wish).await;
    assert_eq!(again.refusal(), (409, "duplicate"));
    for list in ["scopes", "roles"] {
        let found = platform.get(&format!("/api/v1/tenant/beta/{list}")).await;
        assert!(!found.body.as_array().unwrap().is_empty(), "{list}");
    }
    let seen = owner.get(TENANTS).await;
    assert_eq!(seen.body.as_array().unwrap().len(), 1, "one's own");
    let seen = platform.get(TENANTS).await;
    assert_eq!(seen.body.as_array().unwrap().len(), 2, "all");
}

#[tokio::test]
async fn a_foreign_tenant_answers_as_one_that_is_not_there() {
    let house = TestApp::new().await;
    house.found("other").await;
    let owner = house.user("owner@example.com", TenantRole::Owner).await;
    let key = house.system_key(&["keywright:*"]).await;
    for caller in [owner, key] {
        let mut answers = Vec::new();
        for slug in ["other", "no-such-tenant"] {
            let answer = caller.get(&format!("/api/v1/tenant/{slug}")).await;
            let mut body = answer.body.clone();
            body["request_id"] = json!(null);
            answers.push((answer.status, body));
        }
        assert_eq!(answers[0], answers[1]);
        assert_eq!(answers[0].0, 404);
    }
}

#[tokio::test]
async fn settings_change_from_the_version_they_were_decided_on() {
    let house = TestApp::new().await;
    let admin = house.user("admin@example.com", TenantRole::Admin).await;
    let member = house.user("member@example.com", TenantRole::Member).await;
    let rename = json!({"name": "Acme & Co"});
    assert_eq!(member.patch(ACME, rename.clone()).await.status, 403);
    let version = admin.get(ACME).await.headers["etag"].clone();
    let careful = admin.with("if-match", version.to_str().unwrap());
    let renamed = careful.patch(ACME, rename.clone()).await;
    assert_eq!((renamed.status, renamed.text("name")), (200, "Acme & Co"));
    assert_eq!(careful.patch(ACME, rename).await.status, 412);
}

#[tokio::test]
async fn the_prefix_of_our_own_tokens_is_taken() {
    let house = TestApp::new().await;
    let admin = house.user("admin@example.com", TenantRole::Admin).await;
    let refused = admin.patch(ACME, json!({"prefix": "kws"})).await;
    assert_eq!(refused.refusal(), (422, "validation_failed"));
    assert_eq!(refused.body["details"][0]["path"], "prefix");
    assert_eq!(
        admin.patch(ACME, json!({"prefix": "acme"})).await.status,
        200
    );
}

#[tokio::test]
async fn an_environment_stays_while_keys_belong_to_it() {
    let house = TestApp::new().await;
    let admin = house.user("admin@example.com", TenantRole::Admin).await;
    let tenant = admin.get(ACME).await;
    let all = tenant.body["settings"]["environments"]
        .as_array()
        .unwrap()
        .clone();
    let made = admin
        .post(&format!("{ACME}/api-keys/create"), json!({}))
        .await;
    let used = &made.body["environment"];
    let without_used: Vec<_> = all.iter().filter(|it| it["name"] != *used).collect();
    let refused = admin
        .patch(
            ACME,
            json!({"environments": without_used, "expiry": {"rules": []}}),
        )
        .await;
    assert_eq!(refused.refusal(), (409, "conflict"), "{refused:?}");
    let only_used: Vec<_> = all.iter().filter(|it| it["name"] == *used).collect();
    let kept = admin
        .patch(
            ACME,
            json!({"environments": only_used, "expiry": {"rules": []}}),
        )
        .await;
    assert_eq!(kept.status, 200, "{kept:?}");
}

#[tokio::test]
async fn suspending_is_for_the_platform_and_refuses_keys_at_once() {
    let house = TestApp::new().await;
    let owner = house.user("owner@example.com", TenantRole::Owner).await;
    let platform = house.platform_admin().await;
    let key = owner
        .post(&format!("{ACME}/api-keys/create"), json!({}))
        .await;
    let check = json!({"key": key.text("api_key")});
    let suspend = json!({"suspended": true});
    assert_eq!(owner.patch(ACME, suspend.clone()).await.status, 403);
    let valid = platform.post("/api/v1/verify", check.clone()).await;
    assert_eq!(valid.body["valid"], true);
    assert_eq!(platform.patch(ACME, suspend).await.status, 200);
    let refused = platform.post("/api/v1/verify", check.clone()).await;
    assert_eq!(refused.body["valid"], false);
    let resume = json!({"suspended": false});
    assert_eq!(platform.patch(ACME, resume).await.status, 200);
    assert_eq!(
        platform.post("/api/v1/verify", check).await.body["valid"],
        true
    );
}
