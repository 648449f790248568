//! Promises of the keyring: text form, rotation, sources, check values.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use proptest::prelude::*;

use super::*;

fn line(word: &str, id: &str, byte: u8) -> String {
    format!("{word} {id} {}", hex::encode([byte; 32]))
}

/// Errors and debug texts of anything that saw these lines.
fn assert_hides_keys(shown: &str) {
    for byte in [1_u8, 2, 3, 4] {
        assert!(!shown.contains(&hex::encode([byte; 4])), "{shown}");
    }
}

#[test]
fn text_form_reads_back_to_the_same_keys() {
    let keyring = Keyring::generate()
        .add_root()
        .unwrap()
        .add_pepper()
        .unwrap()
        .add_root()
        .unwrap();
    let again = Keyring::parse(keyring.to_text().expose()).unwrap();
    assert_eq!(again.checks(), keyring.checks());
    assert_eq!(again.ids(Kind::Root), [1, 2, 3]);
    assert_eq!(again.ids(Kind::Pepper), [1, 2]);
    assert_eq!(again.current_id(Kind::Root), 3);
}

#[test]
fn comments_blank_lines_and_semicolons_are_understood() {
    let (root, former, pepper) = (
        line("root", "7", 1),
        line("pepper", "3", 2),
        line("pepper", "9", 3),
    );
    let by_lines = format!("# a; comment\r\n\n  {former}\r\n\t{root}  \n{pepper}");
    let by_semicolons = format!("{root};{former}; {pepper} ;# comment");
    for text in [by_lines, by_semicolons] {
        let keyring = Keyring::parse(&text).unwrap();
        assert_eq!(keyring.line(Kind::Root, 7).unwrap().expose(), root);
        assert_eq!(keyring.line(Kind::Pepper, 3).unwrap().expose(), former);
        assert_eq!(keyring.current_id(Kind::Pepper), 9);
        assert!(keyring.line(Kind::Pepper, 7).is_none());
    }
}

#[test]
fn malformed_line_is_named_by_its_number_and_never_shown() {
    let key = hex::encode([1; 32]);
    for bad in [
        "root",
        "root 1",
        &format!("Root 1 {key}"),
        &format!("key 1 {key}"),
        &format!("root 0 {key}"),
        &format!("root 01 {key}"),
        &format!("root +1 {key}"),
        &format!("root -1 {key}"),
        &format!("root 4294967296 {key}"),
        &format!("root 1 {key}0"),
        &format!("root 1 {key}00"),
        &format!("root 1 {}", key.replacen('0', "g", 1)),
        &format!("root 1 {}", key.replacen("01", "", 1)),
        &format!("root 1 {key} {key}"),
    ] {
        let text = format!("# first line\n{bad}\n{}", line("pepper", "1", 2));
        let fault = Keyring::parse(&text).unwrap_err();
        assert_eq!(fault, KeyringFault::Malformed { line: 2 }, "{bad}");
        assert_hides_keys(&format!("{fault} {fault:?}"));
    }
}

#[test]
fn incomplete_disordered_and_oversized_texts_are_refused() {
    let (root, pepper) = (line("root", "5", 1), line("pepper", "5", 2));
    let fault = |text: String| Keyring::parse(&text).unwrap_err();
    assert_eq!(fault(String::new()), KeyringFault::Missing(Kind::Root));
    assert_eq!(fault(root.clone()), KeyringFault::Missing(Kind::Pepper));
    assert_eq!(fault(pepper.clone()), KeyringFault::Missing(Kind::Root));
    for id in ["4", "5"] {
        let text = format!("{root}\n{pepper}\n{}", line("root", id, 3));
        assert_eq!(
            fault(text),
            KeyringFault::NotAscending {
                line: 3,
                kind: Kind::Root
            }
        );
    }
    assert!(Keyring::parse(&format!("{root}\n{pepper}\n{}", line("root", "6", 3))).is_ok());
    assert_eq!(
        fault(format!("{root}\n{}", line("pepper", "1", 0))),
        KeyringFault::Placeholder { line: 2 }
    );

    let padded = |length: usize| {
        let text = format!("{root}\n{pepper}\n");
        format!("{text}{}", "#".repeat(length - text.len()))
    };
    assert!(Keyring::parse(&padded(MAX_TEXT_BYTES)).is_ok());
    assert_eq!(fault(padded(MAX_TEXT_BYTES + 1)), KeyringFault::TooLong);
}

