//! What the test suite needs beyond Rust: Debian packages, a Python environment and Node modules.
//! Never installs what is there. Root installs; everybody else is told the commands.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::{console, postgres, process, workspace_root};

/// Something the suite needs, the Debian packages that bring it, and how to see that it is there.
struct Need {
    what: &'static str,
    packages: &'static [&'static str],
    present: fn() -> bool,
}

const NEEDS: &[Need] = &[
    Need {
        what: "PostgreSQL's programs",
        // The server brings the client.
        packages: &["postgresql"],
        present: || postgres::programs().is_some() && answers("psql"),
    },
    Need {
        what: "Python 3 with venv",
        packages: &["python3", "python3-venv"],
        present: || {
            process::succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"]))
        },
    },
    Need {
        what: "Node with npm",
        packages: &["nodejs", "npm"],
        present: || ["node", "npm"].iter().all(|program| answers(program)),
    },
    Need {
        what: "curl",
        packages: &["curl", "ca-certificates"],
        present: || answers("curl"),
    },
    Need {
        what: "strace",
        packages: &["strace"],
        // The server lets nobody but root trace it, so the others' tests do not need it.
        present: || !process::is_root() || answers("strace"),
    },
];

/// Makes sure that everything is there. Exits 1 with the commands to run when it may not install.
pub(crate) fn run(_arguments: &[String]) -> Result<ExitCode> {
    let root = workspace_root();
    for (component, argument) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if !process::succeeds(Command::new("cargo").args([argument, "--version"])) {
            bail!("{component} is missing; install it with: rustup component add {component}");
        }
    }
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !(need.present)()).collect();
    let packages: Vec<&str> = missing
        .iter()
        .flat_map(|need| need.packages)
        .copied()
        .collect();
    if !packages.is_empty() {
        let names: Vec<&str> = missing.iter().map(|need| need.what).collect();
        console::say(&format!("setup: missing: {}", names.join(", ")));
        if !process::is_root() || !answers("apt-get") {
            console::say(&advice(&packages));
            return Ok(ExitCode::FAILURE);
        }
        install(&packages)?;
        if let Some(need) = missing.iter().find(|need| !(need.present)()) {
            bail!(
                "{} still not found after installing {}",
                need.what,
                need.packages.join(", ")
            );
        }
    }
    python_environment(&root)?;
    node_modules(&root)?;
    Ok(ExitCode::SUCCESS)
}

/// The interpreter of the suite's own Python environment.
pub(crate) fn python(root: &Path) -> PathBuf {
    root.join("target/venv/bin/python")
}

fn answers(program: &str) -> bool {
    process::succeeds(Command::new(program).arg("--version"))
}

fn advice(packages: &[&str]) -> String {
    format!(
        "setup: run these two commands, then try again:\n  sudo apt-get update\n  sudo apt-get install -y --no-install-recommends {}",
        packages.join(" ")
    )
}

fn install(packages: &[&str]) -> Result<()> {
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    process::run(apt().arg("update"))?;
    process::run(
        apt()
            .args(["install", "-y", "--no-install-recommends"])
            .args(packages),
    )
}

fn python_environment(root: &Path) -> Result<()> {
    let wanted = root.join("e2e/requirements.txt");
    let folder = root.join("target/venv");
    let stamp = folder.join("installed-requirements.txt");
    if same(&wanted, &stamp) {
        return Ok(());
    }
    console::say("setup: installing the Python packages of the suite");
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot replace `{}`", folder.display()))?;
    }
    process::run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    let mut pip = Command::new(python(root));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--requirement",
    ]);
    process::run(pip.arg(&wanted))?;
    fs::copy(&wanted, &stamp)?;
    Ok(())
}

fn node_modules(root: &Path) -> Result<()> {
    let folder = root.join("e2e/node");
    let wanted = folder.join("package-lock.json");
    let stamp = folder.join("node_modules/installed-package-lock.json");
    if same(&wanted, &stamp) {
        return Ok(());
    }
    console::say("setup: installing the Node modules of the suite");
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
    process::run(npm.current_dir(&folder))?;
    fs::copy(&wanted, &stamp)?;
    Ok(())
}

/// Whether the installed copy is what is wanted now. The stamp is written last, so a broken install is repeated.
fn same(wanted: &Path, stamp: &Path) -> bool {
    match (fs::read(wanted), fs::read(stamp)) {
        (Ok(wanted), Ok(stamp)) => wanted == stamp,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_is_two_commands_that_can_be_pasted() {
        let text = advice(&["postgresql", "curl"]);
        assert!(text.contains("sudo apt-get update\n"), "{text}");
        assert!(
            text.ends_with("sudo apt-get install -y --no-install-recommends postgresql curl"),
            "{text}"
        );
    }

    #[test]
    fn an_install_is_repeated_until_its_stamp_equals_the_wish() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let (wanted, stamp) = (folder.path().join("wanted"), folder.path().join("stamp"));
        fs::write(&wanted, "axios 1")?;
        assert!(!same(&wanted, &stamp), "nothing installed yet");
        fs::write(&stamp, "axios 1")?;
        assert!(same(&wanted, &stamp));
        fs::write(&wanted, "axios 2")?;
        assert!(!same(&wanted, &stamp), "the wish changed");
        Ok(())
    }
}
