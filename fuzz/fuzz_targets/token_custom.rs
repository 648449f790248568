//! A custom value that is accepted is presented as custom, and is long enough to hold 128 bits.
#![no_main]

use keywright_core::token::{Presented, custom, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|value: &str| {
    if custom::check(value).is_ok() {
        assert!(matches!(parse(value), Ok(Presented::Custom { .. })));
        assert!(
            value.len() >= 20,
            "19 visible characters cannot hold 128 bits"
        );
    }
});
