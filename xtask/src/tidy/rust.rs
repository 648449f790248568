//! Rules about Rust files: the opening comment, sizes of files and functions, and matches that must stay exhaustive.
//! They read the text, not the syntax tree, and count on rustfmt; comments and strings are blanked first.

use std::ops::Range;

use super::Finding;

const FILE_LINES_WARN: usize = 400;
const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;
/// A test may be a long table.
const TEST_LINES_MAX: usize = 120;

/// Enums whose matches must break the build when a variant is added: each has tables in several crates.
const EXHAUSTIVE: &[&str] = &["Denial::", "Code::"];
/// In the homes of these enums, their variants are written `Self::`.
const HOMES_OF_EXHAUSTIVE: &[&str] = &[
    "crates/keywright-core/src/denial.rs",
    "crates/keywright-api/src/code.rs",
    "crates/keywright-api/src/error.rs",
];

pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let code = code_only(text);
    let mut findings = opening_comment(path, text);
    findings.extend(file_size(path, text));
    findings.extend(function_sizes(path, &code));
    findings.extend(wildcards(path, &code));
    findings
}

fn opening_comment(path: &str, text: &str) -> Vec<Finding> {
    if text.starts_with("//! ") {
        return Vec::new();
    }
    vec![Finding::fault(
        path,
        1,
        "the file must open with `//!` and say what lives here",
    )]
}

fn file_size(path: &str, text: &str) -> Vec<Finding> {
    let lines = text.lines().count();
    let message = format!("{lines} lines; split the file (over {FILE_LINES_MAX} fails)");
    if lines > FILE_LINES_MAX {
        vec![Finding::fault(path, 1, message)]
    } else if lines > FILE_LINES_WARN {
        vec![Finding::warning(path, 1, message)]
    } else {
        Vec::new()
    }
}

fn function_sizes(path: &str, code: &str) -> Vec<Finding> {
    let too_long = functions(code).into_iter().filter_map(|function| {
        let most = if function.is_test {
            TEST_LINES_MAX
        } else {
            FUNCTION_LINES_MAX
        };
        let text = format!(
            "`{}` has {} lines, over {most}",
            function.name, function.lines
        );
        (function.lines > most).then(|| Finding::fault(path, function.line, text))
    });
    too_long.collect()
}

/// `_ =>` in a match over one of the [`EXHAUSTIVE`] enums would hide a new variant. Tests may.
fn wildcards(path: &str, code: &str) -> Vec<Finding> {
    if path.contains("/tests/") || path.ends_with("/tests.rs") {
        return Vec::new();
    }
    let product = code.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let is_home = HOMES_OF_EXHAUSTIVE.contains(&path);
    let mut findings = Vec::new();
    for (at, _) in words(product, "match") {
        let rest = product.get(at..).unwrap_or_default();
        let Some(body) = block(rest) else { continue };
        let patterns = patterns(rest.get(body).unwrap_or_default());
        // A tuple is decided by more than the enum, such as by a code's status, so it may have a default.
        let concerned = patterns
            .iter()
            .filter(|pattern| !pattern.starts_with('('))
            .any(|pattern| {
                let names = EXHAUSTIVE
                    .iter()
                    .any(|name| words(pattern, name).next().is_some());
                names || (is_home && words(pattern, "Self::").next().is_some())
            });
        let is_wild = |pattern: &String| pattern == "_" || pattern.starts_with("_ if ");
        if concerned && patterns.iter().any(is_wild) {
            let text = "a wildcard arm hides new reasons; write every variant";
            findings.push(Finding::fault(path, line_of(product, at), text));
        }
    }
    findings
}

struct Function {
    name: String,
    line: usize,
    lines: usize,
    is_test: bool,
}

/// Every function with a body.
fn functions(code: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for (at, _) in words(code, "fn") {
        let rest = code.get(at..).unwrap_or_default();
        let name: String = rest
            .chars()
            .skip("fn ".len())
            .take_while(|c| is_word(*c))
            .collect();
        // `fn(u8) -> u8` is a type, `fn $name` a macro's.
        if name.is_empty() {
            continue;
        }
        let Some(body) = block(rest) else { continue };
        let lines = rest.get(..body.end).unwrap_or_default().lines().count();
        let before = code.get(..at).unwrap_or_default();
        let attributes = before.rsplit([';', '{', '}']).next().unwrap_or_default();
        let is_test = ["#[test]", "::test]", "::test("]
            .iter()
            .any(|mark| attributes.contains(mark));
        found.push(Function {
            name,
            line: line_of(code, at),
            lines,
            is_test,
        });
    }
    found
}

