//! Restrictions as requests give them and as they are shown.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use serde_json::{Value, json};

use super::*;
use crate::key::{CreateKey, NewKey};

fn create(body: &Value) -> Result<NewKey, Vec<crate::error::Detail>> {
    serde_json::from_value::<CreateKey>(body.clone())
        .unwrap()
        .validate()
}

/// The paths of the problems.
fn paths(body: &Value) -> Vec<String> {
    let details = create(body).unwrap_err();
    for detail in &details {
        assert!(!detail.problem.is_empty() && !detail.fix.is_empty());
    }
    details.into_iter().map(|detail| detail.path).collect()
}

fn shown(body: &Value) -> Value {
    let new = create(body).unwrap();
    serde_json::to_value(RestrictionsBody::new(
        new.attributes.restrictions.as_deref(),
    ))
    .unwrap()
}

fn window(from: &str, to: &str, zone: &str) -> Value {
    json!({"days": ["mon", "sun"], "from": from, "to": to, "zone": zone})
}

#[test]
fn what_was_given_is_shown_in_its_normal_form() {
    let given = json!({
        "referrers": ["EXAMPLE.com", "*.b\u{fc}cher.example./*", "http://localhost:3000/"],
        "countries_allow": ["de"], "countries_deny": ["FR"],
        "networks_allow": [64496], "networks_deny": [4_294_967_295_u32],
        "time_windows": [window("22:00", "24:00", "europe/berlin")],
        "paused_until": 1_800_000_000,
    });
    let body = shown(&given);
    assert_eq!(
        body["referrers"],
        json!([
            "example.com/*",
            "*.xn--bcher-kva.example/*",
            "http://localhost:3000/*"
        ])
    );
    assert_eq!(body["countries_allow"], json!(["DE"]));
    assert_eq!(body["networks_deny"], json!([4_294_967_295_u32]));
    let expected = json!([window("22:00", "24:00", "Europe/Berlin")]);
    assert_eq!(body["time_windows"], expected);
    assert_eq!(body["paused_until"], 1_800_000_000);
    // What is shown can be given again, and means the same.
    assert_eq!(shown(&body), body);
    let sha1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
    let apps = json!({"android_apps": [{"package": "com.example.app", "sha1": sha1}]});
    assert_eq!(
        shown(&apps)["android_apps"][0]["sha1"],
        "DA:39:A3:EE:5E:6B:4B:0D:32:55:BF:EF:95:60:18:90:AF:D8:07:09"
    );
}

#[test]
fn what_cannot_be_meant_is_named() {
    assert_eq!(
        paths(&json!({
            "referrers": ["example.com/path", "*.com", "a.example", "ftp://a.example"],
            "countries_allow": ["UK"], "networks_deny": [0, -1],
            "time_windows": [
                window("8:00", "18:00", "UTC"), window("08:00", "08:00", "UTC"),
                window("08:00", "18:00", "Mars/Olympus"),
                {"days": [], "from": "08:00", "to": "18:00", "zone": "UTC"},
                {"days": ["monday"], "from": "08:00", "to": "18:00", "zone": "UTC"},
            ],
            "paused_until": -1,
        })),
        [
            "referrers[0]",
            "referrers[1]",
            "referrers[3]",
            "countries_allow[0]",
            "networks_deny[0]",
            "networks_deny[1]",
            "time_windows[0].from",
            "time_windows[1]",
            "time_windows[2].zone",
            "time_windows[3]",
            "time_windows[4].days[0]",
            "paused_until",
        ]
    );
    let apps = json!({"android_apps": [{"package": "app", "sha1": "12"}]});
    assert_eq!(
        paths(&apps),
        ["android_apps[0].package", "android_apps[0].sha1"]
    );
    assert_eq!(
        paths(&json!({"ios_bundles": ["a b.c"]})),
        ["ios_bundles[0]"]
    );
}

#[test]
fn a_key_has_one_kind_of_client() {
    let two = json!({"referrers": ["a.example"], "ios_bundles": ["a.b"]});
    assert_eq!(paths(&two), ["ios_bundles"]);
    let mut problems = Problems::new();
    let had = create(&json!({"referrers": ["a.example"]})).unwrap();
    let before = had.attributes.restrictions.unwrap();
    let change = |referrers| Edit {
        referrers,
        ios_bundles: Some(vec!["a.b".into()]),
        ..Edit::default()
    };
    // Clearing the one and giving the other in one update.
    let after = change(Some(Vec::new())).over(Some(&before), &mut problems);
    assert!(matches!(after.unwrap().clients, Some(Clients::Ios(_))));
    change(None).over(Some(&before), &mut problems);
    let details = problems.finish(()).unwrap_err();
    assert_eq!(details.first().unwrap().path, "ios_bundles");
}

#[test]
fn lists_are_bounded() {
    let many = |count: usize| json!({"networks_allow": vec![1; count]});
    assert!(create(&many(RESTRICTIONS_MAX)).is_ok());
    assert_eq!(paths(&many(RESTRICTIONS_MAX + 1)), ["networks_allow"]);
    let windows =
        |count: usize| json!({"time_windows": vec![window("08:00", "18:00", "UTC"); count]});
    assert!(create(&windows(TIME_WINDOWS_MAX)).is_ok());
    assert_eq!(paths(&windows(TIME_WINDOWS_MAX + 1)), ["time_windows"]);
}

#[test]
fn what_is_not_mentioned_stays_and_null_ends_a_pause() {
    let had = create(&json!({"countries_allow": ["DE"], "paused_until": 10})).unwrap();
    let before = had.attributes.restrictions.unwrap();
    let mut problems = Problems::new();
    let same = Edit::default().over(Some(&before), &mut problems);
    assert_eq!(same.as_deref(), Some(&*before));
    let edit = Edit {
        paused_until: Patch::Null,
        ..Edit::default()
    };
    let after = edit.over(Some(&before), &mut problems).unwrap();
    assert_eq!(after.paused_until, None);
    assert_eq!(after.countries, before.countries);
    let cleared = Edit {
        countries_allow: Some(Vec::new()),
        paused_until: Patch::Null,
        ..Edit::default()
    };
    assert_eq!(cleared.over(Some(&before), &mut problems), None);
    assert!(problems.finish(()).is_ok());
}