#[test]
fn longest_keyring_fits_into_the_text_limit() {
    let mut text = String::new();
    for (kind, first) in [(Kind::Root, u32::MAX - 7), (Kind::Pepper, u32::MAX - 1)] {
        for id in (first..=u32::MAX).map(|id| id.to_string()) {
            text = format!("{text}{}\n", line(kind.word(), &id, 1));
        }
    }
    let keyring = Keyring::parse(&text).unwrap();
    assert!(keyring.to_text().len() <= MAX_TEXT_BYTES);
    assert!(Keyring::parse(keyring.to_text().expose()).is_ok());
    assert_eq!(
        keyring.line(Kind::Pepper, u32::MAX).unwrap().len(),
        MAX_LINE_BYTES
    );
}

#[test]
fn only_as_many_keys_as_a_rotation_needs_are_kept() {
    let mut keyring = Keyring::generate();
    for _ in 1..MAX_ROOTS {
        keyring = keyring.add_root().unwrap();
    }
    assert_eq!(
        keyring.add_root().unwrap_err(),
        KeyringFault::TooMany(Kind::Root)
    );
    let two = keyring.add_pepper().unwrap();
    assert_eq!(
        two.add_pepper().unwrap_err(),
        KeyringFault::TooMany(Kind::Pepper)
    );
    assert_eq!(
        two.drop_pepper(1)
            .unwrap()
            .add_pepper()
            .unwrap()
            .ids(Kind::Pepper),
        [2, 3]
    );

    let last = format!(
        "{}\n{}",
        line("root", "4294967295", 1),
        line("pepper", "1", 2)
    );
    assert_eq!(
        Keyring::parse(&last).unwrap().add_root().unwrap_err(),
        KeyringFault::TooMany(Kind::Root)
    );
}

#[test]
fn current_and_unknown_keys_cannot_be_dropped() {
    let keyring = Keyring::generate().add_root().unwrap();
    assert_eq!(
        keyring.drop_root(2).unwrap_err(),
        KeyringFault::Current(Kind::Root, 2)
    );
    assert_eq!(
        keyring.drop_root(3).unwrap_err(),
        KeyringFault::Unknown(Kind::Root, 3)
    );
    assert_eq!(
        keyring.drop_pepper(1).unwrap_err(),
        KeyringFault::Current(Kind::Pepper, 1)
    );
    assert_eq!(keyring.drop_root(1).unwrap().ids(Kind::Root), [2]);
}

#[test]
fn peppers_of_the_ring_are_those_of_the_keyring() {
    let before = Keyring::generate();
    let digest = before.peppers().unwrap().current().digest("text");
    let ring = before.add_pepper().unwrap().peppers().unwrap();
    assert_eq!(ring.current().id(), PepperId(2));
    assert_eq!(
        ring.previous().map(|pepper| pepper.digest("text")),
        Some(digest)
    );
    assert_ne!(ring.current().digest("text"), digest);
}

#[test]
fn derived_keys_of_former_roots_stay_available_newest_first() {
    let before = Keyring::generate();
    let both = before.add_root().unwrap();
    let all = both.derive_all(Purpose::Session);
    assert_eq!(
        all,
        [
            both.derive_current(Purpose::Session),
            before.derive_current(Purpose::Session)
        ]
    );
    assert_eq!(
        both.derive(1, Purpose::Session),
        Some(before.derive_current(Purpose::Session))
    );
    assert_eq!(both.derive(3, Purpose::Session), None);
}

#[test]
fn debug_shows_ids_and_no_keys() {
    let text = format!("{}\n{}", line("root", "11", 1), line("pepper", "22", 2));
    let shown = format!("{:?}", Keyring::parse(&text).unwrap());
    assert_eq!(shown, "Keyring { root_ids: [11], pepper_ids: [22], .. }");
    let source = KeyringSource::Text(Secret::new(text));
    assert_hides_keys(&format!("{source:?} {source}"));
}

