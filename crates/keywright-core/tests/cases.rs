//! The cases of `spec/cases`, run against the law itself.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use keywright_core::denial::Denial;
use keywright_core::key::{Purpose, State};
use keywright_core::limit::{Charge, Limits, MeterName, State as Counted};
use keywright_core::permission::Expression;
use keywright_core::policy::GrantLimit;
use keywright_core::restriction::app::AndroidApp;
use keywright_core::restriction::place::{Lists, NetworkNumber};
use keywright_core::restriction::window::{TimeWindow, Weekday};
use keywright_core::restriction::{AddressRules, Cidr, Clients, Restrictions, parse_address};
use keywright_core::scope::Scope;
use keywright_core::signature::SignatureError;
use keywright_core::token::digest::Digest;
use keywright_core::verify::{PresentedIn, Proof, judge, settle};
use serde_json::Value;
use support::{Ask, Facts, NOW, Told};

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

fn purpose(key: &Value) -> Option<Purpose> {
    let name = key["purpose"].as_str()?;
    Some(Purpose::from_name(name).unwrap())
}

fn parsed<T: FromStr<Err: Debug>>(value: &Value) -> Box<[T]> {
    texts(value)
        .into_iter()
        .map(|text| text.parse().unwrap())
        .collect()
}

fn numbers(value: &Value) -> Box<[NetworkNumber]> {
    let number = |number: &Value| {
        let number = u32::try_from(number.as_u64().unwrap()).unwrap();
        NetworkNumber::new(number).unwrap()
    };
    value.as_array().into_iter().flatten().map(number).collect()
}

/// A window of all days that begins and ends so many minutes from now.
fn window(minutes: &Value) -> Box<[TimeWindow]> {
    let at = |index: usize| {
        let minute = NOW.seconds() / 60 + minutes[index].as_i64().unwrap();
        let (hour, minute) = (minute / 60 % 24, minute % 60);
        format!("{hour:02}:{minute:02}").parse().unwrap()
    };
    match minutes {
        Value::Null => Box::default(),
        _ => Box::new([TimeWindow::new(Weekday::ALL, at(0), at(1), "UTC").unwrap()]),
    }
}

fn restrictions(key: &Value) -> Option<Box<Restrictions>> {
    let app = |app: &Value| AndroidApp {
        package: app["package"].as_str().unwrap().parse().unwrap(),
        certificate: app["sha1"].as_str().unwrap().parse().unwrap(),
    };
    let clients = if !key["referrers"].is_null() {
        Some(Clients::Referrers(parsed(&key["referrers"])))
    } else if let Some(apps) = key["android_apps"].as_array() {
        Some(Clients::Android(apps.iter().map(app).collect()))
    } else if !key["ios_bundles"].is_null() {
        Some(Clients::Ios(parsed(&key["ios_bundles"])))
    } else {
        None
    };
    let rules = Restrictions {
        clients,
        countries: Lists {
            allow: parsed(&key["countries_allow"]),
            deny: parsed(&key["countries_deny"]),
        },
        networks: Lists {
            allow: numbers(&key["networks_allow"]),
            deny: numbers(&key["networks_deny"]),
        },
        windows: window(&key["window_minutes"]),
        paused_until: key["paused_in_ms"]
            .as_i64()
            .map(|offset| NOW.plus_milliseconds(offset)),
    };
    rules.stored()
}

fn told(ask: &Value) -> Told {
    let text = |name: &str| ask[name].as_str().map(ToOwned::to_owned);
    let number = ask["asn"].as_u64();
    Told {
        origin: text("origin"),
        referrer: text("referrer"),
        country: ask["country"].as_str().map(|code| code.parse().unwrap()),
        network: number.map(|number| NetworkNumber::new(number.try_into().unwrap()).unwrap()),
        android_package: text("android_package"),
        android_certificate: text("android_cert_sha1"),
        ios_bundle: text("ios_bundle"),
    }
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
        payload_bytes_max: limits(key).payload_bytes_max,
        secret: (key["format"] == "pair").then_some(RIGHT),
        signed: key["request_signing"] == true,
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
        query_allowed: key["query_credentials"] == true
            || purpose(key).is_some_and(Purpose::is_publishable),
        limit: GrantLimit::of(purpose(key)),
        addresses: AddressRules {
            allow: networks(&key["ip_allow"]),
            deny: networks(&key["ip_deny"]),
        },
        restrictions: restrictions(key),
        ..Facts::default()
    };
    facts.granting(&texts(&key["scopes"]), &texts(&key["roles"]))
}

fn limits(key: &Value) -> Limits {
    key["limits"].as_str().unwrap_or_default().parse().unwrap()
}

