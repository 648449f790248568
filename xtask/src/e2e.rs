//! End-to-end tests: pytest over `e2e/python` and Node's own runner over `e2e/node`, both against the real binary,
//! whose path they find in `KEYWRIGHT_BIN`. What is not there yet is not run, and that is said.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::{console, process, setup, workspace_root};

/// Runs both suites; the words after the name go to pytest.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let root = workspace_root();
    let binary = binary(&root)?;
    let python_tests = tests_in(&root.join("e2e/python"), "test_", ".py");
    if python_tests.is_empty() {
        console::say("e2e: no test_*.py in e2e/python");
    } else {
        let mut pytest = Command::new(setup::python(&root));
        // With the reasons of what is skipped.
        pytest.args([
            "-m",
            "pytest",
            "-q",
            "-rs",
            "-p",
            "no:cacheprovider",
            "e2e/python",
        ]);
        pytest.args(arguments).env("PYTHONDONTWRITEBYTECODE", "1");
        process::run(pytest.current_dir(&root).env("KEYWRIGHT_BIN", &binary))?;
    }
    let node_tests = tests_in(&root.join("e2e/node"), "", ".test.js");
    if node_tests.is_empty() {
        console::say("e2e: no *.test.js in e2e/node");
    } else {
        let mut node = Command::new("node");
        node.arg("--test").args(node_tests);
        process::run(
            node.current_dir(root.join("e2e/node"))
                .env("KEYWRIGHT_BIN", &binary),
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The binary under test: the one named by `KEYWRIGHT_BIN`, else a development build.
fn binary(root: &Path) -> Result<PathBuf> {
    if let Some(named) = console::variable("KEYWRIGHT_BIN") {
        return std::path::absolute(&named)
            .with_context(|| format!("bad path in KEYWRIGHT_BIN: `{named}`"));
    }
    let mut cargo = Command::new("cargo");
    process::run(
        cargo
            .args(["build", "--package", "keywright"])
            .current_dir(root),
    )?;
    // Cargo puts both programs of the development profile in one folder.
    Ok(std::env::current_exe()?.with_file_name("keywright"))
}

fn tests_in(folder: &Path, start: &str, end: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(start) && name.ends_with(end)
        })
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}
