//! Keys that sign JWTs (RS256, ES256, EdDSA): made here, kept sealed, published as JWK.
//! What stands in a token, and how it is put together, is core's.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
    UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use keywright_core::token::jwt::SigningAlgorithm;
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// Characters a line of PEM (RFC 7468).
const PEM_LINE_CHARACTERS: usize = 64;

/// First byte of an uncompressed point (SEC 1), followed by both coordinates.
const UNCOMPRESSED_POINT: u8 = 0x04;
const COORDINATE_BYTES: usize = 32;

/// A private key that signs JWTs with one algorithm. RSA keys have 2048 bits.
pub struct SigningKey {
    pair: Pair,
    members: Members,
    kid: String,
}

enum Pair {
    Rs256(Box<RsaKeyPair>),
    Es256(Box<EcdsaKeyPair>),
    EdDsa(Box<Ed25519KeyPair>),
}

/// The public members of a JWK that make up its thumbprint, base64url (RFC 7518, RFC 8037).
enum Members {
    Rsa { n: String, e: String },
    P256 { x: String, y: String },
    Ed25519 { x: String },
}

/// A signing key cannot be made, read or used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// The cryptographic library failed.
    #[error("the signing key cannot be used")]
    Failed,
    /// The stored bytes are not a private key for this algorithm.
    #[error("the stored signing key is not a private key for its algorithm")]
    Rejected,
}

impl SigningKey {
    /// A new random key. RSA takes up to a second of one core: keep it off the async threads.
    ///
    /// # Errors
    /// [`SigningError::Failed`].
    pub fn generate(algorithm: SigningAlgorithm) -> Result<Self, SigningError> {
        let pair = match algorithm {
            SigningAlgorithm::Rs256 => RsaKeyPair::generate(KeySize::Rsa2048)
                .map(Box::new)
                .map(Pair::Rs256),
            SigningAlgorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
                .map(Box::new)
                .map(Pair::Es256),
            SigningAlgorithm::EdDsa => Ed25519KeyPair::generate().map(Box::new).map(Pair::EdDsa),
        };
        Self::new(pair.map_err(|_| SigningError::Failed)?)
    }