#[test]
fn wrong_or_missing_key_is_found_by_its_check_value() {
    let keyring = Keyring::generate()
        .add_root()
        .unwrap()
        .add_pepper()
        .unwrap();
    let stored = keyring.checks();
    assert_eq!(stored.len(), 4);
    assert_eq!(keyring.verify_checks(&stored), Ok(()));
    assert_eq!(
        keyring.root_check(2),
        stored.get(1).map(|check| check.value)
    );
    assert_eq!(
        keyring.pepper_check(1),
        stored.get(2).map(|check| check.value)
    );
    // A key that the database has not recorded yet is no fault; one that it needs is.
    assert_eq!(keyring.add_root().unwrap().verify_checks(&stored), Ok(()));
    let fault = keyring
        .drop_root(1)
        .unwrap()
        .verify_checks(&stored)
        .unwrap_err();
    assert_eq!(
        fault,
        CheckError::Missing {
            kind: Kind::Root,
            id: 1
        }
    );
    let fault = keyring
        .drop_pepper(1)
        .unwrap()
        .verify_checks(&stored)
        .unwrap_err();
    assert_eq!(
        fault,
        CheckError::Missing {
            kind: Kind::Pepper,
            id: 1
        }
    );

    let other_pepper = format!(
        "{}\n{}\n{}",
        keyring.line(Kind::Root, 1).unwrap().expose(),
        keyring.line(Kind::Root, 2).unwrap().expose(),
        line("pepper", "1", 1)
    );
    let fault = Keyring::parse(&other_pepper)
        .unwrap()
        .verify_checks(&stored)
        .unwrap_err();
    assert_eq!(
        fault,
        CheckError::Wrong {
            kind: Kind::Pepper,
            id: 1
        }
    );
    assert_eq!(
        fault.to_string(),
        "pepper 1 of the keyring is not the one this database was made with: give the keyring that belongs to it"
    );
}

#[test]
fn check_value_gives_no_derived_key_away() {
    let text = format!("{}\n{}", line("root", "1", 1), line("pepper", "1", 1));
    let keyring = Keyring::parse(&text).unwrap();
    let check = keyring.root_check(1).unwrap();
    assert_ne!(Some(check), keyring.pepper_check(1));
    assert_ne!(check, [1; 32]);
    for purpose in Purpose::ALL {
        assert_ne!(check, *keyring.derive_current(purpose));
    }
}

#[test]
fn environment_text_is_read_and_cannot_be_saved() {
    let source = KeyringSource::Text(Secret::new(format!(
        "{};{}",
        line("root", "1", 1),
        line("pepper", "1", 2)
    )));
    let keyring = Keyring::load(&source).unwrap();
    let error = keyring.add_root().unwrap().save(&source).unwrap_err();
    assert!(matches!(error, KeyringError::NotWritable { .. }));
    assert_hides_keys(&format!("{error} {error:?}"));
}

#[test]
fn errors_of_a_source_name_it_and_hide_its_text() {
    let source = KeyringSource::Text(Secret::new(format!("{}\nroot two", line("root", "1", 1))));
    let error = Keyring::load(&source).unwrap_err();
    assert_eq!(
        error.to_string(),
        "keyring from the environment: line 2 must read `root <id> <64 hex digits>` or `pepper <id> <64 hex digits>`"
    );
    assert_hides_keys(&format!("{error:?}"));
}

proptest! {
    #[test]
    fn any_text_is_a_keyring_or_a_fault_that_does_not_show_it(
        text in "((root|pepper|#)? ?[0-9]{0,11} ?[0-9a-f]{0,66}[;\\n ]?){0,5}"
    ) {
        if let Err(fault) = Keyring::parse(&text) {
            let shown = format!("{fault} {fault:?}");
            let hexadecimal = |part: &&str| part.len() >= 8 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
            for part in text.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(hexadecimal) {
                prop_assert!(!shown.contains(part));
            }
        }
    }

    #[test]
    fn any_keys_survive_the_text_form(root: [u8; 32], pepper: [u8; 32], id in 1_u32..) {
        prop_assume!(root != [0; 32] && pepper != [0; 32]);
        let text = format!("root {id} {}\npepper {id} {}", hex::encode(root), hex::encode_upper(pepper));
        let keyring = Keyring::parse(&text).unwrap();
        let again = Keyring::parse(keyring.to_text().expose()).unwrap();
        let line = again.line(Kind::Root, id).unwrap();
        prop_assert_eq!(line.expose(), format!("root {id} {}", hex::encode(root)));
        prop_assert_eq!(again.checks(), keyring.checks());
    }
}

#[cfg(unix)]
mod files {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::path::Path;

    use super::*;

    fn names_in(directory: &Path) -> Vec<String> {
        let names = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    #[test]
    fn first_start_makes_a_private_file_and_later_starts_keep_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data").join("keyring");
        let source = KeyringSource::File(path.clone());
        let keyring = Keyring::load(&source).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(
            fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777,
            0o700
        );
        assert_eq!(Keyring::load(&source).unwrap().checks(), keyring.checks());
        assert_eq!(names_in(path.parent().unwrap()), ["keyring"]);
    }

    #[test]
    fn saving_replaces_the_file_and_keeps_it_private() {
        let directory = tempfile::tempdir().unwrap();
        let source = KeyringSource::File(directory.path().join("keyring"));
        let rotated = Keyring::load(&source)
            .unwrap()
            .add_root()
            .unwrap()
            .add_pepper()
            .unwrap();
        rotated.save(&source).unwrap();
        assert_eq!(Keyring::load(&source).unwrap().checks(), rotated.checks());
        assert_eq!(
            fs::metadata(directory.path().join("keyring"))
                .unwrap()
                .mode()
                & 0o777,
            0o600
        );
        assert_eq!(names_in(directory.path()), ["keyring"]);
    }

