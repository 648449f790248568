//! Who makes, changes and removes whom: nobody gives away more than they have (trust S6, V29).

use keywright_core::user::TenantRole;
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{Client, PASSWORD, TestApp};

const USERS: &str = "/api/v1/tenant/acme/users";

fn path(user: &Client) -> String {
    format!("{USERS}/{}", user.id())
}

/// The roles that a caller may give to a new user.
async fn gives(caller: &Client, name: &str) -> Vec<&'static str> {
    let mut given = Vec::new();
    for role in ["member", "auditor", "approver", "admin", "owner"] {
        let wish = json!({"email": format!("{name}-{role}@example.com"), "role": role});
        let answer = caller.post(USERS, wish).await;
        assert!(matches!(answer.status, 202 | 403), "{answer:?}");
        if answer.status == 202 {
            given.push(role);
        }
    }
    given
}

#[tokio::test]
async fn nobody_gives_away_more_than_they_have() {
    let house = TestApp::new().await;
    let below_owner = vec!["member", "auditor", "approver", "admin"];
    let mut all = below_owner.clone();
    all.push("owner");
    let none: Vec<&str> = Vec::new();
    for (role, wanted) in [
        (TenantRole::Member, &none),
        (TenantRole::Approver, &none),
        (TenantRole::Auditor, &none),
        (TenantRole::Admin, &below_owner),
        (TenantRole::Owner, &all),
    ] {
        let name = role.as_str();
        let caller = house.user(&format!("{name}@example.com"), role).await;
        assert_eq!(gives(&caller, name).await, *wanted, "{name}");
    }
    let platform = house.platform_admin().await;
    assert_eq!(gives(&platform, "platform").await, all);
    let full = house.system_key(&["keywright:*"]).await;
    assert_eq!(gives(&full, "full").await, below_owner);
    let narrow = house.system_key(&["keywright:users:write"]).await;
    assert_eq!(gives(&narrow, "narrow").await, ["member"]);
    let scopes = [
        "keywright:users:write",
        "keywright:users:read",
        "keywright:keys:read",
    ];
    let reader = house.system_key(&scopes).await;
    assert_eq!(gives(&reader, "reader").await, ["member", "approver"]);
    assert_eq!(house.anonymous().post(USERS, json!({})).await.status, 401);
}

#[tokio::test]
async fn nobody_raises_themselves() {
    let house = TestApp::new().await;
    house.user("owner@example.com", TenantRole::Owner).await;
    for role in [
        TenantRole::Member,
        TenantRole::Approver,
        TenantRole::Auditor,
        TenantRole::Admin,
    ] {
        let email = format!("{}@example.com", role.as_str());
        let caller = house.user(&email, role).await;
        let raised = caller.patch(&path(&caller), json!({"role": "owner"})).await;
        assert_eq!(raised.status, 403, "{role:?}");
        let raised = caller
            .patch(&path(&caller), json!({"platform_admin": true}))
            .await;
        assert!(matches!(raised.status, 403 | 422), "{role:?}");
        let me = caller.get("/api/v1/auth/me").await;
        assert_eq!(me.body["tenants"][0]["role"], role.as_str());
        assert_eq!(me.body["platform_admin"], false);
    }
}

#[tokio::test]
async fn a_key_that_manages_users_does_not_touch_those_above_it() {
    let house = TestApp::new().await;
    let owner = house.user("owner@example.com", TenantRole::Owner).await;
    let admin = house.user("admin@example.com", TenantRole::Admin).await;
    let member = house.user("member@example.com", TenantRole::Member).await;
    let key = house.system_key(&["keywright:users:write"]).await;
    for above in [&owner, &admin] {
        assert_eq!(key.delete(&path(above)).await.status, 403);
        let lowered = key.patch(&path(above), json!({"role": "member"})).await;
        assert_eq!(lowered.status, 403);
        let disabled = key.patch(&path(above), json!({"disabled": true})).await;
        assert_eq!(disabled.status, 403);
    }
    let raised = key.patch(&path(&member), json!({"role": "admin"})).await;
    assert_eq!(raised.status, 403);
    assert_eq!(key.delete(&path(&member)).await.status, 200);
}

