//! JWT keys (RFC 7519) up to the point where they are signed: header and claims as JSON, and putting
//! the signature on. Signing itself lives with the private keys, and nothing here verifies.

use alloc::string::String;
use core::fmt::Write;

use super::{base64url, parse::TOKEN_BYTES_MAX};
use crate::secret::Secret;

/// Signature algorithms of JWT keys (RFC 7518, RFC 8037).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256; the default, which every library verifies.
    #[default]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl SigningAlgorithm {
    /// Every algorithm.
    pub const ALL: [Self; 3] = [Self::Rs256, Self::Es256, Self::EdDsa];

    /// The registered name, as `alg` writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of this registered name; case matters (RFC 7515, section 4.1.1).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }
}

/// What a JWT key states. Moments are Unix seconds.
#[derive(Clone, Copy, Debug)]
pub struct Claims<'a> {
    /// `sub`: whom the key acts for.
    pub subject: &'a str,
    /// `scopes`, as an array.
    pub scopes: &'a [&'a str],
    /// `key_id`: the key's row.
    pub key_id: &'a str,
    /// `iss`: URL of this Keywright.
    pub issuer: &'a str,
    /// `iat`.
    pub issued_at: i64,
    /// `exp`; left out when the key never expires.
    pub expires_at: Option<i64>,
    /// `aud`: who may accept the key.
    pub audience: &'a str,
    /// `env`: the environment tag.
    pub environment_tag: &'a str,
    /// `tenant`: the tenant's slug.
    pub tenant: &'a str,
    /// `jti`: must differ between two keys that state the same otherwise, because RS256 and EdDSA
    /// sign the same text the same way: without it a key regenerated within a second comes back.
    pub token_id: &'a str,
}

/// The text to be signed: header and claims, each base64url, with a dot between (RFC 7515, section 5.1).
/// The order of the members is fixed, so the same claims give the same text.
pub fn signing_input(
    algorithm: SigningAlgorithm,
    signing_key_id: &str,
    claims: &Claims<'_>,
) -> String {
    let mut output = String::new();
    base64url::encode_into(
        &mut output,
        header_json(algorithm, signing_key_id).as_bytes(),
    );
    output.push('.');
    base64url::encode_into(&mut output, claims_json(claims).as_bytes());
    output
}

/// A JWT that no check would read, because it is longer than [`TOKEN_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the key would have {length} bytes, at most 4096 are allowed: give it fewer scopes, or a role"
)]
pub struct JwtTooLong {
    /// Its length in bytes.
    pub length: usize,
}

/// The finished key. `signature` is the raw one: for ES256 `r || s`, 64 bytes (RFC 7518, section 3.4).
pub fn assemble(signing_input: &str, signature: &[u8]) -> Result<Secret, JwtTooLong> {
    let length = signing_input.len() + 1 + base64url::encoded_length(signature.len());
    if length > TOKEN_BYTES_MAX {
        return Err(JwtTooLong { length });
    }
    // All the room at once: growing would leave a copy of the secret in freed memory.
    let mut text = String::with_capacity(length);
    text.push_str(signing_input);
    text.push('.');
    base64url::encode_into(&mut text, signature);
    Ok(Secret::new(text))
}

fn header_json(algorithm: SigningAlgorithm, signing_key_id: &str) -> String {
    let mut json = String::from("{");
    push_text_member(&mut json, "alg", algorithm.name());
    push_text_member(&mut json, "typ", "JWT");
    push_text_member(&mut json, "kid", signing_key_id);
    json.push('}');
    json
}

fn claims_json(claims: &Claims<'_>) -> String {
    let mut json = String::from("{");
    push_text_member(&mut json, "sub", claims.subject);
    push_name(&mut json, "scopes");
    json.push('[');
    for (index, scope) in claims.scopes.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        push_text(&mut json, scope);
    }
    json.push(']');
    push_text_member(&mut json, "key_id", claims.key_id);
    push_text_member(&mut json, "iss", claims.issuer);
    push_number_member(&mut json, "iat", claims.issued_at);
    if let Some(expires_at) = claims.expires_at {
        push_number_member(&mut json, "exp", expires_at);
    }
    push_text_member(&mut json, "aud", claims.audience);
    push_text_member(&mut json, "env", claims.environment_tag);
    push_text_member(&mut json, "tenant", claims.tenant);
    push_text_member(&mut json, "jti", claims.token_id);
    json.push('}');
    json
}

fn push_text_member(json: &mut String, name: &str, value: &str) {
    push_name(json, name);
    push_text(json, value);
}

fn push_number_member(json: &mut String, name: &str, value: i64) {
    push_name(json, name);
    write_infallibly(json, format_args!("{value}"));
}

fn push_name(json: &mut String, name: &str) {
    if !json.ends_with('{') {
        json.push(',');
    }
    push_text(json, name);
    json.push(':');
}

/// A JSON string (RFC 8259, section 7): quote, backslash and control characters are escaped.
fn push_text(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\u{0}'..='\u{1F}' => {
                write_infallibly(json, format_args!("\\u{:04x}", u32::from(character)));
            }
            _ => json.push(character),
        }
    }
    json.push('"');
}