    #[test]
    fn creating_never_replaces_a_keyring_that_was_made_meanwhile() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keyring");
        let first = Keyring::generate();
        file::create(&path, &first.to_text()).unwrap();
        file::create(&path, &Keyring::generate().to_text()).unwrap();
        assert_eq!(
            Keyring::load(&KeyringSource::File(path)).unwrap().checks(),
            first.checks()
        );
        assert_eq!(names_in(directory.path()), ["keyring"]);
    }

    #[test]
    fn file_that_others_may_access_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keyring");
        let source = KeyringSource::File(path.clone());
        Keyring::load(&source).unwrap();
        for refused in [0o644, 0o640, 0o604, 0o620, 0o602, 0o610, 0o440] {
            fs::set_permissions(&path, Permissions::from_mode(refused)).unwrap();
            let error = Keyring::load(&source).unwrap_err();
            assert!(
                matches!(error, KeyringError::Exposed { mode, .. } if mode == refused),
                "{error}"
            );
            let expected =
                format!("others may access it (mode {refused:04o}): run `chmod 600` on it");
            assert!(error.to_string().ends_with(&expected), "{error}");
        }
        for accepted in [0o600, 0o400] {
            fs::set_permissions(&path, Permissions::from_mode(accepted)).unwrap();
            assert!(Keyring::load(&source).is_ok());
        }
    }

    #[test]
    fn file_of_another_user_is_refused() {
        // Only root can give a file away; for others this promise holds by the same code.
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keyring");
        let source = KeyringSource::File(path.clone());
        Keyring::load(&source).unwrap();
        std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
        let error = Keyring::load(&source).unwrap_err();
        assert!(
            matches!(
                error,
                KeyringError::Foreign {
                    owner: 12345,
                    user: 0,
                    ..
                }
            ),
            "{error}"
        );
    }

    #[test]
    fn directory_binary_text_and_dangling_link_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let load = |name: &str| {
            Keyring::load(&KeyringSource::File(directory.path().join(name))).unwrap_err()
        };
        assert!(matches!(load("."), KeyringError::Io { .. }));
        fs::write(directory.path().join("binary"), [0xff; 40]).unwrap();
        fs::set_permissions(
            directory.path().join("binary"),
            Permissions::from_mode(0o600),
        )
        .unwrap();
        assert!(matches!(
            load("binary"),
            KeyringError::Invalid {
                fault: KeyringFault::NotText,
                ..
            }
        ));
        symlink(
            directory.path().join("nowhere"),
            directory.path().join("link"),
        )
        .unwrap();
        assert!(matches!(load("link"), KeyringError::Io { .. }));
    }
}

#[cfg(unix)]
mod commands {
    use std::time::Duration;

    use super::*;

    fn load(command: &str) -> Result<Keyring, KeyringError> {
        Keyring::load(&KeyringSource::Command(command.to_owned()))
    }

    #[test]
    fn output_of_the_command_is_the_keyring() {
        let command = format!(
            "echo '{}'; echo '{}'",
            line("root", "1", 1),
            line("pepper", "1", 2)
        );
        assert_eq!(load(&command).unwrap().ids(Kind::Root), [1]);
    }

    #[test]
    fn failing_command_is_named_without_its_text() {
        let error = load("echo token-of-the-vault; exit 3").unwrap_err();
        assert_eq!(
            error.to_string(),
            "keyring from the command: the command ended with exit status: 3"
        );
        let source = KeyringSource::Command("vault --token abc".to_owned());
        assert!(!format!("{source} {source:?}").contains("abc"));
    }

    #[test]
    fn endless_output_is_cut_off() {
        let error = load("yes").unwrap_err();
        assert!(
            matches!(
                error,
                KeyringError::Invalid {
                    fault: KeyringFault::TooLong,
                    ..
                }
            ),
            "{error}"
        );
    }

    #[test]
    fn command_that_hangs_is_given_up_at_the_time_limit() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        // The inner shell would wait for ever for a writer of the pipe.
        let command = format!(
            "mkfifo '{0}'; sh -c 'read line < \"{0}\"'; echo late",
            pipe.display()
        );
        let outcome = command::run(&command, Duration::from_millis(50));
        assert!(matches!(outcome, Err(source::CommandProblem::TimeLimit)));
    }
}
