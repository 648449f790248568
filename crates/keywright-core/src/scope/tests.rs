//! Tests of scopes, wildcards and the catalogue.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

fn scope(text: &str) -> Scope {
    text.parse().unwrap()
}

fn grant(text: &str) -> Grant {
    text.parse().unwrap()
}

#[test]
fn scopes_are_lower_case_parts_between_colons() {
    for good in ["a", "api:read", "a:b:c:d", "x_1.y-2:z", &"a".repeat(128)] {
        assert!(good.parse::<Scope>().is_ok(), "{good}");
    }
    for (bad, problem) in [
        ("", InvalidScope::Length),
        (&*"a".repeat(129), InvalidScope::Length),
        ("a:b:c:d:e", InvalidScope::Segments),
        ("a::b", InvalidScope::Segments),
        (":a", InvalidScope::Segments),
        (
            "api:Read",
            InvalidScope::Character {
                character: 'R',
                position: 5,
            },
        ),
        (
            "api read",
            InvalidScope::Character {
                character: ' ',
                position: 4,
            },
        ),
        (
            "é",
            InvalidScope::Character {
                character: 'é',
                position: 1,
            },
        ),
        ("users:*", InvalidScope::Wildcard),
    ] {
        assert_eq!(bad.parse::<Scope>(), Err(problem), "{bad}");
    }
}

#[test]
fn a_wildcard_stands_alone_or_last() {
    for good in ["*", "users:*", "a:b:c:*", "api:read"] {
        assert_eq!(grant(good).to_string(), good);
    }
    for bad in ["us*", "*:read", "a:*:b", "**", "users:**", ":*", "A:*"] {
        assert!(bad.parse::<Grant>().is_err(), "{bad}");
    }
}

#[test]
fn a_wildcard_covers_what_lies_below_it() {
    for (held, wanted, covered) in [
        ("users:*", "users:read", true),
        ("users:*", "users:read:own", true),
        ("users:*", "users", false),
        ("users:*", "usersx:read", false),
        ("users:read", "users:read", true),
        ("users:read", "users:read:own", false),
        ("*", "anything:at:all", true),
        ("*", "keywright:verify", false),
        ("keywright:*", "keywright:keys:write", true),
        ("keywright:keys:*", "keywright:verify", false),
    ] {
        assert_eq!(
            grant(held).covers(&scope(wanted)),
            covered,
            "{held} {wanted}"
        );
    }
}

#[test]
fn the_common_catalogue_holds_together_and_implies_what_it_says() {
    let common = Catalogue::common();
    assert_eq!(Catalogue::new(common.entries().to_vec()).unwrap(), common);
    let effective = |grants: &[&str]| {
        common.effective(&grants.iter().map(|text| grant(text)).collect::<Vec<_>>())
    };
    assert!(effective(&["api:write"]).allows(&scope("api:read")));
    assert!(!effective(&["api:read"]).allows(&scope("api:write")));
    let all = effective(&["admin:all"]);
    assert!(
        common
            .entries()
            .iter()
            .all(|entry| all.allows(&entry.scope))
    );
    for (management, _) in MANAGEMENT_SCOPES {
        assert!(!all.allows(&scope(management)), "{management}");
        assert!(
            effective(&["keywright:*"]).allows(&scope(management)),
            "{management}"
        );
    }
}

#[test]
fn unknown_scopes_are_named_with_the_nearest() {
    let common = Catalogue::common();
    let unknown = common
        .check_grants(&[grant("api:read"), grant("api:raed")])
        .unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "the tenant has no scope `api:raed`; `api:read` is the nearest"
    );
    let far = common
        .check_grants(&[grant("weather:forecast")])
        .unwrap_err();
    assert_eq!(far.nearest, None);
    assert!(common.check_grants(&[grant("nothing:*")]).is_err());
    assert!(
        common
            .check_grants(&[grant("api:*"), grant("*"), grant("keywright:*")])
            .is_ok()
    );
}

