//! Signed requests: HTTP Message Signatures (RFC 9421) with `hmac-sha256` and `Content-Digest`
//! (RFC 9530), so that the secret of a pair never travels. Stricter than the RFC where it leaves a
//! choice: what must be covered is fixed, and what is not understood is refused.

mod content_digest;
mod fields;
mod message;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};

pub use content_digest::{Body, content_digest};
pub use fields::FIELD_BYTES_MAX;
pub use message::Message;

use crate::time::Timestamp;
use fields::{Component, Covered, Item};

/// The only algorithm: the key says so, and `alg` may only repeat it (RFC 9421, 3.3.3).
pub const ALGORITHM: &str = "hmac-sha256";
/// The tag of our signatures. It may be left out, but not be another one.
pub const TAG: &str = "keywright-v1";
/// Milliseconds that `created` may lie from now, either way: clocks differ, and requests wait.
pub const SKEW_MS: i64 = 300 * 1_000;
/// Bytes of a nonce: a UUID, a hash in hexadecimal digits, and room.
pub const NONCE_BYTES_MAX: usize = 128;
/// The label under which [`sign`] puts its signature.
const LABEL: &str = "sig1";

/// What a request carries beside its message.
#[derive(Clone, Copy, Debug)]
pub struct Signature<'a> {
    /// The `Signature-Input` field.
    pub input: &'a str,
    /// The `Signature` field.
    pub value: &'a str,
}

/// A signature that is right. Whether it is used a second time is still to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// When it was made, by the signer's clock.
    pub created_at: Timestamp,
    /// The first half of SHA-256 of the nonce: what is to be remembered.
    pub nonce: [u8; 16],
}

/// Why a signature does not prove its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not the structured fields that RFC 9421 describes.
    #[error("a field of the signature is malformed")]
    Malformed,
    /// None, or more than one, with this `keyid` and our tag.
    #[error("there is not exactly one signature with this keyid")]
    KeyId,
    /// Another algorithm than the key's.
    #[error("the signature names another algorithm than {ALGORITHM}")]
    Algorithm,
    /// A parameter that is unknown, missing or of a wrong type.
    #[error("a parameter of the signature is unknown, missing or of a wrong type")]
    Parameter,
    /// A covered component that is unknown, or that the request does not have.
    #[error("a covered component is unknown, stands twice or is not in the request")]
    Component,
    /// Too little is covered.
    #[error(
        "the signature must cover @method, @target-uri, and content-digest when there is a body"
    )]
    Coverage,
    /// An insecure or unknown digest.
    #[error("content-digest must use sha-256 or sha-512")]
    DigestAlgorithm,
    /// The body is another one than the digest says.
    #[error("the body is not the one that content-digest describes")]
    BodyDiffers,
    /// Not signed with the key's secret, or changed afterwards.
    #[error("the signature does not match")]
    Mismatch,
    /// Right, but made too long ago, in the future, or past its own end. Only told of a signature
    /// that matches.
    #[error("the signature is too old, from the future, or past its end")]
    Stale,
}

/// The parameters that we understand.
struct Known<'a> {
    created: i64,
    expires: Option<i64>,
    nonce: &'a str,
}

/// Whether the request was signed with the secret of the pair whose public key is `keyid`, lately.
///
/// # Errors
/// The first reason why not; [`SignatureError::Stale`] only after the signature itself is right.
pub fn verify(
    message: &Message<'_>,
    signature: Signature<'_>,
    keyid: &str,
    secret: &[u8],
    now: Timestamp,
) -> Result<Verified, SignatureError> {
    let (label, covered) = choose(signature.input, keyid)?;
    let known = known(&covered)?;
    check_coverage(message, &covered)?;
    let value = fields::byte_sequences(signature.value)?
        .into_iter()
        .find_map(|(it, value)| (it == label).then_some(value))
        .ok_or(SignatureError::Malformed)?;
    if !matches_mac(secret, &message.base(&covered)?, &value) {
        return Err(SignatureError::Mismatch);
    }
    let created_at = live(&known, now).ok_or(SignatureError::Stale)?;
    Ok(Verified {
        created_at,
        nonce: mark(known.nonce),
    })
}

