//! Cookie sessions and their protection against requests forged by other sites (trust S10, S12):
//! the browser must say that the request comes from this site, and the page must prove that it
//! could read the CSRF token.

use http::request::Parts;
use http::{HeaderMap, header};
use keywright_api::code::Code;
use keywright_core::user::Session;
use keywright_seal::derive::Purpose;

use crate::app::App;
use crate::error::{ApiError, ApiResult};

/// The cookie over TLS. The prefix binds it to this host and to TLS (RFC 6265bis).
const SECURE_NAME: &str = "__Host-sid";
/// The cookie over plain HTTP, where browsers refuse the other.
const PLAIN_NAME: &str = "sid";
/// The header that proves that the page could read the token.
const CSRF_HEADER: &str = "x-csrf-token";

/// The session cookie of a request, under the one name that this server gives it: over TLS a neighbouring
/// host cannot set it. Two of them are none: one was planted.
#[must_use]
pub fn cookie(app: &App, headers: &HeaderMap) -> Option<String> {
    let own = if is_secure(app) {
        SECURE_NAME
    } else {
        PLAIN_NAME
    };
    let mut found = cookies(headers)
        .filter(|(name, _)| *name == own)
        .map(|(_, value)| value);
    let first = found.next()?;
    found.next().is_none().then(|| first.to_owned())
}

/// Whether a request carries a session cookie, or several.
#[must_use]
pub fn carries_cookie(headers: &HeaderMap) -> bool {
    cookies(headers).next().is_some()
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == SECURE_NAME || *name == PLAIN_NAME)
}

fn is_secure(app: &App) -> bool {
    app.options.public_url.starts_with("https://")
}

/// The `Set-Cookie` that carries (or, empty, forgets) a session.
#[must_use]
pub fn set_cookie(app: &App, value: &str, life_seconds: u64) -> String {
    if is_secure(app) {
        format!(
            "{SECURE_NAME}={value}; Path=/; Max-Age={life_seconds}; Secure; HttpOnly; SameSite=Strict"
        )
    } else {
        format!("{PLAIN_NAME}={value}; Path=/; Max-Age={life_seconds}; HttpOnly; SameSite=Strict")
    }
}

/// The CSRF token of a session: derived, so that nothing is stored.
#[must_use]
pub fn token(app: &App, session: &Session) -> String {
    hex::encode(
        app.keyring
            .load()
            .authenticate(Purpose::Csrf, session.id.to_string().as_bytes()),
    )
}

/// Refuses a writing request that another site could have forged.
///
/// # Errors
/// `csrf_failed`.
pub fn check(app: &App, parts: &Parts, session: &Session) -> ApiResult<()> {
    if same_site(app, &parts.headers) && token_matches(app, &parts.headers, session) {
        Ok(())
    } else {
        Err(ApiError::new(Code::CsrfFailed))
    }
}

/// Refuses a browser that says that another site sent it. Whoever says nothing is no browser, and has
/// nothing that another site could use.
///
/// # Errors
/// `csrf_failed`.
pub fn check_site(app: &App, headers: &HeaderMap) -> ApiResult<()> {
    let says = headers.contains_key("sec-fetch-site") || headers.contains_key(header::ORIGIN);
    if says && !same_site(app, headers) {
        return Err(ApiError::new(Code::CsrfFailed));
    }
    Ok(())
}

/// `Sec-Fetch-Site` where the browser sends it, else `Origin`; a request with neither is not from
/// a browser that protects its user, and cookies are for browsers.
fn same_site(app: &App, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin == app.options.public_url,
        (None, None) => false,
    }
}

fn token_matches(app: &App, headers: &HeaderMap, session: &Session) -> bool {
    let presented = headers
        .get(CSRF_HEADER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| hex::decode(text).ok());
    // Tokens given out before the root key changed still hold.
    presented.is_some_and(|tag| {
        let message = session.id.to_string();
        app.keyring
            .load()
            .is_authentic(Purpose::Csrf, message.as_bytes(), &tag)
    })
}
