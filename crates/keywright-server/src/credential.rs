//! The credential that a request carries, read from its headers. One request carries one
//! credential; where it may stand is requirement H4 and RFC 6750.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Uri, header};
use keywright_api::code::Code;
use keywright_core::secret::Secret;

use crate::csrf;
use crate::error::{ApiError, ApiResult};

/// The header of a key.
pub const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// The header of a pair's secret.
pub const X_API_SECRET: HeaderName = HeaderName::from_static("x-api-secret");
/// Query parameters in which others accept keys. Here they are refused with a sentence that says
/// so, because a key in a URL ends up in logs and histories (RFC 9700, 4.3.2).
const QUERY_NAMES: [&str; 3] = ["api_key", "access_token", "key"];

/// What was presented.
#[derive(Debug)]
pub struct Credential {
    /// The key or token; of a pair, its public part.
    pub key: Secret,
    /// The secret of a pair.
    pub secret: Option<Secret>,
}

impl Credential {
    /// The credential of a request, if it carries one.
    ///
    /// # Errors
    /// `invalid_request` when it carries two, or one that cannot be read, or one in the URL.
    pub fn from_parts(parts: &Parts) -> ApiResult<Option<Self>> {
        refuse_query(parts.uri.query().unwrap_or_default())?;
        let bearer = single(&parts.headers, &header::AUTHORIZATION)?;
        let key = single(&parts.headers, &X_API_KEY)?;
        let secret = single(&parts.headers, &X_API_SECRET)?;
        match (bearer, key, secret) {
            (Some(_), Some(_), _) => Err(malformed("two credentials were presented; send one")),
            (None, None, Some(_)) => Err(malformed("`X-API-Secret` was sent without `X-API-Key`")),
            (None, None, None) => Ok(None),
            (None, Some(key), secret) => Ok(Some(Self {
                key: Secret::new(key.to_owned()),
                secret: secret.map(|secret| Secret::new(secret.to_owned())),
            })),
            (Some(authorization), None, secret) => {
                let mut credential = authorization_header(authorization)?;
                if let Some(secret) = secret {
                    if credential.secret.is_some() {
                        return Err(malformed("two secrets were presented; send one"));
                    }
                    credential.secret = Some(Secret::new(secret.to_owned()));
                }
                Ok(Some(credential))
            }
        }
    }
}

/// Whether a request carries a credential, good or not, in any place that some door looks at.
#[must_use]
pub fn is_carried(uri: &Uri, headers: &HeaderMap) -> bool {
    let carriers = [header::AUTHORIZATION, X_API_KEY, X_API_SECRET];
    carriers.iter().any(|name| headers.contains_key(name))
        || stands_in(uri.query().unwrap_or_default())
        || csrf::carries_cookie(headers)
}

fn authorization_header(value: &str) -> ApiResult<Credential> {
    let (scheme, rest) = value
        .split_once(' ')
        .ok_or_else(|| malformed("`Authorization` reads `Bearer <key>` or `Basic <pair>`"))?;
    let rest = rest.trim_matches(' ');
    if scheme.eq_ignore_ascii_case("bearer") {
        let token68 = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
        if rest.is_empty() || !rest.bytes().all(token68) {
            return Err(malformed(
                "the bearer token has characters that RFC 6750 does not allow",
            ));
        }
        return Ok(Credential {
            key: Secret::new(rest.to_owned()),
            secret: None,
        });
    }
    if scheme.eq_ignore_ascii_case("basic") {
        return basic(rest);
    }
    Err(malformed(
        "`Authorization` is accepted with the schemes Bearer and Basic",
    ))
}

/// RFC 7617: the public key as the user, the secret as the password.
fn basic(encoded: &str) -> ApiResult<Credential> {
    let problem = || malformed("`Basic` carries base64 of `<key>:<secret>`");
    let text = STANDARD.decode(encoded).map_err(|_| problem())?;
    let text = String::from_utf8(text).map_err(|_| problem())?;
    let (key, secret) = text.split_once(':').ok_or_else(problem)?;
    Ok(Credential {
        key: Secret::new(key.to_owned()),
        secret: (!secret.is_empty()).then(|| Secret::new(secret.to_owned())),
    })
}

fn refuse_query(query: &str) -> ApiResult<()> {
    if stands_in(query) {
        return Err(malformed(
            "a key in the URL ends up in logs; send it in the `Authorization` header",
        ));
    }
    Ok(())
}

fn stands_in(query: &str) -> bool {
    let mut names = url::form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name);
    !query.is_empty() && names.any(|name| QUERY_NAMES.contains(&&*name))
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> ApiResult<Option<&'a str>> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(malformed(format!("the header `{name}` was sent twice")));
    }
    let text = value
        .to_str()
        .map_err(|_| malformed(format!("`{name}` is not plain ASCII")))?;
    Ok(Some(text))
}

fn malformed(sentence: impl Into<String>) -> ApiError {
    ApiError::new(Code::InvalidRequest).describe(sentence)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    fn read(uri: &str, headers: &[(&str, &str)]) -> Result<Option<(String, Option<String>)>, Code> {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        Credential::from_parts(&parts)
            .map_err(|error| error.code())
            .map(|found| {
                found.map(|it| {
                    (
                        it.key.expose().to_owned(),
                        it.secret.map(|secret| secret.expose().to_owned()),
                    )
                })
            })
    }

    #[test]
    fn every_way_to_present_a_key_is_read() {
        let plain = |key: &str| Ok(Some((key.to_owned(), None)));
        assert_eq!(read("/", &[]), Ok(None));
        assert_eq!(read("/", &[("authorization", "Bearer abc")]), plain("abc"));
        assert_eq!(
            read("/", &[("authorization", "bEARER   abc")]),
            plain("abc")
        );
        assert_eq!(read("/", &[("x-api-key", "abc")]), plain("abc"));
        let pair = Ok(Some(("abc".to_owned(), Some("def".to_owned()))));
        assert_eq!(
            read("/", &[("x-api-key", "abc"), ("x-api-secret", "def")]),
            pair
        );
        assert_eq!(read("/", &[("authorization", "Basic YWJjOmRlZg==")]), pair);
    }

    #[test]
    fn two_credentials_and_unreadable_ones_are_refused() {
        for headers in [
            &[("authorization", "Bearer a"), ("x-api-key", "b")][..],
            &[("authorization", "Bearer a"), ("authorization", "Bearer a")],
            &[("x-api-secret", "b")],
            &[("authorization", "Bearer")],
            &[("authorization", "Bearer ")],
            &[("authorization", "Bearer a b")],
            &[("authorization", "Digest a")],
            &[("authorization", "Basic !")],
            &[("authorization", "Basic YWJj")],
        ] {
            assert_eq!(read("/", headers), Err(Code::InvalidRequest), "{headers:?}");
        }
    }

    #[test]
    fn a_key_in_the_url_is_refused() {
        assert_eq!(read("/x?api_key=abc", &[]), Err(Code::InvalidRequest));
        assert_eq!(read("/x?api%5Fkey=abc", &[]), Err(Code::InvalidRequest));
        assert_eq!(read("/x?page=1", &[]), Ok(None));
    }
}
