//! The stored edge of the audit tree: only what encodes to the same bytes is one.
#![no_main]

use keywright_core::audit::Frontier;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(frontier) = Frontier::decode(bytes) {
        assert_eq!(frontier.encode(), bytes);
        let _ = frontier.root();
    }
});
