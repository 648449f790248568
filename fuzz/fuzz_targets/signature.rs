//! Signature fields: reading never panics, and nothing but the right MAC passes.
#![no_main]

use keywright_core::signature::{Body, Message, Signature, claimed_keyid, verify};
use keywright_core::time::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|texts: (&str, &str, &str, &str, &str)| {
    let (input, value, target_uri, header, digest) = texts;
    let fields = [("x-header", header), ("content-digest", digest)];
    for body in [Body::Bytes(b""), Body::Digest(digest)] {
        let message = Message { method: "POST", target_uri, fields: &fields, body };
        let keyid = claimed_keyid(input).unwrap_or_default();
        let now = Timestamp::from_milliseconds(1_718_000_000_000);
        let signature = Signature { input, value };
        // A secret that no input knows.
        assert!(verify(&message, signature, &keyid, &[0x5A; 32], now).is_err());
    }
});
