//! What of a key may be shown again after its one display (requirement A4): enough to tell two keys
//! apart in a list, too little to guess the rest. The last four characters of a printed key belong to
//! its checksum.

use alloc::string::String;

use super::{
    pair::Half,
    parse::{JWT_START, Printed, PrintedKind, Shape},
};

/// Stands for what is left out; its length says nothing about the key's.
pub const ELLIPSIS: &str = "••••••";

/// Characters shown of the end.
const TAIL_LENGTH: usize = 4;
/// Bytes from which a custom key shows its end: below, four characters would be an eighth or more.
const CUSTOM_BYTES_FOR_TAIL: usize = 33;

/// The masked form of a key, such as `kw_live_••••••a1B2`, `kw_live_sk••••••a1B2`, `eyJ••••••a1B2`.
/// Store it with the key: it cannot be made from a digest.
pub fn hint(text: &str) -> String {
    let mut hint = String::new();
    let tail = text
        .get(text.len().saturating_sub(TAIL_LENGTH)..)
        .unwrap_or_default();
    match Shape::of(text) {
        Ok(Shape::Printed(Printed {
            prefix,
            environment_tag,
            kind,
        })) => {
            let mark = match kind {
                PrintedKind::Opaque => "",
                PrintedKind::PairPublic => Half::Public.mark(),
                PrintedKind::PairSecret => Half::Secret.mark(),
            };
            hint.extend([prefix, "_", environment_tag, "_", mark, ELLIPSIS, tail]);
        }
        Ok(Shape::Jwt) => hint.extend([JWT_START, ELLIPSIS, tail]),
        Ok(Shape::Custom) if text.len() >= CUSTOM_BYTES_FOR_TAIL => hint.extend([ELLIPSIS, tail]),
        Ok(Shape::Custom) | Err(_) => hint.push_str(ELLIPSIS),
    }
    hint
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use alloc::{format, string::ToString};

    use proptest::prelude::*;

    use super::*;
    use crate::token::{
        EnvironmentTag, OpaqueFormat, base62, custom::test_values, entropy::Seeded, opaque, pair,
    };

    #[test]
    fn each_form_has_its_hint() {
        let (format, tag) = (OpaqueFormat::default(), EnvironmentTag::live());
        let end = |text: &str| text.chars().skip(text.len() - 4).collect::<String>();
        let key = opaque::mint(&format, &tag, &mut Seeded(1));
        assert_eq!(
            hint(key.expose()),
            format!("kw_live_••••••{}", end(key.expose()))
        );
        let pair = pair::mint(&format, &tag, &mut Seeded(1));
        assert_eq!(
            hint(pair.public.expose()),
            format!("kw_live_pk••••••{}", end(pair.public.expose()))
        );
        assert_eq!(
            hint(pair.secret.expose()),
            format!("kw_live_sk••••••{}", end(pair.secret.expose()))
        );
        assert_eq!(
            hint("eyJhbGciOiJub25lIn0.e30.c2lnbmF0dXJl"),
            "eyJ••••••dXJl"
        );
    }

    #[test]
    fn short_custom_key_shows_nothing() {
        let long = test_values::base62(33, 1);
        assert_eq!(hint(&long), format!("••••••{}", long.split_at(29).1));
        assert_eq!(hint(long.split_at(32).0), "••••••");
        for unreadable in ["", "short", "ünlesbarer Schlüssel mit Umlauten ü"] {
            assert_eq!(hint(unreadable), "••••••");
        }
    }

    #[test]
    fn hint_is_the_same_with_a_wrong_checksum() {
        let body = format!("{}_{}_{}", "kw", "live", "a".repeat(32));
        let checksum = base62::checksum(body.as_bytes()).map(char::from);
        let good: String = body.chars().chain(checksum).collect();
        let bad = format!("{body}zzzzzz");
        assert_eq!(hint(&bad), "kw_live_••••••zzzz".to_string());
        assert!(hint(&good).starts_with("kw_live_••••••"));
    }

    proptest! {
        #[test]
        fn hint_never_shows_more_than_four_characters_of_the_secret(text in "\\PC{0,80}|[!-~]{0,600}") {
            let hint = hint(&text);
            let (_, tail) = hint.split_once(ELLIPSIS).unwrap();
            prop_assert!(tail.len() <= 4);
        }
    }
}
