//! Promises of the keyring's sources: environment, file and command.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::*;
use crate::keyring::Kind;
use crate::keyring::tests::{assert_hides_keys, line};

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
        let outcome = run(&command, Duration::from_millis(50));
        assert!(matches!(outcome, Err(CommandProblem::TimeLimit)));
    }
}