#[tokio::test]
async fn the_last_owner_stays() {
    let house = TestApp::new().await;
    let owner = house.user("owner@example.com", TenantRole::Owner).await;
    let platform = house.platform_admin().await;
    for caller in [&owner, &platform] {
        assert_eq!(
            caller.delete(&path(&owner)).await.refusal(),
            (409, "conflict")
        );
        for change in [json!({"role": "admin"}), json!({"disabled": true})] {
            let answer = caller.patch(&path(&owner), change).await;
            assert_eq!(answer.refusal(), (409, "conflict"));
        }
    }
    let second = house.user("second@example.com", TenantRole::Owner).await;
    let lowered = owner.patch(&path(&owner), json!({"role": "member"})).await;
    assert_eq!(lowered.status, 200);
    assert_eq!(
        second.delete(&path(&second)).await.refusal(),
        (409, "conflict")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_owners_who_remove_each_other_leave_one() {
    let house = TestApp::new().await;
    let mut last = house.user("owner@example.com", TenantRole::Owner).await;
    for round in 0..20 {
        let other = house
            .user(&format!("owner{round}@example.com"), TenantRole::Owner)
            .await;
        let mut racers = JoinSet::new();
        for (caller, target) in [(&last, &other), (&other, &last)] {
            let (caller, target) = (caller.clone(), path(target));
            racers.spawn(async move { caller.delete(&target).await });
        }
        let answers = racers.join_all().await;
        let removed = answers.iter().filter(|it| it.status == 200).count();
        assert_eq!(removed, 1, "round {round}: {answers:?}");
        if last.get(USERS).await.status != 200 {
            last = other;
        }
    }
}

#[tokio::test]
async fn a_removed_member_and_their_keys_are_out_at_once() {
    let house = TestApp::new().await;
    let admin = house.user("admin@example.com", TenantRole::Admin).await;
    let made = json!({"email": "eve@example.com", "role": "member", "password": PASSWORD});
    let made = admin.post(USERS, made).await;
    assert_eq!(made.status, 201, "{made:?}");
    let login = json!({"email": "eve@example.com", "password": PASSWORD});
    let tokens = house.anonymous().post("/api/v1/auth/login", login).await;
    let eve = house.bearer(tokens.text("access_token"));
    let key = eve
        .post("/api/v1/tenant/acme/api-keys/create", json!({}))
        .await;
    let check = json!({"key": key.text("api_key")});
    let verdict = admin.post("/api/v1/verify", check.clone()).await;
    assert_eq!(verdict.body["valid"], true, "{verdict:?}");
    let path = format!("{USERS}/{}", made.text("id"));
    assert_eq!(admin.delete(&path).await.status, 200);
    assert_eq!(
        admin.post("/api/v1/verify", check).await.body["valid"],
        false
    );
    assert_eq!(
        eve.get("/api/v1/tenant/acme/api-keys/list").await.status,
        404
    );
    assert_eq!(admin.get(&path).await.status, 404);
    assert_eq!(admin.delete(&path).await.status, 404);
}

#[tokio::test]
async fn an_update_holds_to_the_version_it_was_decided_on() {
    let house = TestApp::new().await;
    let admin = house.user("admin@example.com", TenantRole::Admin).await;
    let member = house.user("member@example.com", TenantRole::Member).await;
    let shown = admin.get(&path(&member)).await;
    let version = shown.headers["etag"].to_str().unwrap().to_owned();
    let careful = admin.with("if-match", &version);
    let changed = careful.patch(&path(&member), json!({"name": "Eve"})).await;
    assert_eq!(changed.status, 200);
    let late = careful.patch(&path(&member), json!({"name": "Ada"})).await;
    assert_eq!(late.status, 412, "{late:?}");
    assert_eq!(admin.get(&path(&member)).await.text("name"), "Eve");
}
