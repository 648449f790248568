//! Rules about files as such: their names, and the map that must show every crate.

use super::Finding;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &[
    "utils", "util", "helpers", "helper", "common", "misc", "manager", "service",
];

/// Refuses files whose name says nothing, and any clippy.toml but the root's, which it would silently replace.
pub(super) fn file_name(path: &str) -> Vec<Finding> {
    let mut parts: Vec<&str> = path.split('/').collect();
    let name = parts.pop().unwrap_or_default();
    let mut findings = Vec::new();
    if matches!(name, "clippy.toml" | ".clippy.toml") && path != "clippy.toml" {
        findings.push(Finding::fault(
            path,
            1,
            "a second clippy.toml replaces the root's; put it there",
        ));
    }
    if let Some(stem) = name.strip_suffix(".rs") {
        let folder = parts.last().copied().unwrap_or_default();
        if EMPTY_NAMES.contains(&stem) || (stem == "mod" && EMPTY_NAMES.contains(&folder)) {
            findings.push(Finding::fault(path, 1, "name the file after what it does"));
        }
    }
    findings
}

/// The map must name every crate, and name no `keywright-*` crate that is not there.
pub(super) fn map(path: &str, text: Option<&str>, crates: &[&str]) -> Vec<Finding> {
    let Some(text) = text else {
        return vec![Finding::fault(path, 1, "the map of the house is missing")];
    };
    let named: Vec<(usize, &str)> = text
        .lines()
        .enumerate()
        .flat_map(|(index, line)| {
            crate_words(line)
                .into_iter()
                .map(move |word| (index + 1, word))
        })
        .collect();
    let absent = crates
        .iter()
        .filter(|name| !named.iter().any(|(_, word)| word == *name));
    let mut findings: Vec<Finding> = absent
        .map(|name| Finding::fault(path, 1, format!("`{name}` is not on the map")))
        .collect();
    let ghosts = named
        .iter()
        .filter(|(_, word)| *word != "keywright" && !crates.contains(word));
    findings
        .extend(ghosts.map(|(line, word)| {
            Finding::fault(path, *line, format!("there is no crate `{word}`"))
        }));
    findings
}

/// The words of the line that could be names of our crates; `keywright-*` and `x-keywright-key` are not.
fn crate_words(line: &str) -> Vec<&str> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    line.split(|letter| !is_part(letter))
        .filter(|word| *word == "keywright" || word.starts_with("keywright-"))
        .filter(|word| !word.ends_with('-'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_names_are_refused() {
        for path in [
            "crates/a/src/utils.rs",
            "crates/a/src/helpers/mod.rs",
            "xtask/src/service.rs",
        ] {
            assert_eq!(file_name(path).len(), 1, "{path}");
        }
        assert!(file_name("crates/a/src/rotate.rs").is_empty());
        assert!(file_name("crates/a/src/keys/mod.rs").is_empty());
    }

    #[test]
    fn only_the_root_has_a_clippy_toml() {
        assert!(file_name("clippy.toml").is_empty());
        assert_eq!(file_name("crates/a/clippy.toml").len(), 1);
        assert_eq!(file_name(".clippy.toml").len(), 1);
    }

    #[test]
    fn the_map_names_every_crate_and_no_ghost() {
        let crates = ["keywright", "keywright-core"];
        let good = "`keywright` stands on `keywright-core`. Names are `keywright-*`; header `x-keywright-key`.";
        assert!(map("m", Some(good), &crates).is_empty());
        let missing = map("m", Some("only keywright-core"), &crates);
        assert_eq!(
            missing,
            [Finding::fault("m", 1, "`keywright` is not on the map")]
        );
        let ghost = map(
            "m",
            Some("keywright, keywright-core\nand keywright-gateway"),
            &crates,
        );
        assert_eq!(
            ghost,
            [Finding::fault(
                "m",
                2,
                "there is no crate `keywright-gateway`"
            )]
        );
        assert_eq!(map("m", None, &crates).len(), 1);
    }
}
