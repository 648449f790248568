//! The keyring's text: any text gets an answer, and what reads prints and reads back.
#![no_main]

use keywright_seal::keyring::Keyring;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(keyring) = Keyring::parse(text) {
        let printed = keyring.to_text();
        let again = Keyring::parse(printed.expose()).expect("what is printed reads back");
        assert_eq!(again.checks(), keyring.checks());
    }
});
