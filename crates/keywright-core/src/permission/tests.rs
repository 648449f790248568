//! Tests of permission expressions, against a naive evaluator.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Expression {
    text.parse().unwrap()
}

fn holds(text: &str, held: &[&str]) -> bool {
    read(text).evaluate(|scope| held.contains(&scope.as_str()))
}

#[test]
fn and_binds_tighter_than_or() {
    assert!(holds("a OR b AND c", &["a"]));
    assert!(!holds("(a OR b) AND c", &["a"]));
    assert!(holds(
        "api:read AND (users:manage OR admin:all)",
        &["api:read", "admin:all"]
    ));
    assert!(!holds(
        "api:read AND (users:manage OR admin:all)",
        &["admin:all"]
    ));
    assert!(holds("a and b Or c", &["c"]));
}

#[test]
fn errors_say_where_and_what() {
    for (text, problem) in [
        ("", InvalidExpression::Empty),
        ("   ", InvalidExpression::Empty),
        (
            "a AND",
            InvalidExpression::Expected {
                expected: "a scope or `(`",
                position: 6,
            },
        ),
        (
            "AND a",
            InvalidExpression::Expected {
                expected: "a scope or `(`",
                position: 1,
            },
        ),
        (
            "a b",
            InvalidExpression::Expected {
                expected: "AND, OR or the end",
                position: 3,
            },
        ),
        (
            "(a",
            InvalidExpression::Expected {
                expected: "`)`",
                position: 3,
            },
        ),
        (
            "a)",
            InvalidExpression::Expected {
                expected: "AND, OR or the end",
                position: 2,
            },
        ),
        (
            "()",
            InvalidExpression::Expected {
                expected: "a scope or `(`",
                position: 2,
            },
        ),
        (&*"a".repeat(2049), InvalidExpression::TooLong),
    ] {
        assert_eq!(text.parse::<Expression>(), Err(problem), "{text:?}");
    }
    assert!(matches!(
        "a AND B".parse::<Expression>(),
        Err(InvalidExpression::Scope { position: 7, .. })
    ));
}

#[test]
fn depth_and_terms_are_bounded() {
    let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(nested(DEPTH_MAX).parse::<Expression>().is_ok());
    assert_eq!(
        nested(DEPTH_MAX + 1).parse::<Expression>(),
        Err(InvalidExpression::TooDeep)
    );
    let terms = |count: usize| vec!["a"; count].join(" AND ");
    assert!(terms(TERMS_MAX).parse::<Expression>().is_ok());
    assert_eq!(
        terms(TERMS_MAX + 1).parse::<Expression>(),
        Err(InvalidExpression::TooManyTerms)
    );
    assert_eq!(
        Expression::any_of(Vec::new()),
        Err(InvalidExpression::Empty)
    );
    assert_eq!(
        Expression::all_of(Vec::new()),
        Err(InvalidExpression::Empty)
    );
}

#[test]
fn printing_keeps_only_the_parentheses_that_matter() {
    assert_eq!(read("((a) AND (b OR c))").to_string(), "a AND (b OR c)");
    assert_eq!(read("(a AND b) or c").to_string(), "a AND b OR c");
}

#[test]
fn the_smallest_addition_is_named() {
    let missing = |text: &str, held: &[&str]| -> Vec<String> {
        let found = read(text).smallest_missing(|scope| held.contains(&scope.as_str()));
        found.iter().map(ToString::to_string).collect()
    };
    assert_eq!(missing("a AND b OR c", &[]), ["c"]);
    assert_eq!(missing("a AND (b OR c)", &["b"]), ["a"]);
    assert_eq!(missing("a", &["a"]), Vec::<String>::new());
    // Shorter than what each part would name for itself.
    assert_eq!(missing("(a OR b) AND (b OR c)", &[]), ["b"]);
    assert_eq!(
        missing("(a OR b) AND (b OR c) AND (d OR e) AND (f OR e)", &[]),
        ["b", "e"]
    );
}

#[derive(Clone, Debug)]
enum Tree {
    Scope(u8),
    And(Box<Tree>, Box<Tree>),
    Or(Box<Tree>, Box<Tree>),
}

impl Tree {
    fn print(&self) -> String {
        match self {
            Self::Scope(index) => format!("s{index}"),
            Self::And(left, right) => format!("({} AND {})", left.print(), right.print()),
            Self::Or(left, right) => format!("({} OR {})", left.print(), right.print()),
        }
    }

    fn holds(&self, held: &BTreeSet<u8>) -> bool {
        match self {
            Self::Scope(index) => held.contains(index),
            Self::And(left, right) => left.holds(held) && right.holds(held),
            Self::Or(left, right) => left.holds(held) || right.holds(held),
        }
    }
}

fn trees() -> impl Strategy<Value = Tree> {
    (0..6_u8)
        .prop_map(Tree::Scope)
        .prop_recursive(6, 40, 2, |inner| {
            let pair = (inner.clone(), inner);
            prop_oneof![
                pair.clone()
                    .prop_map(|(left, right)| Tree::And(left.into(), right.into())),
                pair.prop_map(|(left, right)| Tree::Or(left.into(), right.into())),
            ]
        })
}

fn number(scope: &Scope) -> u8 {
    scope.as_str().trim_start_matches('s').parse().unwrap()
}

proptest! {
    #[test]
    fn an_expression_means_what_its_tree_means(tree in trees(), held in prop::collection::btree_set(0..6_u8, 0..6)) {
        let expression = read(&tree.print());
        let has = |scope: &Scope| held.contains(&number(scope));
        prop_assert_eq!(expression.evaluate(has), tree.holds(&held));
        let printed = read(&expression.to_string());
        prop_assert_eq!(printed.to_string(), expression.to_string());
        prop_assert_eq!(printed.evaluate(has), tree.holds(&held));
    }

    #[test]
    fn adding_a_scope_never_takes_a_permission_away(tree in trees(), held in prop::collection::btree_set(0..6_u8, 0..6), added in 0..6_u8) {
        let mut more = held.clone();
        more.insert(added);
        let expression = read(&tree.print());
        let before = expression.evaluate(|scope| held.contains(&number(scope)));
        let after = expression.evaluate(|scope| more.contains(&number(scope)));
        prop_assert!(!before || after);
    }

    #[test]
    fn what_is_named_missing_is_enough(tree in trees(), held in prop::collection::btree_set(0..6_u8, 0..6)) {
        let expression = read(&tree.print());
        let mut more = held.clone();
        let missing = expression.smallest_missing(|scope| held.contains(&number(scope)));
        more.extend(missing.iter().map(number));
        prop_assert!(expression.evaluate(|scope| more.contains(&number(scope))));
        prop_assert_eq!(missing.is_empty(), tree.holds(&held));
        for left_out in &missing {
            let mut less = more.clone();
            less.remove(&number(left_out));
            prop_assert!(!tree.holds(&less), "{left_out} is not needed");
        }
        let fewest = (0..64_u8)
            .map(|bits| (0..6).filter(|bit| bits >> bit & 1 == 1).collect::<BTreeSet<u8>>())
            .filter(|added| tree.holds(&held.union(added).copied().collect()))
            .map(|added| added.len())
            .min();
        if fewest <= Some(2) {
            prop_assert_eq!(Some(missing.len()), fewest);
        }
    }

    #[test]
    fn reading_never_panics(text in "\\PC{0,200}") {
        let _ = text.parse::<Expression>();
    }
}
