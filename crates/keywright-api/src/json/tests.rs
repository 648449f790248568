//! What the JSON door lets in, and what it says of the rest.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use serde::Deserialize;
use serde_json::Value;

use super::*;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    days: Option<u32>,
    #[serde(default)]
    items: Vec<Object<Item>>,
    #[serde(default)]
    #[expect(dead_code, reason = "only its shape is of interest")]
    any: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    scope: String,
}

fn refused(text: &str) -> (Code, String, String) {
    let problem = parse::<Example>(text.as_bytes()).unwrap_err();
    (problem.code, problem.detail.path, problem.detail.problem)
}

fn check(text: &str, code: Code, path: &str, problem: &str) {
    assert_eq!(refused(text), (code, path.into(), problem.into()), "{text}");
}

#[test]
fn a_good_body_is_read() {
    let text =
        r#"{"name":"é\u00e9","days":3,"items":[{"scope":"a:b"}],"any":{"a":[1,-1,1.5,null]}}"#;
    let example: Example = parse(text.as_bytes()).unwrap();
    assert_eq!(example.name.as_deref(), Some("éé"));
    assert_eq!(example.days, Some(3));
    assert_eq!(example.items.first().unwrap().0.scope, "a:b");
}

#[test]
fn members_that_stand_twice_are_refused_at_every_depth() {
    let twice = "this member stands twice";
    check(
        r#"{"name":"a","name":"b"}"#,
        Code::MalformedJson,
        "name",
        twice,
    );
    check(
        r#"{"any":{"x":[0,{"a":1,"a":2}]}}"#,
        Code::MalformedJson,
        "any.x[1].a",
        twice,
    );
    // Escapes do not hide it.
    check(
        r#"{"name":"a","n\u0061me":"b"}"#,
        Code::MalformedJson,
        "name",
        twice,
    );
}

#[test]
fn nesting_is_bounded_exactly() {
    let nested = |levels: usize| {
        // The body and `any` hold the rest: one level is the body itself.
        format!(
            r#"{{"any":{}{}}}"#,
            "[".repeat(levels - 1),
            "]".repeat(levels - 1)
        )
    };
    assert!(parse::<Example>(nested(DEPTH_MAX).as_bytes()).is_ok());
    let (code, path, problem) = refused(&nested(DEPTH_MAX + 1));
    assert_eq!(code, Code::MalformedJson);
    assert!(path.starts_with("any[0]"), "{path}");
    assert_eq!(problem, "is nested more than 32 levels deep");
    // Far beyond, where a recursive reader would overflow its stack.
    assert_eq!(refused(&"[".repeat(1_000_000)).0, Code::MalformedJson);
    assert_eq!(
        refused(&r#"{"any":"#.repeat(100_000)).0,
        Code::MalformedJson
    );
}

#[test]
fn the_number_of_values_is_bounded_exactly() {
    // Two values are the body and the array.
    let many = |values: usize| format!(r#"{{"any":[{}0]}}"#, "0,".repeat(values - 3));
    assert!(parse::<Example>(many(NODES_MAX).as_bytes()).is_ok());
    let (code, _, problem) = refused(&many(NODES_MAX + 1));
    assert_eq!(
        (code, problem.as_str()),
        (Code::MalformedJson, "the body has more than 10000 values")
    );
}

#[test]
fn what_is_not_json_is_malformed() {
    for text in [
        " ",
        "{",
        "nul",
        "{\"name\":}",
        "{\"name\":\"a\"} x",
        "{\"name\":\"a\"}{}",
        "{name:1}",
        "{\"name\":\"a\",}",
        "\u{feff}{}",
        "{\"name\":\"\\ud800\"}",
        "{\"name\":\"a\nb\"}",
        "{\"days\":1e999}",
        "{\"days\":01}",
        "{\"days\":NaN}",
        "// comment\n{}",
    ] {
        assert_eq!(refused(text).0, Code::MalformedJson, "{text:?}");
    }
    assert_eq!(refused("").2, "the body is empty");
    let problem = parse::<Example>(b"{\"name\":\"\xff\"}").unwrap_err();
    assert_eq!(problem.detail.problem, "byte 9 is not UTF-8");
}

#[test]
fn wrong_types_are_named_with_their_path_and_without_their_value() {
    let wrong = Code::ValidationFailed;
    let days = "is not a whole number from 0 to 4294967295";
    check(r#"{"days":-1}"#, wrong, "days", days);
    check(r#"{"days":1.5}"#, wrong, "days", days);
    check(r#"{"days":"3, expected u32"}"#, wrong, "days", days);
    check(r#"{"days":99999999999999999999}"#, wrong, "days", days);
    check(r#"{"name":1}"#, wrong, "name", "is not a string");
    check(r#"{"items":{}}"#, wrong, "items", "is not an array");
    check(
        r#"{"items":[{"scope":"a"},{}]}"#,
        wrong,
        "items[1]",
        "the field `scope` is missing",
    );
    check(
        r#"{"items":[{"scope":"a","x":1}]}"#,
        wrong,
        "items[0].x",
        "the field `x` is not known",
    );
    check(
        r#"{"items":["kw_live_secret"]}"#,
        wrong,
        "items[0]",
        "is not an object",
    );
    check(
        r#"{"items":[["kw_live_secret"]]}"#,
        wrong,
        "items[0]",
        "is not an object",
    );
    check("[]", wrong, "$", "is not an object");
    check("null", wrong, "$", "is not an object");
    let problem = parse::<Example>(br#"{"name":["kw_live_secret"],"days":1}"#).unwrap_err();
    assert!(!format!("{problem:?}").contains("kw_live_secret"));
}

#[test]
fn long_member_names_are_cut() {
    let text = format!(r#"{{"{}":1}}"#, "é".repeat(10_000));
    let problem = parse::<Example>(text.as_bytes()).unwrap_err();
    assert!(problem.detail.path.len() < 200 && problem.detail.problem.len() < 200);
}

#[test]
fn the_flat_door_refuses_the_same() {
    for text in [
        r#"{"name":"a","name":"b"}"#,
        r#"{"x":1}"#,
        "",
        "{",
        "{} x",
        r#"{"days":-1}"#,
    ] {
        assert!(parse_flat::<Item>(text.as_bytes()).is_err(), "{text}");
    }
    let problem = parse_flat::<Item>(br#"{"scope":"a","scope":"b"}"#).unwrap_err();
    assert_eq!(problem.code, Code::MalformedJson);
    assert_eq!(problem.detail.problem, "the field `scope` stands twice");
    assert_eq!(parse_flat::<Item>(br#"{"scope":"a"}"#).unwrap().scope, "a");
}
