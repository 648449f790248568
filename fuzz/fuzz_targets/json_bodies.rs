//! Bodies of the API: any bytes get an answer, and no problem repeats a value back.
#![no_main]

use keywright_api::json::{parse, parse_flat};
use keywright_api::key::CreateKey;
use keywright_api::tenant::CreateTenant;
use keywright_api::verify::VerifyRequest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(wish) = parse::<CreateKey>(bytes) {
        let _ = wish.validate();
    }
    if let Ok(wish) = parse::<CreateTenant>(bytes) {
        let _ = wish.validate();
    }
    if let Ok(question) = parse_flat::<VerifyRequest<'_>>(bytes) {
        let _ = question.validate();
    }
});
