//! Who may depend on whom. A dependency between our crates points to a lower floor, and a few outside crates
//! belong to one of ours. A new line in these tables is a decision that a reviewer sees.

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::Finding;

/// The floor of each crate, as drawn in ARCHITECTURE.md.
const FLOORS: &[(&str, u8)] = &[
    ("keywright-core", 0),
    ("keywright-store", 1),
    ("keywright-api", 1),
    ("keywright-seal", 1),
    ("keywright-engine", 2),
    ("keywright-server", 3),
    ("keywright", 4),
    ("keywright-bench", 4),
    ("xtask", 4),
];

/// Outside crates that only the named crates of ours may use, and why.
const RESERVED: &[(&str, &[&str], &str)] = &[
    (
        "sqlx",
        &["keywright-store"],
        "only store knows which database runs",
    ),
    (
        "axum",
        &["keywright-server", "keywright-bench"],
        "only the server speaks HTTP",
    ),
    (
        "aws-lc-rs",
        &["keywright-seal"],
        "keys and randomness live in seal",
    ),
];

/// Core decides over plain values; these would let it do more than that.
const REFUSED_IN_CORE: &[&str] = &["serde", "tokio", "tracing", "rand", "getrandom"];

const CORE: &str = "keywright-core";

/// Checks every manifest, given as (path, text), against the tables; `workspace` is the root manifest.
pub(super) fn check(manifests: &[(&str, &str)], workspace: &str) -> Result<Vec<Finding>> {
    let shared = table_at(
        &parse("Cargo.toml", workspace)?,
        &["workspace", "dependencies"],
    );
    let mut findings = Vec::new();
    for (path, text) in manifests {
        let manifest = parse(path, text)?;
        findings.extend(check_one(path, &manifest, &shared));
    }
    Ok(findings)
}

/// `keywright-core/src/lib.rs` must say `#![no_std]`, which keeps clocks, files and sockets out for good.
pub(super) fn core_is_no_std(lib: &str) -> Vec<Finding> {
    let code = super::rust::code_only(lib);
    let path = "crates/keywright-core/src/lib.rs";
    let mut findings = Vec::new();
    if !code.lines().any(|line| line.trim() == "#![no_std]") {
        findings.push(Finding::fault(path, 1, "core must be `#![no_std]`"));
    }
    let mut before = "";
    for (index, line) in code.lines().enumerate() {
        if line.contains("extern crate std")
            && !before.contains("cfg(test)")
            && !line.contains("cfg(test)")
        {
            findings.push(Finding::fault(
                path,
                index + 1,
                "`std` only under `#[cfg(test)]` in core",
            ));
        }
        before = line;
    }
    findings
}

fn check_one(path: &str, manifest: &Table, shared: &Table) -> Vec<Finding> {
    let name = manifest
        .get("package")
        .and_then(|package| package.get("name"))
        .and_then(Value::as_str)
        .unwrap_or_default();
    let Some(floor) = floor_of(name) else {
        return vec![Finding::fault(
            path,
            1,
            format!("`{name}` has no floor; add it to FLOORS"),
        )];
    };
    let mut faults = Vec::new();
    for (dependency, details) in normal_dependencies(manifest) {
        let dependency = real_name(&dependency, &details);
        if let Some(other) = floor_of(&dependency)
            && other >= floor
        {
            faults.push(format!(
                "`{name}` (floor {floor}) must not depend on `{dependency}` (floor {other})"
            ));
        }
        if let Some((_, owners, why)) = RESERVED
            .iter()
            .find(|(reserved, ..)| *reserved == dependency)
            && !owners.contains(&name)
        {
            faults.push(format!("`{name}` must not depend on `{dependency}`: {why}"));
        }
        if name == CORE {
            if REFUSED_IN_CORE.contains(&dependency.as_str()) {
                faults.push(format!("core must not depend on `{dependency}`"));
            }
            if brings_std(&details) && shared.get(&dependency).is_none_or(brings_std) {
                faults.push(format!(
                    "core's `{dependency}` needs `default-features = false` and no `std` feature"
                ));
            } else if asks_for_std(&details) {
                faults.push(format!("core must not switch on `std` of `{dependency}`"));
            }
        }
    }
    for (dependency, details) in tables(manifest, "dev-dependencies") {
        let dependency = real_name(&dependency, &details);
        if floor_of(&dependency).is_some_and(|other| other > floor) {
            faults.push(format!(
                "tests of `{name}` must not depend on `{dependency}`, which is above it"
            ));
        }
    }
    faults
        .into_iter()
        .map(|text| Finding::fault(path, 1, text))
        .collect()
}

fn floor_of(name: &str) -> Option<u8> {
    FLOORS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, floor)| *floor)
}

fn normal_dependencies(manifest: &Table) -> Vec<(String, Value)> {
    let mut all = tables(manifest, "dependencies");
    all.extend(tables(manifest, "build-dependencies"));
    all
}

/// The entries of this table, also of those under `[target.'..']`.
fn tables(manifest: &Table, kind: &str) -> Vec<(String, Value)> {
    let targets = table_at(manifest, &["target"]);
    let of_targets = targets.values().filter_map(Value::as_table);
    std::iter::once(manifest)
        .chain(of_targets)
        .flat_map(|parent| table_at(parent, &[kind]))
        .collect()
}

