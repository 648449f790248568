//! The parts of a request that a signature can cover (RFC 9421, section 2), and the signature base
//! that is made of them (section 2.5).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::SignatureError;
use super::content_digest::Body;
use super::fields::{Component, Covered, Item};

/// Hexadecimal digits of a percent-encoded byte.
const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// A request whose signature is made or checked.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The method, as sent.
    pub method: &'a str,
    /// The whole target: `https://api.example.com/orders?page=2`.
    pub target_uri: &'a str,
    /// Header fields, as sent. One name may stand several times.
    pub fields: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: Body<'a>,
}

/// A target URI in its parts.
struct Target<'a> {
    scheme: &'a str,
    authority: &'a str,
    path: &'a str,
    /// With its question mark; empty = none.
    query: &'a str,
}

impl<'a> Message<'a> {
    /// The bytes that are signed. An unknown component is an error, and so is one that the request
    /// does not have.
    pub(super) fn base(&self, covered: &Covered) -> Result<String, SignatureError> {
        let mut base = String::new();
        let mut seen: Vec<String> = Vec::with_capacity(covered.components.len());
        for component in &covered.components {
            let identifier = component.serialise();
            if seen.contains(&identifier) {
                return Err(SignatureError::Component);
            }
            let value = self.value(component)?;
            base.push_str(&format!("{identifier}: {value}\n"));
            seen.push(identifier);
        }
        base.push_str(&format!("\"@signature-params\": {}", covered.serialise()));
        Ok(base)
    }

    fn value(&self, component: &Component) -> Result<String, SignatureError> {
        if component.name == "@query-param" {
            return match component.parameters.as_slice() {
                [(key, Item::Text(name))] if key == "name" => self.query_parameter(name),
                _ => Err(SignatureError::Component),
            };
        }
        // `sf`, `key`, `bs`, `req` and `tr` change what is signed, and we know none of them.
        if !component.parameters.is_empty() {
            return Err(SignatureError::Component);
        }
        let target = || Target::split(self.target_uri);
        match component.name.as_str() {
            "@method" => token(self.method),
            "@target-uri" => target().map(|_| self.target_uri.to_string()),
            "@authority" => target().map(|it| it.normal_authority()),
            "@scheme" => target().map(|it| it.scheme.to_ascii_lowercase()),
            "@path" => target().map(|it| it.path.to_string()),
            "@query" => target().map(|it| match it.query {
                "" => "?".to_string(),
                query => query.to_string(),
            }),
            "@request-target" => target().map(|it| format!("{}{}", it.path, it.query)),
            name => self.field(name),
        }
    }

    /// RFC 9421, section 2.1.
    pub(super) fn field(&self, name: &str) -> Result<String, SignatureError> {
        let lower =
            |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&c);
        if name.is_empty() || !name.bytes().all(lower) {
            return Err(SignatureError::Component);
        }
        let mut values = Vec::new();
        for (_, value) in self
            .fields
            .iter()
            .filter(|(it, _)| it.eq_ignore_ascii_case(name))
        {
            // A line end would be a folded field (RFC 9112, 5.2), or a forged line of the base.
            if value.contains(|c: char| c.is_control() && c != '\t') {
                return Err(SignatureError::Component);
            }
            values.push(value.trim_matches([' ', '\t']));
        }
        if values.is_empty() {
            return Err(SignatureError::Component);
        }
        Ok(values.join(", "))
    }

    /// RFC 9421, section 2.2.8: exactly one parameter of this name, decoded and encoded anew.
    fn query_parameter(&self, name: &str) -> Result<String, SignatureError> {
        let query = Target::split(self.target_uri)?.query;
        let mut found = None;
        for pair in query.trim_start_matches('?').split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if form_encode(&form_decode(key)) == name {
                if found.is_some() {
                    return Err(SignatureError::Component);
                }
                found = Some(form_encode(&form_decode(value)));
            }
        }
        found.ok_or(SignatureError::Component)
    }
}

impl<'a> Target<'a> {
    /// RFC 3986, section 3, as far as `http` and `https` go. No fragment, which is never sent, and no
    /// user name.
    fn split(text: &'a str) -> Result<Self, SignatureError> {
        let printable = text.bytes().all(|b| b.is_ascii_graphic());
        if !printable || text.contains('#') {
            return Err(SignatureError::Component);
        }
        let (scheme, rest) = text.split_once("://").ok_or(SignatureError::Component)?;
        let known = ["http", "https"]
            .iter()
            .any(|it| it.eq_ignore_ascii_case(scheme));
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        if !known || authority.is_empty() || authority.contains('@') {
            return Err(SignatureError::Component);
        }
        let (path, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        Ok(Self {
            scheme,
            authority,
            path: if path.is_empty() { "/" } else { path },
            query,
        })
    }

    /// Lower case, without the scheme's own port (RFC 9421, section 2.2.3).
    fn normal_authority(&self) -> String {
        let authority = self.authority.to_ascii_lowercase();
        let port = if self.scheme.eq_ignore_ascii_case("https") {
            ":443"
        } else {
            ":80"
        };
        authority
            .strip_suffix(port)
            .map_or(authority.clone(), ToString::to_string)
    }
}

/// A method (RFC 9110, 9.1): case counts.
fn token(text: &str) -> Result<String, SignatureError> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if text.is_empty() || !text.bytes().all(fits) {
        return Err(SignatureError::Component);
    }
    Ok(text.to_string())
}

fn form_decode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, tail @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high << 4 | low);
                    rest = tail;
                }
                _ => bytes.push(b'%'),
            },
            _ => bytes.push(*first),
        }
    }
    bytes
}

fn digit(hex: u8) -> Option<u8> {
    char::from(hex)
        .to_digit(16)
        .and_then(|it| u8::try_from(it).ok())
}

fn form_encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"*-._".contains(byte) {
            text.push(char::from(*byte));
        } else {
            text.push('%');
            for nibble in [byte >> 4, byte & 0x0F] {
                text.push(
                    HEX.get(usize::from(nibble))
                        .map_or('0', |it| char::from(*it)),
                );
            }
        }
    }
    text
}
