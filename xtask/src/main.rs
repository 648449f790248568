//! Chores of the house: `cargo xtask <command>`; the Makefile is their table of contents.
//! A new command is a module and one line in `COMMANDS`. Nothing here is part of the product.

mod console;
mod e2e;
mod generate;
mod postgres;
mod process;
mod setup;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;

/// One chore. `run` gets the words after its name.
struct Chore {
    name: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<ExitCode>,
}

const CHORES: &[Chore] = &[
    Chore {
        name: "tidy",
        about: "check the rules of the house that no compiler checks",
        run: tidy::run,
    },
    Chore {
        name: "generate",
        about: "write openapi.json and the reference pages; --check only compares",
        run: generate::run,
    },
    Chore {
        name: "setup",
        about: "install what the test suite needs, or say how to",
        run: setup::run,
    },
    Chore {
        name: "with-postgres",
        about: "-- COMMAND...: run a command beside a private PostgreSQL",
        run: postgres::run,
    },
    Chore {
        name: "e2e",
        about: "run the Python and Node tests of e2e/ against the real binary",
        run: e2e::run,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let chosen = arguments
        .split_first()
        .and_then(|(name, rest)| Some((CHORES.iter().find(|chore| chore.name == name)?, rest)));
    let Some((chore, rest)) = chosen else {
        console::say(&usage());
        return ExitCode::from(2);
    };
    match (chore.run)(rest) {
        Ok(code) => code,
        Err(error) => {
            console::say(&format!("xtask {}: {error:#}", chore.name));
            ExitCode::FAILURE
        }
    }
}

fn usage() -> String {
    let mut text = String::from("usage: cargo xtask <command>\n");
    for Chore { name, about, .. } in CHORES {
        text.push_str(&format!("\n  {name:<14} {about}"));
    }
    text
}

/// The folder that holds the workspace's `Cargo.toml`.
fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}
