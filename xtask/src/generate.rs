//! Generated files: the OpenAPI document and the reference pages. The keywright binary knows their content;
//! this module only writes it down, or says what differs.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::{console, process, workspace_root};

/// `keywright generate <word>` prints the content of this file.
const FILES: &[(&str, &str)] = &[
    ("openapi", "openapi.json"),
    ("configuration", "docs/reference/configuration.md"),
    ("errors", "docs/reference/errors.md"),
];

/// Writes every generated file; with `--check` compares instead.
/// `KEYWRIGHT_BIN` names a binary that is already built, else cargo builds one.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let check = match words.as_slice() {
        [] => false,
        ["--check"] => true,
        _ => bail!("usage: cargo xtask generate [--check]"),
    };
    let root = workspace_root();
    let mut stale = Vec::new();
    for (word, path) in FILES {
        let wanted = output_of_keywright(&root, word)?;
        let file = root.join(path);
        let present = fs::read_to_string(&file).unwrap_or_default();
        let Some(difference) = first_difference(&present, &wanted) else {
            continue;
        };
        if check {
            stale.push(format!("{path}: {difference}"));
        } else {
            if let Some(folder) = file.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&file, wanted).with_context(|| format!("cannot write `{path}`"))?;
            console::say(&format!("wrote {path}"));
        }
    }
    if !stale.is_empty() {
        bail!(
            "generated files are stale; run `make generate` and commit the result\n{}",
            stale.join("\n")
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn output_of_keywright(root: &Path, word: &str) -> Result<String> {
    let mut command = if let Some(binary) = console::variable("KEYWRIGHT_BIN") {
        Command::new(std::path::absolute(binary)?)
    } else {
        let mut cargo = Command::new("cargo");
        cargo.args(["run", "--quiet", "--package", "keywright", "--"]);
        cargo
    };
    command.args(["generate", word]).current_dir(root);
    let shown = process::show(&command);
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run `{shown}`"))?;
    if !output.status.success() {
        bail!("`{shown}` failed: {}", output.status);
    }
    let text = String::from_utf8(output.stdout)
        .with_context(|| format!("`{shown}` did not print text"))?;
    if text.trim().is_empty() {
        bail!("`{shown}` printed nothing");
    }
    Ok(text)
}

/// Where two texts part, as a hint for people; `None` when they are the same.
fn first_difference(present: &str, wanted: &str) -> Option<String> {
    if present == wanted {
        return None;
    }
    let mut pairs = present.lines().zip(wanted.lines()).enumerate();
    let hint = match pairs.find(|(_, (is, should))| is != should) {
        Some((index, (is, should))) => {
            format!("line {}\n  is:     {is}\n  should: {should}", index + 1)
        }
        None => format!(
            "{} lines, should be {}",
            present.lines().count(),
            wanted.lines().count()
        ),
    };
    Some(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_text_has_no_difference() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
    }

    #[test]
    fn difference_names_the_first_line_that_differs() {
        let hint = first_difference("a\nb\nc\n", "a\nB\nC\n").unwrap_or_default();
        assert_eq!(hint, "line 2\n  is:     b\n  should: B");
    }

    #[test]
    fn longer_text_differs_even_when_its_start_is_the_same() {
        assert_eq!(
            first_difference("a\n", "a\nb\n").as_deref(),
            Some("1 lines, should be 2")
        );
        assert!(first_difference("a", "a\n").is_some());
    }
}
