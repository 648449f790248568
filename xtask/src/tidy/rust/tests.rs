//! Each rule shown failing on a bad sample and passing on a good one.

use super::*;

fn function_of(lines: usize, attribute: &str) -> String {
    let body = "    let _ = 1;\n".repeat(lines - 2);
    format!("{attribute}fn long<'a>(text: &'a [u8; 2]) -> [u8; 2] {{\n{body}}}\n")
}

#[test]
fn a_file_without_an_opening_comment_fails() {
    assert!(opening_comment("a.rs", "//! Keys.\n").is_empty());
    for bad in ["", "// Keys.\n", "use std::fmt;\n//! Late.\n", "//!\n"] {
        assert_eq!(opening_comment("a.rs", bad).len(), 1, "{bad:?}");
    }
}

#[test]
fn long_files_warn_and_longer_ones_fail() {
    let fault_of = |lines: usize| {
        file_size("a.rs", &"\n".repeat(lines))
            .first()
            .map(|finding| finding.fault)
    };
    assert_eq!(fault_of(FILE_LINES_WARN), None);
    assert_eq!(fault_of(FILE_LINES_WARN + 1), Some(false));
    assert_eq!(fault_of(FILE_LINES_MAX), Some(false));
    assert_eq!(fault_of(FILE_LINES_MAX + 1), Some(true));
}

#[test]
fn long_functions_fail_and_tests_may_be_longer() {
    let faults = |code: &str| function_sizes("a.rs", code).len();
    assert_eq!(faults(&function_of(FUNCTION_LINES_MAX, "")), 0);
    assert_eq!(faults(&function_of(FUNCTION_LINES_MAX + 1, "")), 1);
    for attribute in [
        "#[test]\n",
        "#[tokio::test]\n",
        "#[tokio::test(start_paused = true)]\nasync ",
    ] {
        assert_eq!(
            faults(&function_of(TEST_LINES_MAX, attribute)),
            0,
            "{attribute}"
        );
        assert_eq!(
            faults(&function_of(TEST_LINES_MAX + 1, attribute)),
            1,
            "{attribute}"
        );
    }
    let after_a_test = format!(
        "#[test]\nfn short() {{}}\n{}",
        function_of(FUNCTION_LINES_MAX + 1, "")
    );
    assert_eq!(
        faults(&after_a_test),
        1,
        "the attribute belongs to its own function only"
    );
}

#[test]
fn functions_are_found_with_their_lines() {
    let code =
        "trait T {\n    fn declared(&self);\n    fn given(&self) {\n    }\n}\ntype F = fn(u8);\n";
    let found = functions(code);
    let seen: Vec<(&str, usize, usize)> = found
        .iter()
        .map(|f| (f.name.as_str(), f.line, f.lines))
        .collect();
    assert_eq!(seen, [("given", 3, 2)]);
}

#[test]
fn braces_in_strings_and_comments_do_not_count() {
    let code = code_only(
        "fn a() { // }\n /* } /* } */ } */ f(\"}\\\"}\", '}', '\\'', r#\"}\"}\"#, b\"}\", br\"}\"); }\nfn b() {}",
    );
    let names: Vec<String> = functions(&code)
        .into_iter()
        .map(|function| function.name)
        .collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(code.matches('}').count(), 2);
    assert_eq!(code.matches('\n').count(), 2);
}

#[test]
fn lifetimes_and_raw_identifiers_are_code() {
    let text = "fn a<'a>(r#type: &'a str, b: char) -> &'static str {}";
    assert_eq!(code_only(text), text);
}

#[test]
fn wildcards_over_the_catalogues_fail() {
    let path = "crates/keywright-server/src/a.rs";
    for bad in [
        "match denial { Denial::Revoked => 401, _ => 403, }",
        "match code {\n    Code::NotFound => { 404 }\n    _ if late => 1,\n    Code::Late => 2,\n}",
        "match denial { Denial::Revoked => if late { 1 } else { 2 }, _ => 3 }",
        "match denial { Denial::Revoked => S { a: 1 }.b(), _ => 3 }",
        "match x(|y| { y }) { Some(keywright_core::Denial::Expired { at }) => f(at, _z), _ => {} }",
    ] {
        assert_eq!(wildcards(path, bad).len(), 1, "{bad}");
    }
    for good in [
        "match denial { Denial::Revoked => 401, Denial::Expired { .. } => 401 }",
        "match word { x => Some(Denial::Revoked), _ => None }",
        "match (code, status) { (Code::NotFound, _) => 1, (_, 401) => 2, _ => 3 }",
        "match status { StatusCode::OK => 1, _ => 2 }",
        "match denial { Denial::Other(_) => match n { 1 => 2, _ => 3 }, Denial::Revoked => 4 }",
    ] {
        assert!(wildcards(path, good).is_empty(), "{good}");
    }
}

#[test]
fn wildcards_over_self_fail_in_the_home_of_a_catalogue_only() {
    let code = "match self { Self::Revoked => 401, _ => 403 }";
    for home in HOMES_OF_EXHAUSTIVE {
        assert_eq!(wildcards(home, code).len(), 1, "{home}");
    }
    assert!(wildcards("crates/keywright-core/src/key.rs", code).is_empty());
}

#[test]
fn tests_may_use_wildcards() {
    let code =
        "#[cfg(test)]\nmod tests {\n fn a() { match d { Denial::Revoked => 1, _ => 2 } }\n}\n";
    assert!(wildcards("crates/a/src/a.rs", code).is_empty());
    let tested = "fn a() { match d { Denial::Revoked => 1, _ => 2 } }";
    assert!(wildcards("crates/a/tests/it/a.rs", tested).is_empty());
    assert!(wildcards("crates/a/src/a/tests.rs", tested).is_empty());
}