fn table_at(table: &Table, path: &[&str]) -> Table {
    let mut here = table;
    for step in path {
        match here.get(*step).and_then(Value::as_table) {
            Some(next) => here = next,
            None => return Table::new(),
        }
    }
    here.clone()
}

/// A dependency may be renamed: `db = { package = "keywright-store" }`.
fn real_name(key: &str, details: &Value) -> String {
    details
        .get("package")
        .and_then(Value::as_str)
        .unwrap_or(key)
        .to_owned()
}

/// Whether this declaration leaves the default features on or asks for `std`. Our own crates are checked as crates.
fn brings_std(details: &Value) -> bool {
    let is_ours = details.get("path").is_some();
    let has_defaults = details.get("default-features").and_then(Value::as_bool) != Some(false);
    !is_ours && (has_defaults || asks_for_std(details))
}

fn asks_for_std(details: &Value) -> bool {
    let features = details.get("features").and_then(Value::as_array);
    features.is_some_and(|features| {
        features
            .iter()
            .any(|feature| feature.as_str() == Some("std"))
    })
}

fn parse(path: &str, text: &str) -> Result<Table> {
    text.parse()
        .with_context(|| format!("`{path}` is not TOML"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: &str = r#"
        [workspace.dependencies]
        subtle = { version = "2", default-features = false }
        hex = "0.4"
        hmac = { version = "0.13", default-features = false, features = ["std"] }
    "#;

    fn faults(name: &str, rest: &str) -> Result<Vec<String>> {
        let text = format!("[package]\nname = \"{name}\"\n{rest}");
        let found = check(&[("crates/x/Cargo.toml", &text)], WORKSPACE)?;
        Ok(found.into_iter().map(|finding| finding.text).collect())
    }

    #[test]
    fn downward_edges_pass() -> Result<()> {
        let rest =
            "[dependencies]\nkeywright-core.workspace = true\nkeywright-store.workspace = true";
        assert!(faults("keywright-engine", rest)?.is_empty());
        Ok(())
    }

    #[test]
    fn upward_and_same_floor_edges_fail() -> Result<()> {
        for (name, dependency) in [
            ("keywright-store", "keywright-engine"),
            ("keywright-store", "keywright-api"),
            ("keywright-core", "keywright-seal"),
            ("xtask", "keywright"),
        ] {
            for table in [
                "dependencies",
                "build-dependencies",
                "target.'cfg(unix)'.dependencies",
            ] {
                let found = faults(
                    name,
                    &format!("[{table}]\n{dependency} = {{ path = \"x\" }}"),
                )?;
                assert_eq!(
                    found.len(),
                    1,
                    "{name} -> {dependency} in {table}: {found:?}"
                );
            }
        }
        Ok(())
    }

    #[test]
    fn a_renamed_edge_is_still_seen() -> Result<()> {
        let rest = "[dependencies]\nlaw = { package = \"keywright-server\", path = \"x\" }";
        assert_eq!(faults("keywright-store", rest)?.len(), 1);
        Ok(())
    }

    #[test]
    fn tests_may_look_sideways_but_not_up() -> Result<()> {
        assert!(
            faults(
                "keywright-store",
                "[dev-dependencies]\nkeywright-seal.workspace = true"
            )?
            .is_empty()
        );
        assert_eq!(
            faults(
                "keywright-store",
                "[dev-dependencies]\nkeywright-server.workspace = true"
            )?
            .len(),
            1
        );
        Ok(())
    }

    #[test]
    fn a_crate_without_a_floor_fails() -> Result<()> {
        assert_eq!(
            faults("keywright-extra", "")?,
            ["`keywright-extra` has no floor; add it to FLOORS"]
        );
        Ok(())
    }

    #[test]
    fn reserved_crates_stay_with_their_owner() -> Result<()> {
        assert!(faults("keywright-store", "[dependencies]\nsqlx = \"0.9\"")?.is_empty());
        assert_eq!(
            faults("keywright-server", "[dependencies]\nsqlx = \"0.9\"")?.len(),
            1
        );
        Ok(())
    }

    #[test]
    fn core_takes_nothing_that_needs_std() -> Result<()> {
        assert!(faults("keywright-core", "[dependencies]\nsubtle.workspace = true")?.is_empty());
        for dependency in [
            "hex.workspace = true",
            "hex = \"0.4\"",
            "hmac.workspace = true",
            "subtle = { workspace = true, features = [\"std\"] }",
            "serde = { version = \"1\", default-features = false }",
        ] {
            let found = faults("keywright-core", &format!("[dependencies]\n{dependency}"))?;
            assert_eq!(found.len(), 1, "{dependency}: {found:?}");
        }
        Ok(())
    }

    #[test]
    fn core_without_no_std_fails() {
        assert!(core_is_no_std("//! Law.\n#![no_std]\nextern crate alloc;\n").is_empty());
        assert!(core_is_no_std("#![no_std]\n#[cfg(test)]\nextern crate std;\n").is_empty());
        assert_eq!(
            core_is_no_std("//! Law.\n// #![no_std]\n").len(),
            1,
            "a comment is no attribute"
        );
        assert_eq!(core_is_no_std("#![no_std]\nextern crate std;\n").len(), 1);
    }
}
