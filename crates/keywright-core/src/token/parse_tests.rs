//! Tests of recognising keys: what was minted is read back, what was mistyped is not.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use alloc::{
    format,
    string::{String, ToString},
};

use proptest::prelude::*;
use regex::Regex;

use super::*;
use crate::token::{
    Alphabet, OpaqueFormat, base62::DIGITS, custom::test_values, entropy::Seeded, opaque, pair,
    scanner_pattern,
};

fn any_format() -> impl Strategy<Value = OpaqueFormat> {
    ("[a-z][a-z0-9]{1,15}", 0_usize..3, 32_usize..=128).prop_map(|(prefix, alphabet, length)| {
        let prefix = Prefix::new(&prefix).unwrap();
        OpaqueFormat::new(prefix, length, *Alphabet::ALL.get(alphabet).unwrap()).unwrap()
    })
}

fn any_tag() -> impl Strategy<Value = EnvironmentTag> {
    "[a-z0-9]{1,16}".prop_map(|tag| EnvironmentTag::new(&tag).unwrap())
}

/// An opaque key of the default format, minted at run time.
fn sample(seed: u64) -> String {
    let tag = EnvironmentTag::live();
    opaque::mint(&OpaqueFormat::default(), &tag, &mut Seeded(seed))
        .expose()
        .to_string()
}

proptest! {
    #[test]
    fn minted_keys_read_back(format in any_format(), tag in any_tag(), seed: u64) {
        let key = opaque::mint(&format, &tag, &mut Seeded(seed));
        let Ok(Presented::Opaque { prefix, environment_tag, text }) = parse(key.expose()) else {
            panic!("not opaque");
        };
        prop_assert_eq!(prefix, format.prefix().as_str());
        prop_assert_eq!(environment_tag, tag.as_str());
        prop_assert_eq!(text, key.expose());

        let pair = pair::mint(&format, &tag, &mut Seeded(seed));
        let Ok(Presented::PairPublic { prefix, environment_tag, text }) = parse(pair.public.expose()) else {
            panic!("not public");
        };
        prop_assert_eq!((prefix, environment_tag), (format.prefix().as_str(), tag.as_str()));
        prop_assert_eq!(text, pair.public.expose());
        let Ok(Presented::PairSecret { prefix, environment_tag, text }) = parse(pair.secret.expose()) else {
            panic!("not secret");
        };
        prop_assert_eq!((prefix, environment_tag), (format.prefix().as_str(), tag.as_str()));
        prop_assert_eq!(text, pair.secret.expose());
    }

    #[test]
    fn scanner_pattern_finds_every_minted_key(format in any_format(), tag in any_tag(), seed: u64) {
        let pattern = Regex::new(&scanner_pattern(&format)).unwrap();
        let pair = pair::mint(&format, &tag, &mut Seeded(seed));
        for key in [opaque::mint(&format, &tag, &mut Seeded(seed)), pair.public, pair.secret] {
            let source = format!("API_KEY=\"{}\";", key.expose());
            prop_assert_eq!(pattern.find(&source).map(|found| found.as_str()), Some(key.expose()));
        }
    }

    /// CRC-32 finds every error within 32 bits, hence every single wrong character.
    #[test]
    fn any_mistyped_character_is_refused(seed: u64, at in 8_usize..46, digit in 0_usize..62) {
        let mut key = sample(seed).into_bytes();
        let (typed, wrong) = (key.get_mut(at).unwrap(), *DIGITS.get(digit).unwrap());
        prop_assume!(*typed != wrong);
        *typed = wrong;
        let key = String::from_utf8(key).unwrap();
        prop_assert!(matches!(parse(&key), Err(ParseError::Checksum)));
    }

    #[test]
    fn no_changed_character_leaves_a_printed_key(seed: u64, at in 0_usize..46, character: char) {
        let key = sample(seed);
        let changed: String = key
            .chars()
            .enumerate()
            .map(|(index, old)| if index == at { character } else { old })
            .collect();
        prop_assume!(changed != key);
        let refused = matches!(parse(&changed), Err(_) | Ok(Presented::Custom { .. }));
        prop_assert!(refused);
    }

    #[test]
    fn cut_off_or_swapped_key_is_refused(seed: u64, length in 36_usize..46, at in 8_usize..45) {
        let key = sample(seed);
        prop_assert!(matches!(parse(key.split_at(length).0), Err(ParseError::Checksum)));
        let mut swapped = key.clone().into_bytes();
        swapped.swap(at, at + 1);
        let swapped = String::from_utf8(swapped).unwrap();
        prop_assume!(swapped != key);
        prop_assert!(matches!(parse(&swapped), Err(ParseError::Checksum)));
    }

    #[test]
    fn any_text_gets_an_answer(
        text in "\\PC{0,100}|[a-z]{0,4}_[a-z]{0,5}_[0-9A-Za-z]{0,40}|eyJ[a-zA-Z.]{0,40}|[!-~]{0,5000}"
    ) {
        let parsed = parse(&text);
        if let Ok(presented) = &parsed {
            prop_assert_eq!(presented.text(), text.as_str());
        }
        let readable = match inspect(&text) {
            Inspection::Unreadable(_) => false,
            Inspection::Printed { checksum_valid, .. } => checksum_valid,
            Inspection::UnverifiedJwt { .. } | Inspection::Custom => true,
        };
        prop_assert!(parsed.is_ok() || !readable);
    }
}