#[test]
fn catalogues_that_do_not_hold_together_are_refused() {
    let entry = |name: &str, implies: &[&str]| CatalogueEntry {
        scope: scope(name),
        description: String::new(),
        implies: implies.iter().map(|text| grant(text)).collect(),
    };
    for (entries, problem) in [
        (
            vec![entry("a", &[]), entry("a", &[])],
            InvalidCatalogue::Repeated(scope("a")),
        ),
        (
            vec![entry("a", &["a"])],
            InvalidCatalogue::ImpliesItself(scope("a")),
        ),
        (
            vec![entry("a", &["b"])],
            InvalidCatalogue::UnknownTarget {
                scope: scope("a"),
                target: grant("b"),
            },
        ),
        (
            vec![entry("keywright:x", &[])],
            InvalidCatalogue::Management("keywright:x".into()),
        ),
        (
            vec![entry("a", &["keywright:*"])],
            InvalidCatalogue::Management("keywright:*".into()),
        ),
    ] {
        assert_eq!(Catalogue::new(entries), Err(problem));
    }
    let circle = Catalogue::new(vec![entry("a", &["b"]), entry("b", &["a"])]).unwrap();
    assert!(
        circle.effective(&[grant("b")]).allows(&scope("a")),
        "circles are followed once"
    );
}

/// Catalogues of up to six scopes `s0`..`s5` with any implications among them.
fn catalogues() -> impl Strategy<Value = Catalogue> {
    prop::collection::vec(prop::collection::btree_set(0..6_usize, 0..4), 6).prop_map(|implied| {
        let entries = implied
            .into_iter()
            .enumerate()
            .map(|(index, targets)| CatalogueEntry {
                scope: scope(&format!("s{index}")),
                description: String::new(),
                implies: targets
                    .into_iter()
                    .filter(|target| *target != index)
                    .map(|target| grant(&format!("s{target}")))
                    .collect(),
            });
        Catalogue::new(entries.collect()).unwrap()
    })
}

/// The closure as one would explain it: add what is implied until nothing is new.
fn naive(catalogue: &Catalogue, held: &[usize]) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = held.iter().map(|index| format!("s{index}")).collect();
    loop {
        let more: BTreeSet<String> = catalogue
            .entries()
            .iter()
            .filter(|entry| found.contains(entry.scope.as_str()))
            .flat_map(|entry| entry.implies.iter().map(ToString::to_string))
            .collect();
        if more.is_subset(&found) {
            return found;
        }
        found.extend(more);
    }
}

proptest! {
    #[test]
    fn what_follows_is_what_the_naive_closure_says(
        catalogue in catalogues(),
        held in prop::collection::vec(0..6_usize, 0..4),
    ) {
        let grants: Vec<Grant> = held.iter().map(|index| grant(&format!("s{index}"))).collect();
        let effective = catalogue.effective(&grants);
        let expected = naive(&catalogue, &held);
        for index in 0..6 {
            let name = format!("s{index}");
            prop_assert_eq!(effective.allows(&scope(&name)), expected.contains(&name));
        }
    }

    #[test]
    fn removing_a_grant_never_allows_more(
        catalogue in catalogues(),
        held in prop::collection::vec(0..6_usize, 1..5),
        removed in 0..5_usize,
    ) {
        let grants: Vec<Grant> = held.iter().map(|index| grant(&format!("s{index}"))).collect();
        let mut fewer = grants.clone();
        fewer.remove(removed % grants.len());
        let (all, less) = (catalogue.effective(&grants), catalogue.effective(&fewer));
        for index in 0..6 {
            let wanted = scope(&format!("s{index}"));
            prop_assert!(!less.allows(&wanted) || all.allows(&wanted));
        }
    }

    #[test]
    fn reading_a_scope_never_panics_and_prints_back(text in "\\PC{0,140}") {
        if let Ok(scope) = text.parse::<Scope>() {
            prop_assert_eq!(scope.to_string(), text.clone());
        }
        if let Ok(grant) = text.parse::<Grant>() {
            prop_assert_eq!(grant.to_string(), text);
        }
    }
}
