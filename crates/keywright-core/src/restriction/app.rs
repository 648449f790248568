//! Apps that may use a key: on Android a package signed by a certificate, on iOS a bundle.

use alloc::boxed::Box;
use core::fmt;
use core::str::FromStr;

use thiserror::Error;

/// Bytes of a package name or bundle identifier: what both stores accept.
pub const APP_ID_BYTES_MAX: usize = 255;
/// Bytes of a SHA-1 digest (FIPS 180-4).
const SHA1_BYTES: usize = 20;

/// A package name or bundle identifier: letters, digits, `.`, `-` and `_`, in labels with dots
/// between. Compared to the letter, as both systems do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppId(Box<str>);

/// The text does not name an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("is not an app's identifier such as `com.example.app`")]
pub struct InvalidAppId;

impl AppId {
    /// The identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AppId {
    type Err = InvalidAppId;

    fn from_str(text: &str) -> Result<Self, InvalidAppId> {
        let label = |label: &str| {
            let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
            !label.is_empty() && label.bytes().all(known)
        };
        let named = text.contains('.') && text.split('.').all(label);
        if named && text.len() <= APP_ID_BYTES_MAX {
            Ok(Self(text.into()))
        } else {
            Err(InvalidAppId)
        }
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The SHA-1 fingerprint of a signing certificate, as Android's tools print it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; SHA1_BYTES]);

/// The text is not a SHA-1 fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("is not a SHA-1 fingerprint: 20 bytes in hexadecimal, with or without colons between")]
pub struct InvalidFingerprint;

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    /// Colons stand between all bytes or between none.
    fn from_str(text: &str) -> Result<Self, InvalidFingerprint> {
        let colons = text.contains(':');
        let mut bytes = [0; SHA1_BYTES];
        let mut rest = text;
        for (index, byte) in bytes.iter_mut().enumerate() {
            if colons && index > 0 {
                rest = rest.strip_prefix(':').ok_or(InvalidFingerprint)?;
            }
            let (pair, after) = rest.split_at_checked(2).ok_or(InvalidFingerprint)?;
            // Without this, `from_str_radix` takes a sign.
            if !pair.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(InvalidFingerprint);
            }
            *byte = u8::from_str_radix(pair, 16).map_err(|_| InvalidFingerprint)?;
            rest = after;
        }
        if rest.is_empty() {
            Ok(Self(bytes))
        } else {
            Err(InvalidFingerprint)
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(formatter, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

/// An Android app, known by its name and by who signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AndroidApp {
    /// The package.
    pub package: AppId,
    /// The certificate that signed it.
    pub certificate: Fingerprint,
}

impl fmt::Display for AndroidApp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{};{}", self.package, self.certificate)
    }
}