    /// The key from its stored form (PKCS#8 DER, as [`SigningKey::private_bytes`] gave it).
    ///
    /// # Errors
    /// [`SigningError::Rejected`].
    pub fn from_pkcs8(algorithm: SigningAlgorithm, pkcs8: &[u8]) -> Result<Self, SigningError> {
        let pair = match algorithm {
            SigningAlgorithm::Rs256 => RsaKeyPair::from_pkcs8(pkcs8).map(Box::new).map(Pair::Rs256),
            SigningAlgorithm::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
                    .map(Box::new)
                    .map(Pair::Es256)
            }
            SigningAlgorithm::EdDsa => Ed25519KeyPair::from_pkcs8(pkcs8)
                .map(Box::new)
                .map(Pair::EdDsa),
        };
        Self::new(pair.map_err(|_| SigningError::Rejected)?)
    }

    fn new(pair: Pair) -> Result<Self, SigningError> {
        let members = pair.members()?;
        let kid = members.thumbprint();
        Ok(Self { pair, members, kid })
    }

    /// The algorithm this key signs with; it never signs with another.
    pub fn algorithm(&self) -> SigningAlgorithm {
        match self.pair {
            Pair::Rs256(_) => SigningAlgorithm::Rs256,
            Pair::Es256(_) => SigningAlgorithm::Es256,
            Pair::EdDsa(_) => SigningAlgorithm::EdDsa,
        }
    }

    /// The key's id: its SHA-256 JWK thumbprint (RFC 7638), base64url.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The JWK to publish (RFC 7517): public members, `use`, `alg` and `kid`.
    pub fn public_jwk(&self) -> Value {
        let alg = self.algorithm().name();
        match &self.members {
            Members::Rsa { n, e } => {
                json!({"kty": "RSA", "use": "sig", "alg": alg, "kid": self.kid, "n": n, "e": e})
            }
            Members::P256 { x, y } => {
                json!({"kty": "EC", "use": "sig", "alg": alg, "kid": self.kid, "crv": "P-256", "x": x, "y": y})
            }
            Members::Ed25519 { x } => {
                json!({"kty": "OKP", "use": "sig", "alg": alg, "kid": self.kid, "crv": "Ed25519", "x": x})
            }
        }
    }

    /// The public key as PEM (SubjectPublicKeyInfo), which most JWT libraries accept.
    ///
    /// # Errors
    /// [`SigningError::Failed`].
    pub fn public_pem(&self) -> Result<String, SigningError> {
        let der: Result<PublicKeyX509Der<'_>, _> = match &self.pair {
            Pair::Rs256(pair) => pair.public_key().as_der(),
            Pair::Es256(pair) => pair.public_key().as_der(),
            Pair::EdDsa(pair) => pair.public_key().as_der(),
        };
        let mut body = STANDARD.encode(der.map_err(|_| SigningError::Failed)?.as_ref());
        let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
        while !body.is_empty() {
            let rest = body.split_off(PEM_LINE_CHARACTERS.min(body.len()));
            pem.push_str(&body);
            pem.push('\n');
            body = rest;
        }
        pem.push_str("-----END PUBLIC KEY-----\n");
        Ok(pem)
    }

    /// The private key to seal and store (PKCS#8 version 1, DER).
    ///
    /// # Errors
    /// [`SigningError::Failed`].
    pub fn private_bytes(&self) -> Result<Zeroizing<Vec<u8>>, SigningError> {
        let bytes = match &self.pair {
            Pair::Rs256(pair) => {
                AsDer::<Pkcs8V1Der<'_>>::as_der(pair.as_ref()).map(|der| der.as_ref().to_vec())
            }
            Pair::Es256(pair) => pair.to_pkcs8v1().map(|der| der.as_ref().to_vec()),
            Pair::EdDsa(pair) => {
                AsDer::<Pkcs8V1Der<'_>>::as_der(pair.as_ref()).map(|der| der.as_ref().to_vec())
            }
        };
        bytes.map(Zeroizing::new).map_err(|_| SigningError::Failed)
    }

    /// The signature over a JWS signing input, as RFC 7518 encodes it (ES256: 64 bytes, r then s).
    ///
    /// # Errors
    /// [`SigningError::Failed`].
    pub fn sign(&self, signing_input: &str) -> Result<Vec<u8>, SigningError> {
        let message = signing_input.as_bytes();
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map(|()| signature)
            }
            Pair::Es256(pair) => pair
                .sign(&random, message)
                .map(|signature| signature.as_ref().to_vec()),
            Pair::EdDsa(pair) => pair
                .try_sign(message)
                .map(|signature| signature.as_ref().to_vec()),
        }
        .map_err(|_| SigningError::Failed)
    }

    /// Whether this key made the signature.
    pub fn verify(&self, signing_input: &str, signature: &[u8]) -> bool {
        let message = signing_input.as_bytes();
        match &self.pair {
            Pair::Rs256(pair) => {
                UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref())
                    .verify(message, signature)
            }
            Pair::Es256(pair) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref())
                    .verify(message, signature)
            }
            Pair::EdDsa(pair) => UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref())
                .verify(message, signature),
        }
        .is_ok()
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "SigningKey({}, kid `{}`)",
            self.algorithm().name(),
            self.kid
        )
    }
}

impl Pair {
    fn members(&self) -> Result<Members, SigningError> {
        match self {
            Self::Rs256(pair) => {
                let key = pair.public_key();
                let n = encode(key.modulus().big_endian_without_leading_zero());
                let e = encode(key.exponent().big_endian_without_leading_zero());
                Ok(Members::Rsa { n, e })
            }
            Self::Es256(pair) => {
                let point = pair
                    .public_key()
                    .as_ref()
                    .strip_prefix(&[UNCOMPRESSED_POINT]);
                let (x, y) = point
                    .filter(|point| point.len() == 2 * COORDINATE_BYTES)
                    .and_then(|point| point.split_at_checked(COORDINATE_BYTES))
                    .ok_or(SigningError::Failed)?;
                Ok(Members::P256 {
                    x: encode(x),
                    y: encode(y),
                })
            }
            Self::EdDsa(pair) => Ok(Members::Ed25519 {
                x: encode(pair.public_key().as_ref()),
            }),
        }
    }
}

impl Members {
    /// SHA-256 over the required members in order of their names, without white space (RFC 7638).
    fn thumbprint(&self) -> String {
        // The values are base64url, so nothing in them needs escaping.
        let canonical = match self {
            Self::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
            Self::P256 { x, y } => format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#),
            Self::Ed25519 { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#),
        };
        encode(digest(&SHA256, canonical.as_bytes()).as_ref())
    }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests;
