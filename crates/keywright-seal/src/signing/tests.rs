//! Promises of signing keys, held against the `jsonwebtoken` crate as an oracle.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::sync::LazyLock;

use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use keywright_core::token::jwt::assemble;

use super::*;

/// Made once, because an RSA key takes long.
static KEYS: LazyLock<Vec<SigningKey>> = LazyLock::new(|| {
    SigningAlgorithm::ALL
        .into_iter()
        .map(|algorithm| SigningKey::generate(algorithm).unwrap())
        .collect()
});

fn oracle_algorithm(key: &SigningKey) -> Algorithm {
    key.algorithm().name().parse().unwrap()
}

fn token(key: &SigningKey) -> String {
    let header = json!({"alg": key.algorithm().name(), "typ": "JWT", "kid": key.kid()});
    let claims = json!({"sub": "user-1", "aud": "api", "exp": 4_000_000_000_u32});
    let input = format!(
        "{}.{}",
        encode(header.to_string().as_bytes()),
        encode(claims.to_string().as_bytes())
    );
    assemble(&input, &key.sign(&input).unwrap())
        .unwrap()
        .expose()
        .to_owned()
}

fn accepts(key: &DecodingKey, algorithm: Algorithm, token: &str) -> bool {
    let mut validation = Validation::new(algorithm);
    validation.set_audience(&["api"]);
    decode::<Value>(token, key, &validation).is_ok_and(|data| data.claims["sub"] == "user-1")
}

#[test]
fn tokens_verify_elsewhere_through_jwk_and_pem() {
    for key in KEYS.iter() {
        let algorithm = oracle_algorithm(key);
        let token = token(key);
        let jwk: Jwk = serde_json::from_value(key.public_jwk()).unwrap();
        assert!(
            accepts(&DecodingKey::from_jwk(&jwk).unwrap(), algorithm, &token),
            "{key:?}"
        );

        let pem = key.public_pem().unwrap();
        let from_pem = match key.algorithm() {
            SigningAlgorithm::Rs256 => DecodingKey::from_rsa_pem(pem.as_bytes()),
            SigningAlgorithm::Es256 => DecodingKey::from_ec_pem(pem.as_bytes()),
            SigningAlgorithm::EdDsa => DecodingKey::from_ed_pem(pem.as_bytes()),
        };
        assert!(accepts(&from_pem.unwrap(), algorithm, &token), "{key:?}");
        assert!(pem.lines().all(|line| line.len() <= PEM_LINE_CHARACTERS));
    }
}

#[test]
fn another_key_of_the_same_algorithm_does_not_verify() {
    for key in &KEYS[1..] {
        let other = SigningKey::generate(key.algorithm()).unwrap();
        let jwk: Jwk = serde_json::from_value(other.public_jwk()).unwrap();
        assert!(!accepts(
            &DecodingKey::from_jwk(&jwk).unwrap(),
            oracle_algorithm(key),
            &token(key)
        ));
        assert_ne!(key.kid(), other.kid());
    }
}

#[test]
fn kid_is_the_thumbprint_the_oracle_computes() {
    for key in KEYS.iter() {
        let jwk: Jwk = serde_json::from_value(key.public_jwk()).unwrap();
        assert_eq!(key.kid(), jwk.thumbprint(ThumbprintHash::SHA256).unwrap());
        assert_eq!(jwk.common.key_id.as_deref(), Some(key.kid()));
    }
}

#[test]
fn thumbprint_agrees_with_rfc_8037_appendix_a3() {
    let members = Members::Ed25519 {
        x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".to_owned(),
    };
    assert_eq!(
        members.thumbprint(),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    );
}

#[test]
fn published_jwk_has_no_private_member() {
    for key in KEYS.iter() {
        let jwk = key.public_jwk();
        let members: Vec<&str> = jwk
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let expected: &[&str] = match key.algorithm() {
            SigningAlgorithm::Rs256 => &["alg", "e", "kid", "kty", "n", "use"],
            SigningAlgorithm::Es256 => &["alg", "crv", "kid", "kty", "use", "x", "y"],
            SigningAlgorithm::EdDsa => &["alg", "crv", "kid", "kty", "use", "x"],
        };
        let mut members = members;
        members.sort_unstable();
        assert_eq!(members, expected);
        assert_eq!(jwk["use"], "sig");
        assert_eq!(jwk["alg"], key.algorithm().name());
    }
}

#[test]
fn stored_key_is_the_same_key_and_opens_only_with_its_algorithm() {
    for key in KEYS.iter() {
        let stored = key.private_bytes().unwrap();
        for algorithm in SigningAlgorithm::ALL {
            let reopened = SigningKey::from_pkcs8(algorithm, &stored);
            if algorithm == key.algorithm() {
                let reopened = reopened.unwrap();
                assert_eq!(reopened.kid(), key.kid());
                assert!(key.verify("input", &reopened.sign("input").unwrap()));
            } else {
                assert_eq!(reopened.unwrap_err(), SigningError::Rejected);
            }
        }
        assert_eq!(
            SigningKey::from_pkcs8(key.algorithm(), &stored[1..]).unwrap_err(),
            SigningError::Rejected
        );
    }
}

#[test]
fn signatures_have_the_length_of_the_standard_and_bind_the_input() {
    for (key, length) in KEYS.iter().zip([256, 64, 64]) {
        let signature = key.sign("header.claims").unwrap();
        assert_eq!(signature.len(), length);
        assert!(key.verify("header.claims", &signature));
        assert!(!key.verify("header.claimz", &signature));
        assert!(!key.verify("header.claims", &signature[1..]));
    }
}

#[test]
fn debug_shows_no_private_bytes() {
    for key in KEYS.iter() {
        assert_eq!(
            format!("{key:?}"),
            format!(
                "SigningKey({}, kid `{}`)",
                key.algorithm().name(),
                key.kid()
            )
        );
    }
}
