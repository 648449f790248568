//! Any presented text gets an answer, and parsing, inspecting and masking agree about it.
#![no_main]

use keywright_core::token::{Inspection, ParseError, Presented, inspect, mask, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let parsed = parse(text);
    if let Ok(presented) = &parsed {
        assert_eq!(presented.text(), text);
    }
    match (parsed, inspect(text)) {
        (Ok(Presented::Custom { .. }), Inspection::Custom) => {}
        (
            Ok(Presented::Jwt { .. }),
            Inspection::UnverifiedJwt { .. } | Inspection::Unreadable(_),
        ) => {}
        (
            Ok(presented),
            Inspection::Printed {
                environment_tag,
                checksum_valid,
                ..
            },
        ) => {
            assert!(checksum_valid);
            assert_eq!(presented.environment_tag(), Some(environment_tag));
        }
        (Err(ParseError::Checksum), Inspection::Printed { checksum_valid, .. }) => {
            assert!(!checksum_valid);
        }
        (Err(error), Inspection::Unreadable(same)) => assert_eq!(error, same),
        (parsed, inspection) => panic!("parse says {parsed:?}, inspect says {inspection:?}"),
    }
    let hint = mask::hint(text);
    let (_, tail) = hint
        .split_once(mask::ELLIPSIS)
        .expect("every hint leaves something out");
    assert!(tail.len() <= 4);
});
