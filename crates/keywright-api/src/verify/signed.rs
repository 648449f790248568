//! A signed request in a check: what the signature covers, as the verifier saw it.

use std::fmt;

use keywright_core::signature::{Body, Message, Signature};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::{OriginalRequest, VerifyRequest};
use crate::error::Problems;
use crate::json::Object;
use crate::text::Text;

/// Header fields of one check: a signature covers a handful.
const HEADERS_MAX: usize = 64;

/// The signature of the original request (RFC 9421), instead of the secret of a pair.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestSignature<'a> {
    /// The `Signature-Input` header.
    #[serde(borrow)]
    #[schema(value_type = String)]
    pub signature_input: Text<'a>,
    /// The `Signature` header.
    #[serde(borrow)]
    #[schema(value_type = String)]
    pub signature: Text<'a>,
    /// What `Content-Digest` must be for the body that arrived; the verifier makes it itself. Left out =
    /// there was no body.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>, example = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:")]
    pub body_digest: Option<Text<'a>>,
}

/// Header fields by name, each once; several lines of one name are joined with `, `.
#[derive(Debug, Default)]
pub struct Headers<'a>(Vec<(Text<'a>, Text<'a>)>);

/// A signed request, borrowed from a check.
pub struct SignedRequest<'a> {
    method: &'a str,
    target_uri: &'a str,
    fields: Vec<(&'a str, &'a str)>,
    body: Body<'a>,
    /// The signature.
    pub signature: Signature<'a>,
}

impl SignedRequest<'_> {
    /// What was signed.
    #[must_use]
    pub fn message(&self) -> Message<'_> {
        Message {
            method: self.method,
            target_uri: self.target_uri,
            fields: &self.fields,
            body: self.body,
        }
    }
}

impl VerifyRequest<'_> {
    /// The signed request, if the check brings one.
    #[must_use]
    pub fn signed(&self) -> Option<SignedRequest<'_>> {
        let Object(signature) = self.signature.as_ref()?;
        let Object(request) = self.request.as_ref()?;
        let fields = request.headers.iter().flat_map(|headers| &headers.0);
        Some(SignedRequest {
            method: request.method.as_ref()?.as_str(),
            target_uri: request.target_uri.as_ref()?.as_str(),
            fields: fields
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect(),
            body: match &signature.body_digest {
                Some(digest) => Body::Digest(digest.as_str()),
                None => Body::Bytes(&[]),
            },
            signature: Signature {
                input: signature.signature_input.as_str(),
                value: signature.signature.as_str(),
            },
        })
    }

    /// Whether the parts of a signed request are all there.
    pub(super) fn check_signed(&self, problems: &mut Problems) {
        let Some(Object(signature)) = &self.signature else {
            if self.key.is_none() {
                problems.add("key", "is missing", "give the presented key");
            }
            return;
        };
        if self.secret.is_some() {
            let fix = "send either the signature or the secret";
            problems.add("secret", "stands beside a signature", fix);
        }
        let request = self.request.as_ref().map(|Object(request)| request);
        let has = |part: fn(&OriginalRequest<'_>) -> bool| request.is_some_and(part);
        if !has(|request| request.method.is_some()) {
            let fix = "give the method of the signed request";
            problems.add("request.method", "is missing", fix);
        }
        if !has(|request| request.target_uri.is_some()) {
            let fix = "give the whole URL of the signed request";
            problems.add("request.target_uri", "is missing", fix);
        }
        if has(|request| request.bytes.is_some_and(|bytes| bytes > 0))
            && signature.body_digest.is_none()
        {
            let fix = "give the `Content-Digest` of the body that arrived";
            problems.add(
                "signature.body_digest",
                "is missing, and there was a body",
                fix,
            );
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Headers<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeadersVisitor).map(Self)
    }
}

struct HeadersVisitor;

impl<'de> Visitor<'de> for HeadersVisitor {
    type Value = Vec<(Text<'de>, Text<'de>)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut headers: Self::Value = Vec::new();
        while let Some((name, value)) = members.next_entry::<Text<'de>, Text<'de>>()? {
            let known =
                |(it, _): &(Text<'de>, Text<'de>)| it.as_str().eq_ignore_ascii_case(name.as_str());
            if headers.iter().any(known) {
                return Err(A::Error::custom("duplicate field `headers`"));
            }
            if headers.len() == HEADERS_MAX {
                return Err(A::Error::invalid_length(
                    headers.len() + 1,
                    &"at most 64 headers",
                ));
            }
            headers.push((name, value));
        }
        Ok(headers)
    }
}

impl PartialSchema for Headers<'_> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some(
                "Header fields by name. Those that the signature covers are needed.",
            ))
            .additional_properties(Some(ObjectBuilder::new().schema_type(Type::String)))
            .into()
    }
}

impl ToSchema for Headers<'_> {}