/// The `keyid` of the one signature that can be ours; which key a request claims to be signed by.
///
/// # Errors
/// When the field is malformed, or the claim ambiguous.
pub fn claimed_keyid(input: &str) -> Result<String, SignatureError> {
    let mut claims = fields::covered(input)?
        .into_iter()
        .filter(|(_, covered)| has_our_tag(covered))
        .filter_map(|(_, covered)| text(&covered, "keyid").map(ToString::to_string));
    match (claims.next(), claims.next()) {
        (Some(keyid), None) => Ok(keyid),
        _ => Err(SignatureError::KeyId),
    }
}

/// What [`sign`] adds to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedFields {
    /// `Content-Digest`, when there is a body.
    pub content_digest: Option<String>,
    /// `Signature-Input`.
    pub input: String,
    /// `Signature`.
    pub value: String,
}

/// Who signs, and when.
#[derive(Clone, Copy)]
pub struct Signer<'a> {
    /// The pair's public key.
    pub keyid: &'a str,
    /// The pair's secret.
    pub secret: &'a [u8],
    /// Now.
    pub created_at: Timestamp,
    /// Until when it may be used; `None` = as long as the verifier allows.
    pub expires_at: Option<Timestamp>,
    /// A text that is never used again.
    pub nonce: &'a str,
}

/// Signs a request: method, target and body always, and the `fields` of the message. A message that
/// has a `content-digest` field among them keeps it.
///
/// # Errors
/// A field, target or method that cannot be signed; a nonce that is empty or too long.
pub fn sign(message: &Message<'_>, signer: Signer<'_>) -> Result<SignedFields, SignatureError> {
    let digest = match message.body {
        Body::Bytes([]) => None,
        Body::Bytes(bytes) => Some(content_digest(bytes)),
        Body::Digest(text) => Some(text.to_string()),
    };
    let mut fields: Vec<(&str, &str)> = message.fields.to_vec();
    if message.field("content-digest").is_err()
        && let Some(digest) = &digest
    {
        fields.push(("content-digest", digest));
    }
    let mut names = Vec::from(["@method".to_string(), "@target-uri".to_string()]);
    for (name, _) in &fields {
        let name = name.to_ascii_lowercase();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let covered = Covered {
        components: names
            .into_iter()
            .map(|name| Component {
                name,
                parameters: Vec::new(),
            })
            .collect(),
        parameters: parameters(&signer),
    };
    known(&covered)?;
    let message = Message {
        fields: &fields,
        ..*message
    };
    check_coverage(&message, &covered)?;
    let value = mac(signer.secret, &message.base(&covered)?);
    Ok(SignedFields {
        content_digest: digest,
        input: format!("{LABEL}={}", covered.serialise()),
        value: format!("{LABEL}=:{}:", fields::to_base64(&value)),
    })
}

fn parameters(signer: &Signer<'_>) -> fields::Parameters {
    let mut parameters = Vec::from([(
        "created".to_string(),
        Item::Integer(signer.created_at.seconds()),
    )]);
    if let Some(end) = signer.expires_at {
        parameters.push(("expires".to_string(), Item::Integer(end.seconds())));
    }
    for (key, value) in [
        ("nonce", signer.nonce),
        ("keyid", signer.keyid),
        ("alg", ALGORITHM),
        ("tag", TAG),
    ] {
        parameters.push((key.to_string(), Item::Text(value.to_string())));
    }
    parameters
}

/// The one signature of this key. Those of others (a proxy's, say) are passed over.
fn choose(input: &str, keyid: &str) -> Result<(String, Covered), SignatureError> {
    let ours = |covered: &Covered| text(covered, "keyid") == Some(keyid) && has_our_tag(covered);
    let mut found = fields::covered(input)?
        .into_iter()
        .filter(|(_, covered)| ours(covered));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        _ => Err(SignatureError::KeyId),
    }
}

