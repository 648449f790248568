//! The cases of `spec/cases`, run against the law itself.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use std::fs;
use std::path::Path;

use keywright_core::key::State;
use keywright_core::permission::Expression;
use keywright_core::restriction::{AddressRules, Cidr, parse_address};
use keywright_core::scope::Scope;
use keywright_core::token::digest::Digest;
use keywright_core::verify::{judge, settle};
use serde_json::Value;
use support::{Ask, Facts, NOW};

const RIGHT: Digest = Digest::from_bytes([1; 32]);
const WRONG: Digest = Digest::from_bytes([2; 32]);

fn texts(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .map(|text| text.as_str().unwrap())
        .collect()
}

fn networks(value: &Value) -> Box<[Cidr]> {
    texts(value)
        .into_iter()
        .map(|text| text.parse().unwrap())
        .collect()
}

fn facts(key: &Value) -> Facts {
    let moment = |name: &str| {
        key[name]
            .as_i64()
            .map(|offset| NOW.plus_milliseconds(offset))
    };
    let state = match key["state"].as_str() {
        None | Some("active") => State::Active,
        Some("disabled") => State::Disabled { at: NOW },
        Some("revoked") => State::Revoked {
            at: NOW,
            reason: None,
        },
        Some(other) => panic!("unknown state {other}"),
    };
    let facts = Facts {
        secret: (key["format"] == "pair").then_some(RIGHT),
        state,
        not_before: moment("begins_in_ms"),
        expires_at: moment("expires_in_ms"),
        owner_active: key["owner_active"] != false,
        tenant_active: key["tenant_active"] != false,
        environment: key["environment"]
            .as_str()
            .unwrap_or("production")
            .parse()
            .unwrap(),
        addresses: AddressRules {
            allow: networks(&key["ip_allow"]),
            deny: networks(&key["ip_deny"]),
        },
        ..Facts::default()
    };
    facts.granting(&texts(&key["scopes"]), &texts(&key["roles"]))
}

fn permissions(wanted: &Value) -> Option<Expression> {
    let scopes = |list: &Value| -> Vec<Scope> {
        texts(list)
            .into_iter()
            .map(|text| text.parse().unwrap())
            .collect()
    };
    match wanted {
        Value::Null => None,
        Value::String(text) => Some(text.parse().unwrap()),
        Value::Object(lists) => Some(match lists.get("any_of") {
            Some(list) => Expression::any_of(scopes(list)).unwrap(),
            None => Expression::all_of(scopes(&wanted["all_of"])).unwrap(),
        }),
        other => panic!("unknown permissions {other}"),
    }
}

fn ask(ask: &Value, pair: bool) -> Ask {
    let secret = match ask["secret"].as_str() {
        None => pair.then_some(RIGHT),
        Some("right" | "extra") => Some(RIGHT),
        Some("wrong") => Some(WRONG),
        Some("missing" | "none") => None,
        Some(other) => panic!("unknown secret {other}"),
    };
    Ask {
        secret,
        environment: ask["environment"]
            .as_str()
            .map(|name| name.parse().unwrap()),
        permissions: permissions(&ask["permissions"]),
        address: ask["ip"].as_str().map(|text| parse_address(text).unwrap()),
    }
}

#[test]
fn every_case_is_answered_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/cases");
    let mut run = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let cases: Vec<Value> = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        for case in cases {
            let facts = facts(&case["key"]);
            let ask = ask(&case["ask"], facts.secret.is_some());
            let judgement = judge(facts.borrow(), &ask.borrow(), NOW, &mut ());
            let verdict = settle(judgement, facts.borrow(), NOW);
            let code = verdict.denial.map_or("allowed", |denial| denial.code());
            assert_eq!(
                code,
                case["expect"],
                "{} in {}",
                case["name"],
                path.display()
            );
            run += 1;
        }
    }
    assert!(run >= 100, "only {run} cases were found");
}
