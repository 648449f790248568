//! Tells the four printed forms apart. No look-up, no allocation, an answer for any input; a wrong
//! checksum ends here, before anything is asked of cache or store (design.md §2, step 1).

use alloc::vec::Vec;
use core::fmt;

use super::{
    base62, base64url,
    format::{EnvironmentTag, Prefix, TAIL_LENGTH_MIN},
    pair::Half,
};

/// Bytes of a presented key at most: a JWT with many scopes fits, and a header line holds it.
pub const TOKEN_BYTES_MAX: usize = 4096;
/// Bytes of a custom key at least: not even 19 visible characters can hold 128 bits.
pub const CUSTOM_BYTES_MIN: usize = 16;
/// Bytes of a custom key at most: more makes it no harder to guess.
pub const CUSTOM_BYTES_MAX: usize = 512;

/// How every JWT begins: base64url of `{"`.
pub(super) const JWT_START: &str = "eyJ";

/// A key as a caller presented it, by its form alone: nothing says yet that it was ever issued.
#[derive(Clone, Copy)]
pub enum Presented<'a> {
    /// An opaque key with a good checksum.
    Opaque {
        /// First part.
        prefix: &'a str,
        /// Second part.
        environment_tag: &'a str,
        /// The whole key.
        text: &'a str,
    },
    /// The public half of a pair, with a good checksum.
    PairPublic {
        /// First part.
        prefix: &'a str,
        /// Second part.
        environment_tag: &'a str,
        /// The whole public half.
        text: &'a str,
    },
    /// The secret half of a pair, with a good checksum.
    PairSecret {
        /// First part.
        prefix: &'a str,
        /// Second part.
        environment_tag: &'a str,
        /// The whole secret half.
        text: &'a str,
    },
    /// Three base64url parts; neither decoded nor verified.
    Jwt {
        /// The whole token.
        text: &'a str,
    },
    /// Anything else that an administrator may have supplied.
    Custom {
        /// The whole value.
        text: &'a str,
    },
}

impl<'a> Presented<'a> {
    /// The whole key, which is what gets digested.
    pub const fn text(&self) -> &'a str {
        match *self {
            Self::Opaque { text, .. }
            | Self::PairPublic { text, .. }
            | Self::PairSecret { text, .. }
            | Self::Jwt { text }
            | Self::Custom { text } => text,
        }
    }

    /// The environment tag, for the forms that print one.
    pub const fn environment_tag(&self) -> Option<&'a str> {
        match *self {
            Self::Opaque {
                environment_tag, ..
            }
            | Self::PairPublic {
                environment_tag, ..
            }
            | Self::PairSecret {
                environment_tag, ..
            } => Some(environment_tag),
            Self::Jwt { .. } | Self::Custom { .. } => None,
        }
    }
}

impl fmt::Debug for Presented<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Opaque { .. } => "Opaque(..)",
            Self::PairPublic { .. } => "PairPublic(..)",
            Self::PairSecret { .. } => "PairSecret(..)",
            Self::Jwt { .. } => "Jwt(..)",
            Self::Custom { .. } => "Custom(..)",
        })
    }
}

/// Why a text cannot be a key. It never holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Nothing was presented.
    #[error("the key is empty")]
    Empty,
    /// Under [`CUSTOM_BYTES_MIN`] bytes.
    #[error("the key is shorter than any key can be")]
    TooShort,
    /// Over [`TOKEN_BYTES_MAX`] bytes, or over [`CUSTOM_BYTES_MAX`] and not a JWT.
    #[error("the key is longer than any key can be")]
    TooLong,
    /// A character that is not visible ASCII.
    #[error("the key holds a space or a character that no key holds")]
    InvalidCharacter,
    /// The form of a printed key, but its checksum does not match: mistyped or made up.
    #[error("the key's checksum does not match, it was mistyped or cut off")]
    Checksum,
}

/// Recognises a presented key. Surrounding spaces are not removed: that is the transport's matter.
pub fn parse(text: &str) -> Result<Presented<'_>, ParseError> {
    match Shape::of(text)? {
        Shape::Printed(printed) => {
            if !base62::checksum_holds(text) {
                return Err(ParseError::Checksum);
            }
            let Printed {
                prefix,
                environment_tag,
                kind,
            } = printed;
            Ok(match kind {
                PrintedKind::Opaque => Presented::Opaque {
                    prefix,
                    environment_tag,
                    text,
                },
                PrintedKind::PairPublic => Presented::PairPublic {
                    prefix,
                    environment_tag,
                    text,
                },
                PrintedKind::PairSecret => Presented::PairSecret {
                    prefix,
                    environment_tag,
                    text,
                },
            })
        }
        Shape::Jwt => Ok(Presented::Jwt { text }),
        Shape::Custom => Ok(Presented::Custom { text }),
    }
}