/// The answer of the counters, when the question is asked as often as the case says.
fn counted(case: &Value) -> Option<Denial> {
    let ask = &case["ask"];
    let meters: Vec<(MeterName, u64)> = ask["meters"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, amount)| {
            let milli = amount.as_f64().unwrap() * 1_000.0;
            (name.parse().unwrap(), milli.round() as u64)
        })
        .collect();
    let charge = Charge {
        cost: ask["cost"].as_u64().unwrap_or(1),
        bytes: ask["bytes"].as_u64().unwrap_or(0),
        meters: &meters,
    };
    let rules = limits(&case["key"]).rules();
    let mut states = vec![Counted::default(); rules.len()];
    let mut last = None;
    for _ in 0..ask["times"].as_u64().unwrap_or(1) {
        let refusing = rules
            .iter()
            .zip(&states)
            .filter_map(|((name, rule), state)| {
                let needed = charge.of(name).needed;
                rule.refusal(state, needed, NOW).map(|retry| (retry, name))
            });
        last = refusing
            .max_by_key(|(retry, _)| *retry)
            .map(|(_, name)| name.denial());
        if last.is_none() {
            for ((name, rule), state) in rules.iter().zip(&mut states) {
                rule.take(state, charge.of(name).cost, NOW);
            }
        }
    }
    last
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

fn presented_in(name: Option<&str>) -> PresentedIn {
    let mut places = PresentedIn::ALL.iter().copied();
    name.map_or(PresentedIn::Header, |name| {
        places.find(|place| place.as_str() == name).unwrap()
    })
}

fn proof(signature: &Value) -> Option<Proof> {
    match signature.as_str() {
        None => None,
        Some("right") => Some(Proof::Right),
        Some("wrong") => Some(Proof::Wrong(SignatureError::Mismatch)),
        Some("uncovered") => Some(Proof::Wrong(SignatureError::Coverage)),
        Some("stale") => Some(Proof::Wrong(SignatureError::Stale)),
        Some("replayed") => Some(Proof::Replayed),
        Some(other) => panic!("unknown signature {other}"),
    }
}

fn ask(ask: &Value, pair: bool) -> Ask {
    let signature = proof(&ask["signature"]);
    let secret = match ask["secret"].as_str() {
        None => (pair && signature.is_none()).then_some(RIGHT),
        Some("right" | "extra") => Some(RIGHT),
        Some("wrong") => Some(WRONG),
        Some("missing" | "none") => None,
        Some(other) => panic!("unknown secret {other}"),
    };
    Ask {
        secret,
        signature,
        environment: ask["environment"]
            .as_str()
            .map(|name| name.parse().unwrap()),
        presented_in: presented_in(ask["presented_in"].as_str()),
        permissions: permissions(&ask["permissions"]),
        address: ask["ip"].as_str().map(|text| parse_address(text).unwrap()),
        bytes: ask["bytes"].as_u64().unwrap_or(0),
        told: told(ask),
    }
}

/// Every case with the file that it stands in.
fn cases() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/cases");
    let mut found = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let cases: Vec<Value> = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        found.extend(cases.into_iter().map(|case| (name.clone(), case)));
    }
    found
}

#[test]
fn every_case_is_answered_as_it_says() {
    let cases = cases();
    for (file, case) in &cases {
        let facts = facts(&case["key"]);
        let ask = ask(&case["ask"], facts.secret.is_some());
        let judged = judge(facts.borrow(), &ask.borrow(), NOW, &mut ());
        let judgement = judged.and_then(|()| counted(case).map_or(Ok(()), Err));
        let verdict = settle(judgement, facts.borrow(), NOW);
        let code = verdict.denial.map_or("allowed", |denial| denial.code());
        assert_eq!(code, case["expect"], "{} in {file}", case["name"]);
    }
    assert!(cases.len() >= 100, "only {} cases were found", cases.len());
}

/// A misspelt member would be passed over, and the case would show something else than it says.
#[test]
fn cases_have_documented_members_and_names_of_their_own() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/cases");
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    let mut names = BTreeSet::new();
    for (file, case) in cases() {
        let documented = |member: &str| {
            assert!(
                readme.contains(&format!("`{member}`")),
                "{member} in {file}"
            )
        };
        for (member, value) in case.as_object().unwrap() {
            match (member.as_str(), value.as_object()) {
                ("key" | "ask", Some(inner)) => {
                    inner
                        .keys()
                        .for_each(|name| documented(&format!("{member}.{name}")));
                }
                _ => documented(member),
            }
        }
        let name = case["name"].as_str().unwrap().to_owned();
        assert!(names.insert(name.clone()), "{name:?} stands twice");
    }
}

#[test]
fn every_reason_stands_on_the_page_in_its_order_and_in_some_case() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/verify.md");
    let page = fs::read_to_string(page).unwrap();
    let mut on_page: Vec<&str> = Vec::new();
    for line in page.lines().filter(|line| line.starts_with('|')) {
        let code = line.split('|').nth(3).unwrap().trim().trim_matches('`');
        // The first three rules refuse with one code.
        if Denial::ALL.iter().any(|denial| denial.code() == code) && on_page.last() != Some(&code) {
            on_page.push(code);
        }
    }
    assert_eq!(on_page, Denial::ALL.map(Denial::code));
    let cases = cases();
    for denial in Denial::ALL {
        assert!(
            cases
                .iter()
                .any(|(_, case)| case["expect"] == denial.code()),
            "{denial:?} has no case"
        );
    }
}
