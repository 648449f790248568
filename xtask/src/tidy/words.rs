//! Words that no file may hold: paths and hosts of one machine's set-up, and reminders that nobody tracks.

use super::Finding;

/// Download hosts belong to each person's configuration; a file that names one breaks behind a mirror.
/// Written in two halves, so that this file passes its own check.
const REFUSED: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("static.", "crates.io"),
    concat!("index.", "crates.io"),
    concat!("registry.", "npmjs.org"),
    concat!("files.", "pythonhosted.org"),
    concat!("deb.", "debian.org"),
];

const REMINDERS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];

/// Refuses machine paths and registry hosts everywhere but in cargo's own lock file.
pub(super) fn refused(path: &str, text: &str) -> Vec<Finding> {
    if path.ends_with("Cargo.lock") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for word in REFUSED.iter().filter(|word| line.contains(**word)) {
            findings.push(Finding::fault(
                path,
                index + 1,
                format!("`{word}` has no place in the project"),
            ));
        }
    }
    findings
}

/// A reminder in code needs the number of an issue right behind it, as in `(#12)`; prose may speak of reminders.
pub(super) fn unnumbered_reminders(path: &str, text: &str) -> Vec<Finding> {
    if path.ends_with(".md") || path.ends_with(".lock") || path.ends_with("-lock.json") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for word in REMINDERS {
            if line
                .match_indices(word)
                .any(|(at, _)| is_unnumbered(line, at, word))
            {
                findings.push(Finding::fault(
                    path,
                    index + 1,
                    format!("`{word}` without an issue number"),
                ));
            }
        }
    }
    findings
}

/// npm writes addresses of packages into its lock file unless told not to.
pub(super) fn lock_file_addresses(path: &str, text: &str) -> Vec<Finding> {
    if !path.ends_with("package-lock.json") {
        return Vec::new();
    }
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| line.contains("\"resolved\"") && line.contains("://"))
        .map(|(index, _)| {
            Finding::fault(
                path,
                index + 1,
                "set omit-lockfile-registry-resolved and lock again",
            )
        })
        .collect()
}

fn is_unnumbered(line: &str, at: usize, word: &str) -> bool {
    let (before, rest) = line.split_at(at);
    let after = rest.strip_prefix(word).unwrap_or_default();
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let is_whole_word = !before.ends_with(is_part) && !after.starts_with(is_part);
    let number = after
        .strip_prefix("(#")
        .or_else(|| after.strip_prefix(" #"));
    is_whole_word
        && !number.is_some_and(|number| number.starts_with(|digit: char| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_hosts_of_one_machine_are_refused() {
        for word in REFUSED {
            assert_eq!(
                refused("README.md", &format!("fine\nsee {word}x")).len(),
                1,
                "{word}"
            );
        }
        assert!(refused("README.md", "a framework/workspace on crates.io").is_empty());
        assert!(refused("Cargo.lock", REFUSED.join(" ").as_str()).is_empty());
    }

    #[test]
    fn reminders_need_a_number() {
        for word in REMINDERS {
            for bad in [
                format!("// {word}: later"),
                format!("// {word}(me)"),
                format!("{word} (#x)"),
            ] {
                assert_eq!(unnumbered_reminders("a.rs", &bad).len(), 1, "{bad}");
            }
            for good in [
                format!("// {word}(#12): later"),
                format!("{word} #7"),
                format!("MY_{word}S"),
            ] {
                assert!(unnumbered_reminders("a.rs", &good).is_empty(), "{good}");
            }
            assert!(
                unnumbered_reminders("CONTRIBUTING.md", &format!("no {word} without")).is_empty()
            );
        }
    }

    #[test]
    fn lock_files_hold_no_addresses() {
        let bad = "\"resolved\": \"https://example.com/axios.tgz\",";
        assert_eq!(lock_file_addresses("e2e/package-lock.json", bad).len(), 1);
        assert!(
            lock_file_addresses("e2e/package-lock.json", "\"resolved\": \"packages/a\"").is_empty()
        );
        assert!(lock_file_addresses("e2e/other.json", bad).is_empty());
    }
}
