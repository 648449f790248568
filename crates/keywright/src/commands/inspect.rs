//! `keywright key inspect`: what a key says of itself, offline. It proves nothing about the key but its
//! checksum.

use keywright_core::token::{Inspection, PrintedKind, inspect};
use serde_json::{Value, json};

use super::Target;
use super::keys::from_outside;

/// Inspects a key from standard input or `KEYWRIGHT_KEY`. Answers whether it has the form of one.
pub(crate) fn run(target: &Target) -> anyhow::Result<bool> {
    let text = from_outside("KEYWRIGHT_KEY")?;
    let (body, sound) = describe(text.lines().next().unwrap_or_default());
    target.print(&body);
    Ok(sound)
}

fn describe(text: &str) -> (Value, bool) {
    match inspect(text) {
        Inspection::Printed {
            kind,
            prefix,
            environment_tag,
            checksum_valid,
        } => {
            let format = match kind {
                PrintedKind::Opaque => "opaque",
                PrintedKind::PairPublic => "pair (public key)",
                PrintedKind::PairSecret => "pair (secret)",
            };
            let body = json!({
                "format": format, "prefix": prefix, "environment": environment_tag,
                "checksum": if checksum_valid { "valid" } else { "wrong: mistyped or cut off" },
            });
            (body, checksum_valid)
        }
        Inspection::UnverifiedJwt { header, payload } => {
            let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap_or(Value::Null);
            let body = json!({
                "format": "jwt", "signature": "not checked",
                "header": read(&header), "claims": read(&payload),
            });
            (body, true)
        }
        Inspection::Custom => (json!({"format": "custom", "checksum": "has none"}), true),
        Inspection::Unreadable(problem) => (
            json!({"format": "none", "problem": problem.to_string()}),
            false,
        ),
    }
}