#[test]
fn pair_marks_decide_the_half() {
    let body = "a".repeat(32);
    for (mark, expected) in [
        ("pk", "PairPublic(..)"),
        ("sk", "PairSecret(..)"),
        ("zk", "Opaque(..)"),
    ] {
        let unchecked = format!("{}_{}_{mark}{body}", "kw", "dev");
        let checksum = base62::checksum(unchecked.as_bytes()).map(char::from);
        let key: String = unchecked.chars().chain(checksum).collect();
        let presented = parse(&key).unwrap();
        assert_eq!(format!("{presented:?}"), expected);
        assert_eq!(presented.environment_tag(), Some("dev"));
    }
}

#[test]
fn shortest_tail_that_is_taken_for_a_printed_key() {
    let tail = "a".repeat(TAIL_LENGTH_MIN);
    assert!(matches!(
        parse(&format!("kw_live_{tail}")),
        Err(ParseError::Checksum)
    ));
    let shorter = tail.split_at(TAIL_LENGTH_MIN - 1).0;
    assert!(matches!(
        parse(&format!("kw_live_{shorter}")),
        Ok(Presented::Custom { .. })
    ));
}

#[test]
fn what_is_not_quite_a_printed_key_may_be_custom() {
    let tail = test_values::base62(38, 1);
    for text in [
        format!("K_live_{tail}"),
        format!("k_live_{tail}"),
        format!("kw__{tail}"),
        format!("kw_Live_{tail}"),
        format!("kw_live_{tail}_"),
        format!("kw_live_-{tail}"),
        format!("_live_{tail}"),
        format!("kw_{tail}"),
        format!("abcdefghijklmnopq_live_{tail}"),
        format!("kw_abcdefghijklmnopq_{tail}"),
    ] {
        assert!(
            matches!(parse(&text), Ok(Presented::Custom { .. })),
            "{text}"
        );
    }
}

#[test]
fn jwt_needs_three_full_base64url_parts() {
    assert!(matches!(
        parse("eyJh.e30.c2ln-_"),
        Ok(Presented::Jwt { .. })
    ));
    for text in [
        "eyJh.e30.",
        "eyJh..c2lnbmF0dXJlLi4u",
        "eyJh.e30.c2lnbmF0dXJl=",
        "eyJh.e30.c2lnbmF0dXJl.e30",
        "eyJh.e30c2lnbmF0dXJlLi4u",
        "eyjh.e30.c2lnbmF0dXJlLi4u",
        "xeyJh.e30.c2lnbmF0dXJlLi4u",
    ] {
        assert!(!matches!(parse(text), Ok(Presented::Jwt { .. })), "{text}");
    }
}

#[test]
fn length_boundaries() {
    assert!(matches!(parse(""), Err(ParseError::Empty)));
    assert!(matches!(parse(&"a".repeat(15)), Err(ParseError::TooShort)));
    assert!(matches!(
        parse(&"a".repeat(16)),
        Ok(Presented::Custom { .. })
    ));
    assert!(matches!(
        parse(&"a".repeat(512)),
        Ok(Presented::Custom { .. })
    ));
    assert!(matches!(parse(&"a".repeat(513)), Err(ParseError::TooLong)));
    let jwt = |length: usize| format!("eyJh.e30.{}", "a".repeat(length - 9));
    assert!(matches!(parse(&jwt(4096)), Ok(Presented::Jwt { .. })));
    assert!(matches!(parse(&jwt(4097)), Err(ParseError::TooLong)));
}

#[test]
fn spaces_controls_and_foreign_letters_are_refused() {
    for text in [
        "kw live aaaaaaaaaaaaaaaa",
        "aaaaaaaaaaaaaaaaaa\n",
        "aaaaaaaaaaaaaaaaaaé",
        "ééé",
        "\0",
    ] {
        assert!(
            matches!(parse(text), Err(ParseError::InvalidCharacter)),
            "{text:?}"
        );
    }
}

#[test]
fn neither_debug_nor_error_shows_the_key() {
    let key = sample(1);
    let (_, random) = key.rsplit_once('_').unwrap();
    let shown = format!("{:?}", parse(&key).unwrap());
    assert!(!shown.contains(random));
    let error = parse(&format!("{key}a")).unwrap_err();
    assert!(!format!("{error:?} {error}").contains(random));
}

#[test]
fn inspection_of_each_form() {
    let key = sample(1);
    let printed = |checksum_valid| Inspection::Printed {
        kind: PrintedKind::Opaque,
        prefix: "kw",
        environment_tag: "live",
        checksum_valid,
    };
    assert_eq!(inspect(&key), printed(true));
    assert_eq!(
        inspect(&key.replace("_live_", "_liv_")),
        Inspection::Printed {
            kind: PrintedKind::Opaque,
            prefix: "kw",
            environment_tag: "liv",
            checksum_valid: false,
        }
    );
    assert_eq!(inspect(&format!("{key}a")), printed(false));
    assert_eq!(
        inspect("eyJh.e30.c2ln"),
        Inspection::UnverifiedJwt {
            header: b"{\"a".to_vec(),
            payload: b"{}".to_vec(),
        }
    );
    assert_eq!(
        inspect("eyJhb.e30.c2ln"),
        Inspection::Unreadable(ParseError::InvalidCharacter)
    );
    assert_eq!(inspect("a-custom-key-of-someone"), Inspection::Custom);
    assert_eq!(
        inspect("short"),
        Inspection::Unreadable(ParseError::TooShort)
    );
}
