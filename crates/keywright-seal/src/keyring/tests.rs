//! Promises of the keyring: text form, rotation, derived keys, check values.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use proptest::prelude::*;

use super::*;

pub(super) fn line(word: &str, id: &str, byte: u8) -> String {
    format!("{word} {id} {}", hex::encode([byte; 32]))
}

/// Errors and debug texts of anything that saw these lines.
pub(super) fn assert_hides_keys(shown: &str) {
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