/// Which of the forms with a prefix a key has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrintedKind {
    /// A key on its own; secret.
    Opaque,
    /// The public half of a pair.
    PairPublic,
    /// The secret half of a pair.
    PairSecret,
}

/// What a key tells of itself offline (requirement A11). The checksum proves nothing but good typing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inspection<'a> {
    /// `{prefix}_{env}_...`.
    Printed {
        /// Opaque, or which half of a pair.
        kind: PrintedKind,
        /// First part.
        prefix: &'a str,
        /// Second part.
        environment_tag: &'a str,
        /// Whether the last six characters match the rest.
        checksum_valid: bool,
    },
    /// A JWT whose signature nobody has looked at. Both parts are bytes that claim to be JSON.
    UnverifiedJwt {
        /// The decoded header.
        header: Vec<u8>,
        /// The decoded claims.
        payload: Vec<u8>,
    },
    /// None of Keywright's own forms, but it may be a custom key.
    Custom,
    /// It cannot be a key.
    Unreadable(ParseError),
}

/// Says what can be read off a key without asking a server.
pub fn inspect(text: &str) -> Inspection<'_> {
    match Shape::of(text) {
        Err(error) => Inspection::Unreadable(error),
        Ok(Shape::Custom) => Inspection::Custom,
        Ok(Shape::Printed(Printed {
            prefix,
            environment_tag,
            kind,
        })) => Inspection::Printed {
            kind,
            prefix,
            environment_tag,
            checksum_valid: base62::checksum_holds(text),
        },
        Ok(Shape::Jwt) => {
            let mut parts = text.split('.').map(base64url::decode);
            match (parts.next().flatten(), parts.next().flatten()) {
                (Some(header), Some(payload)) => Inspection::UnverifiedJwt { header, payload },
                _ => Inspection::Unreadable(ParseError::InvalidCharacter),
            }
        }
    }
}

/// A key's outer form, before its checksum is looked at.
pub(super) enum Shape<'a> {
    Printed(Printed<'a>),
    Jwt,
    Custom,
}

/// The readable parts of `{prefix}_{env}_{tail}`.
pub(super) struct Printed<'a> {
    pub(super) prefix: &'a str,
    pub(super) environment_tag: &'a str,
    pub(super) kind: PrintedKind,
}

impl<'a> Shape<'a> {
    pub(super) fn of(text: &'a str) -> Result<Self, ParseError> {
        if text.is_empty() {
            return Err(ParseError::Empty);
        }
        if text.len() > TOKEN_BYTES_MAX {
            return Err(ParseError::TooLong);
        }
        if let Some(printed) = Printed::of(text) {
            return Ok(Self::Printed(printed));
        }
        if is_jwt(text) {
            return Ok(Self::Jwt);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ParseError::InvalidCharacter);
        }
        match text.len() {
            ..CUSTOM_BYTES_MIN => Err(ParseError::TooShort),
            CUSTOM_BYTES_MIN..=CUSTOM_BYTES_MAX => Ok(Self::Custom),
            _ => Err(ParseError::TooLong),
        }
    }
}

impl<'a> Printed<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (prefix, rest) = text.split_once('_')?;
        let (environment_tag, tail) = rest.split_once('_')?;
        let shaped = Prefix::is_valid(prefix)
            && EnvironmentTag::is_valid(environment_tag)
            && tail.len() >= TAIL_LENGTH_MIN
            && tail.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let kind = match Half::of(tail) {
            None => PrintedKind::Opaque,
            Some(Half::Public) => PrintedKind::PairPublic,
            Some(Half::Secret) => PrintedKind::PairSecret,
        };
        shaped.then_some(Self {
            prefix,
            environment_tag,
            kind,
        })
    }
}

fn is_jwt(text: &str) -> bool {
    let mut parts = 0;
    text.starts_with(JWT_START)
        && text.split('.').all(|part| {
            parts += 1;
            !part.is_empty() && part.bytes().all(base64url::is_digit)
        })
        && parts == 3
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