fn parameter<'a>(covered: &'a Covered, name: &str) -> Option<&'a Item> {
    covered
        .parameters
        .iter()
        .find_map(|(key, value)| (key == name).then_some(value))
}

fn text<'a>(covered: &'a Covered, name: &str) -> Option<&'a str> {
    match parameter(covered, name) {
        Some(Item::Text(text)) => Some(text),
        _ => None,
    }
}

fn has_our_tag(covered: &Covered) -> bool {
    parameter(covered, "tag").is_none() || text(covered, "tag") == Some(TAG)
}

fn known(covered: &Covered) -> Result<Known<'_>, SignatureError> {
    let (mut created, mut expires, mut nonce) = (None, None, None);
    for (key, value) in &covered.parameters {
        match (key.as_str(), value) {
            ("created", Item::Integer(at)) => created = Some(*at),
            ("expires", Item::Integer(at)) => expires = Some(*at),
            ("nonce", Item::Text(text)) => nonce = Some(text.as_str()),
            ("alg", Item::Text(text)) if text == ALGORITHM => {}
            ("alg", _) => return Err(SignatureError::Algorithm),
            ("keyid" | "tag", Item::Text(_)) => {}
            _ => return Err(SignatureError::Parameter),
        }
    }
    let nonce = nonce.filter(|it| (1..=NONCE_BYTES_MAX).contains(&it.len()));
    match (created, nonce) {
        (Some(created), Some(nonce)) => Ok(Known {
            created,
            expires,
            nonce,
        }),
        _ => Err(SignatureError::Parameter),
    }
}

/// The method, the whole target, and the body.
fn check_coverage(message: &Message<'_>, covered: &Covered) -> Result<(), SignatureError> {
    let covers = |name: &str| {
        covered
            .components
            .iter()
            .any(|it| it.name == name && it.parameters.is_empty())
    };
    let target = covers("@target-uri")
        || ["@authority", "@path", "@query"]
            .iter()
            .all(|it| covers(it));
    let digested = covers("content-digest");
    let body = message.body != Body::Bytes(&[]);
    if !covers("@method") || !target || (body && !digested) {
        return Err(SignatureError::Coverage);
    }
    if digested {
        content_digest::matches(&message.field("content-digest")?, message.body)?;
    }
    Ok(())
}

/// When it was made, if that was lately. At the very moment of `expires` it has ended.
fn live(known: &Known<'_>, now: Timestamp) -> Option<Timestamp> {
    let created_at = Timestamp::from_seconds(known.created)?;
    let age = now.milliseconds() - created_at.milliseconds();
    let ended = match known.expires {
        Some(end) => Timestamp::from_seconds(end)? <= now,
        None => false,
    };
    (age.abs() <= SKEW_MS && !ended).then_some(created_at)
}

fn mark(nonce: &str) -> [u8; 16] {
    let digest: [u8; 32] = Sha256::digest(nonce.as_bytes()).into();
    digest.first_chunk::<16>().copied().unwrap_or_default()
}

fn prepared(secret: &[u8], base: &str) -> Option<Hmac<Sha256>> {
    // HMAC takes keys of every length.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    mac.update(base.as_bytes());
    Some(mac)
}

fn mac(secret: &[u8], base: &str) -> Vec<u8> {
    prepared(secret, base).map_or_else(Vec::new, |mac| mac.finalize().into_bytes().to_vec())
}

/// In a time that does not depend on where they differ.
fn matches_mac(secret: &[u8], base: &str, value: &[u8]) -> bool {
    prepared(secret, base).is_some_and(|mac| mac.verify_slice(value).is_ok())
}

#[cfg(test)]
mod tests;