/// Where the first block in braces outside parentheses and brackets lies, without its opening but with its closing brace;
/// `None` if a semicolon comes first.
fn block(code: &str) -> Option<Range<usize>> {
    let mut depth = 0_usize;
    let mut start = None;
    for (at, letter) in code.char_indices() {
        match letter {
            '{' if depth == 0 && start.is_none() => start = Some(at + 1),
            '(' | '[' | '{' => depth += 1,
            '}' if depth == 0 => return Some(start?..at + 1),
            ')' | ']' | '}' => depth = depth.checked_sub(1)?,
            ';' if depth == 0 && start.is_none() => return None,
            _ => {}
        }
    }
    None
}

/// The patterns of a match, guards included, given the block of its arms.
fn patterns(body: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut pattern = String::new();
    let mut in_pattern = true;
    let mut depth = 0_usize;
    let mut previous = ' ';
    for letter in body.chars() {
        match letter {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if in_pattern && depth == 0 && letter == ',' {
            // What stood before it was the rest of an arm that went on behind a block.
            pattern.clear();
        } else if in_pattern {
            pattern.push(letter);
            if depth == 0 && previous == '=' && letter == '>' {
                let text = pattern.trim_end_matches("=>");
                found.push(text.split_whitespace().collect::<Vec<_>>().join(" "));
                pattern.clear();
                in_pattern = false;
            }
        } else if depth == 0 && matches!(letter, ',' | '}') {
            // A block may end its arm without a comma.
            in_pattern = true;
        }
        previous = letter;
    }
    found
}

/// The text with comments, strings and character literals blanked, line for line.
pub(super) fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    let mut previous = ' ';
    while let Some(first) = rest.chars().next() {
        let opaque = opaque_length(rest, previous).min(rest.len());
        let (taken, left) = rest.split_at(if opaque == 0 {
            first.len_utf8()
        } else {
            opaque
        });
        if opaque == 0 {
            code.push(first);
        } else {
            code.extend(
                taken
                    .chars()
                    .map(|letter| if letter == '\n' { '\n' } else { ' ' }),
            );
        }
        previous = if opaque == 0 { first } else { ' ' };
        rest = left;
    }
    code
}

/// How many bytes of comment, string or character literal the text starts with.
fn opaque_length(rest: &str, previous: char) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return comment_length(rest);
    }
    if !is_word(previous) && rest.starts_with(['r', 'b', 'c']) {
        let hashed = rest.trim_start_matches(['b', 'c']);
        if let Some(hashed) = hashed.strip_prefix('r') {
            let opening = hashed.trim_start_matches('#');
            let hashes = hashed.len() - opening.len();
            if let Some(inside) = opening.strip_prefix('"') {
                let closing = format!("\"{}", "#".repeat(hashes));
                let end = inside
                    .find(&closing)
                    .map_or(inside.len(), |at| at + closing.len());
                return rest.len() - inside.len() + end;
            }
        }
    }
    match rest.chars().next() {
        Some('"') => quoted_length(rest, '"'),
        Some('\'') if is_character(rest) => quoted_length(rest, '\''),
        _ => 0,
    }
}

/// Block comments nest.
fn comment_length(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(here) = rest.get(at..).filter(|here| !here.is_empty()) {
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

fn quoted_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if letter == '\\' {
            escaped = true;
        } else if letter == quote {
            return at + quote.len_utf8();
        }
    }
    rest.len()
}

/// `'a'` and `'\n'` are characters, `'a` is a lifetime.
fn is_character(rest: &str) -> bool {
    let mut letters = rest.chars().skip(1);
    match (letters.next(), letters.next()) {
        (Some('\\'), _) => true,
        (Some(_), second) => second == Some('\''),
        _ => false,
    }
}

/// Where the word stands as a word of its own; a word that ends in `::` may be followed by anything.
fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    code.match_indices(word).filter(move |(at, _)| {
        let before = code.get(..*at).unwrap_or_default();
        let after = code.get(*at + word.len()..).unwrap_or_default();
        !before.ends_with(is_word) && (word.ends_with(':') || !after.starts_with(is_word))
    })
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn line_of(code: &str, at: usize) -> usize {
    code.get(..at).unwrap_or_default().matches('\n').count() + 1
}

#[cfg(test)]
mod tests;