/// Formatting into a `String` has no way to fail.
fn write_infallibly(json: &mut String, arguments: core::fmt::Arguments<'_>) {
    let written = json.write_fmt(arguments);
    debug_assert!(written.is_ok(), "a String takes any text");
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "tests fail by panicking"
    )]

    use alloc::{format, vec::Vec};

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::token::{Inspection, Presented, inspect, parse};

    const CLAIMS: Claims<'_> = Claims {
        subject: "user-123",
        scopes: &["api:read", "api:write"],
        key_id: "key-550e8400",
        issuer: "https://auth.example.com",
        issued_at: 1_705_416_000,
        expires_at: Some(1_713_192_000),
        audience: "https://api.example.com",
        environment_tag: "live",
        tenant: "my-tenant",
        token_id: "a1",
    };

    fn decoded(part: &str) -> String {
        String::from_utf8(base64url::decode(part).unwrap()).unwrap()
    }

    #[test]
    fn header_and_claims_stand_in_the_documented_order() {
        let input = signing_input(SigningAlgorithm::Rs256, "api-key-1", &CLAIMS);
        let (header, claims) = input.split_once('.').unwrap();
        assert_eq!(
            header,
            "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImFwaS1rZXktMSJ9"
        );
        assert_eq!(
            decoded(claims),
            concat!(
                r#"{"sub":"user-123","scopes":["api:read","api:write"],"key_id":"key-550e8400","#,
                r#""iss":"https://auth.example.com","iat":1705416000,"exp":1713192000,"#,
                r#""aud":"https://api.example.com","env":"live","tenant":"my-tenant","jti":"a1"}"#
            )
        );
    }

    #[test]
    fn key_that_never_expires_has_no_exp() {
        let claims = Claims {
            expires_at: None,
            scopes: &[],
            ..CLAIMS
        };
        let value: Value = serde_json::from_str(&claims_json(&claims)).unwrap();
        assert!(value.get("exp").is_none());
        assert_eq!(value["scopes"], json!([]));
    }

    #[test]
    fn algorithm_names_read_back() {
        for algorithm in SigningAlgorithm::ALL {
            assert_eq!(
                SigningAlgorithm::from_name(algorithm.name()),
                Some(algorithm)
            );
        }
        for foreign in ["none", "HS256", "rs256", ""] {
            assert_eq!(SigningAlgorithm::from_name(foreign), None);
        }
    }

    #[test]
    fn assembled_key_is_recognised_and_can_be_inspected() {
        let input = signing_input(SigningAlgorithm::EdDsa, "k", &CLAIMS);
        let key = assemble(&input, &[0xFF; 64]).unwrap();
        assert!(matches!(parse(key.expose()), Ok(Presented::Jwt { .. })));
        let Inspection::UnverifiedJwt { header, payload } = inspect(key.expose()) else {
            unreachable!("a JWT is inspected as one");
        };
        assert_eq!(header, br#"{"alg":"EdDSA","typ":"JWT","kid":"k"}"#);
        assert_eq!(payload, claims_json(&CLAIMS).as_bytes());
    }

    #[test]
    fn key_longer_than_the_parser_reads_is_not_assembled() {
        let input = format!("eyJh.{}", "a".repeat(4096 - 5 - 1 - 86));
        let longest = assemble(&input, &[0; 64]).unwrap();
        assert_eq!(longest.len(), 4096);
        assert!(matches!(parse(longest.expose()), Ok(Presented::Jwt { .. })));
        let error = assemble(&format!("{input}a"), &[0; 64]).unwrap_err();
        assert_eq!(error, JwtTooLong { length: 4097 });
    }

    proptest! {
        #[test]
        fn any_text_survives_as_json(
            texts in proptest::collection::vec(any::<String>(), 8),
            scopes in proptest::collection::vec(any::<String>(), 0..4),
            issued_at: i64,
            expires_at: Option<i64>,
        ) {
            let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
            let claims = Claims {
                subject: &texts[0], scopes: &scopes, key_id: &texts[1], issuer: &texts[2], issued_at,
                expires_at, audience: &texts[3], environment_tag: &texts[4], tenant: &texts[5],
                token_id: &texts[6],
            };
            let mut expected = json!({
                "sub": texts[0], "scopes": scopes, "key_id": texts[1], "iss": texts[2],
                "iat": issued_at, "aud": texts[3], "env": texts[4], "tenant": texts[5], "jti": texts[6],
            });
            if let Some(expires_at) = expires_at {
                expected["exp"] = json!(expires_at);
            }
            let input = signing_input(SigningAlgorithm::Es256, &texts[7], &claims);
            let (header, payload) = input.split_once('.').unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(&decoded(payload)).unwrap(), expected);
            prop_assert_eq!(
                serde_json::from_str::<Value>(&decoded(header)).unwrap(),
                json!({"alg": "ES256", "typ": "JWT", "kid": texts[7]})
            );
        }
    }
}
