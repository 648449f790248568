//! The rules of the house that no compiler checks, over every file that git tracks or would track.
//! Each rule is a small function over file text in a submodule; this module reads the files and reports.

mod floors;
mod house;
mod rust;
mod words;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::{console, workspace_root};

/// One breach of a rule: `fault` fails the run, otherwise it is a warning.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    line: usize,
    text: String,
    fault: bool,
}

impl Finding {
    fn fault(path: &str, line: usize, text: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            text: text.into(),
            fault: true,
        }
    }

    fn warning(path: &str, line: usize, text: impl Into<String>) -> Self {
        Self {
            fault: false,
            ..Self::fault(path, line, text)
        }
    }
}

/// A file of the project: its path from the root, with `/`, and its text.
struct File {
    path: String,
    text: String,
}

/// Prints what is wrong; exits 1 if anything but warnings is.
pub(crate) fn run(_arguments: &[String]) -> Result<ExitCode> {
    let findings = tidy(&workspace_root())?;
    for Finding {
        path,
        line,
        text,
        fault,
    } in &findings
    {
        let kind = if *fault { "error" } else { "warning" };
        console::say(&format!("{kind}: {path}:{line}: {text}"));
    }
    let faults = findings.iter().filter(|finding| finding.fault).count();
    let warnings = findings.len() - faults;
    console::say(&format!("tidy: {faults} errors, {warnings} warnings"));
    Ok(if faults == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn tidy(root: &Path) -> Result<Vec<Finding>> {
    let files = read_files(root)?;
    let mut findings = Vec::new();
    for file in &files {
        findings.extend(house::file_name(&file.path));
        findings.extend(words::refused(&file.path, &file.text));
        findings.extend(words::unnumbered_reminders(&file.path, &file.text));
        findings.extend(words::lock_file_addresses(&file.path, &file.text));
        if file.path.ends_with(".rs") {
            findings.extend(rust::check(&file.path, &file.text));
        }
    }
    let text_of = |path: &str| {
        files
            .iter()
            .find(|file| file.path == path)
            .map(|file| file.text.as_str())
    };
    findings.extend(floors::check(
        &manifests(&files),
        text_of("Cargo.toml").unwrap_or_default(),
    )?);
    findings.extend(floors::core_is_no_std(
        text_of("crates/keywright-core/src/lib.rs").unwrap_or_default(),
    ));
    findings.extend(house::map(
        "ARCHITECTURE.md",
        text_of("ARCHITECTURE.md"),
        &crate_names(&files),
    ));
    findings.sort_by(|a, b| (a.fault, &a.path, a.line).cmp(&(b.fault, &b.path, b.line)));
    Ok(findings)
}

/// The manifests of the workspace's members.
fn manifests(files: &[File]) -> Vec<(&str, &str)> {
    let is_member = |path: &str| path == "xtask/Cargo.toml" || folder_of_crate(path).is_some();
    let members = files.iter().filter(|file| is_member(&file.path));
    members
        .map(|file| (file.path.as_str(), file.text.as_str()))
        .collect()
}

/// The crates of the product: a folder of `crates/` carries its crate's name.
fn crate_names(files: &[File]) -> Vec<&str> {
    files
        .iter()
        .filter_map(|file| folder_of_crate(&file.path))
        .collect()
}

fn folder_of_crate(path: &str) -> Option<&str> {
    let folder = path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
    (!folder.contains('/')).then_some(folder)
}

/// Every text file that git tracks or would track. Without git: every file outside built and hidden folders.
fn read_files(root: &Path) -> Result<Vec<File>> {
    let paths = match listed_by_git(root) {
        Some(paths) => paths,
        None => {
            let mut paths = Vec::new();
            walk(root, root, &mut paths)?;
            paths
        }
    };
    let mut files = Vec::new();
    for path in paths {
        // Binary files and files deleted but still in the index have no text to check.
        if let Ok(text) = std::fs::read_to_string(root.join(&path)) {
            files.push(File { path, text });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn listed_by_git(root: &Path) -> Option<Vec<String>> {
    let mut git = Command::new("git");
    // The checkout may belong to another user than the one who runs the tests.
    git.args([
        "-c",
        "safe.directory=*",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let output = git.current_dir(root).output().ok()?;
    let listed = String::from_utf8(output.stdout).ok()?;
    let paths: Vec<String> = listed.split_terminator('\0').map(str::to_owned).collect();
    (output.status.success() && !paths.is_empty()).then_some(paths)
}

fn walk(root: &Path, folder: &Path, paths: &mut Vec<String>) -> Result<()> {
    const SKIPPED: &[&str] = &[
        "target",
        "node_modules",
        "__pycache__",
        "data",
        "corpus",
        "artifacts",
    ];
    const KEPT_HIDDEN: &[&str] = &[".ci", ".cargo", ".editorconfig", ".gitignore", ".github"];
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot list `{}`", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if SKIPPED.contains(&name.as_str())
            || (name.starts_with('.') && !KEPT_HIDDEN.contains(&name.as_str()))
        {
            continue;
        }
        let path: PathBuf = entry.path();
        if entry.file_type()?.is_dir() {
            walk(root, &path, paths)?;
        } else if let Ok(relative) = path.strip_prefix(root) {
            paths.push(relative.to_string_lossy().into_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn the_house_is_tidy() -> Result<()> {
        let findings = tidy(&workspace_root())?;
        let faults: Vec<String> = findings
            .iter()
            .filter(|finding| finding.fault)
            .map(|finding| format!("{}:{}: {}", finding.path, finding.line, finding.text))
            .collect();
        if !faults.is_empty() {
            panic!("{} errors\n{}", faults.len(), faults.join("\n"));
        }
        Ok(())
    }

    #[test]
    fn walking_finds_what_git_would_list() -> Result<()> {
        let folder = tempfile::tempdir()?;
        for path in [
            "crates/a/src/lib.rs",
            ".ci/run",
            "target/debug/out",
            ".git/config",
            "e2e/node_modules/x.js",
        ] {
            let file = folder.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap_or(folder.path()))?;
            std::fs::write(file, "text")?;
        }
        let mut paths = Vec::new();
        walk(folder.path(), folder.path(), &mut paths)?;
        paths.sort();
        assert_eq!(paths, [".ci/run", "crates/a/src/lib.rs"]);
        Ok(())
    }

    #[test]
    fn only_direct_folders_of_crates_are_crates() {
        assert_eq!(
            folder_of_crate("crates/keywright-core/Cargo.toml"),
            Some("keywright-core")
        );
        assert_eq!(folder_of_crate("crates/a/b/Cargo.toml"), None);
        assert_eq!(folder_of_crate("xtask/Cargo.toml"), None);
    }
}
