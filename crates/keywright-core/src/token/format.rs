//! What a tenant may choose about its printed keys: prefix, environment tag, alphabet and length.

use alloc::{boxed::Box, format, string::String};
use core::fmt;

use super::{
    base62::{self, CHECKSUM_LENGTH},
    entropy::{ENTROPY_BITS_MIN, bits_of},
};

/// Random characters by default: 190 bits in base62.
pub const RANDOM_LENGTH_DEFAULT: usize = 32;
/// Random characters at most: 512 bits even in hexadecimal; more only makes headers longer.
pub const RANDOM_LENGTH_MAX: usize = 128;

/// Characters of a prefix: long enough for a company's name, and never a lone letter.
const PREFIX_LENGTH_MIN: usize = 2;
const PREFIX_LENGTH_MAX: usize = 16;
/// Characters of an environment tag.
const ENVIRONMENT_TAG_LENGTH_MAX: usize = 16;
/// The shortest random part that any alphabet allows: 22 base62 characters are 130 bits.
const RANDOM_LENGTH_MIN: usize = 22;

/// The shortest `{random}{checksum}` that a printed key can end with.
pub(super) const TAIL_LENGTH_MIN: usize = RANDOM_LENGTH_MIN + CHECKSUM_LENGTH;

/// A choice about printed keys that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Not `[a-z][a-z0-9]{1,15}`.
    #[error("prefix `{0}` must be 2 to 16 lower-case letters and digits, and start with a letter")]
    Prefix(String),
    /// Not `[a-z0-9]{1,16}`.
    #[error("environment tag `{0}` must be 1 to 16 lower-case letters and digits")]
    EnvironmentTag(String),
    /// Too few random characters of this alphabet.
    #[error("{length} random characters hold {bits} bits, at least 128 are needed")]
    TooFewBits {
        /// The length asked for.
        length: usize,
        /// The bits it would have.
        bits: u32,
    },
    /// More random characters than [`RANDOM_LENGTH_MAX`].
    #[error("{length} random characters are too many, at most 128 are allowed")]
    TooLong {
        /// The length asked for.
        length: usize,
    },
}

/// First part of a printed key, `[a-z][a-z0-9]{1,15}`: says whose key it is (trust.md P1).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix(Box<str>);

impl Prefix {
    /// The prefix of a tenant that chose none.
    pub const DEFAULT: &'static str = "kw";

    /// Checks and takes over a prefix.
    pub fn new(text: &str) -> Result<Self, FormatError> {
        if Self::is_valid(text) {
            Ok(Self(text.into()))
        } else {
            Err(FormatError::Prefix(text.into()))
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn is_valid(text: &str) -> bool {
        (PREFIX_LENGTH_MIN..=PREFIX_LENGTH_MAX).contains(&text.len())
            && text.bytes().all(is_lower_alphanumeric)
            && text.starts_with(|first: char| first.is_ascii_lowercase())
    }
}

impl Default for Prefix {
    fn default() -> Self {
        Self(Self::DEFAULT.into())
    }
}

/// Second part of a printed key, `[a-z0-9]{1,16}`: `live`, `test`, `dev`, or a tenant's own.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EnvironmentTag(Box<str>);

impl EnvironmentTag {
    /// `live`, of production keys.
    pub fn live() -> Self {
        Self("live".into())
    }

    /// `test`, of staging keys.
    pub fn test() -> Self {
        Self("test".into())
    }

    /// `dev`, of development keys.
    pub fn dev() -> Self {
        Self("dev".into())
    }

    /// Checks and takes over a tag.
    pub fn new(text: &str) -> Result<Self, FormatError> {
        if Self::is_valid(text) {
            Ok(Self(text.into()))
        } else {
            Err(FormatError::EnvironmentTag(text.into()))
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn is_valid(text: &str) -> bool {
        (1..=ENVIRONMENT_TAG_LENGTH_MAX).contains(&text.len())
            && text.bytes().all(is_lower_alphanumeric)
    }
}

/// Characters that the random part is drawn from. The checksum is base62 whichever is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Alphabet {
    /// `0-9A-Za-z`, the default: 5.95 bits a character.
    #[default]
    Base62,
    /// `0-9a-z`, for keys that are read aloud: 5.17 bits a character.
    Base36,
    /// `0-9a-f`: 4 bits a character.
    Hexadecimal,
}

impl Alphabet {
    /// Every alphabet.
    pub const ALL: [Self; 3] = [Self::Base62, Self::Base36, Self::Hexadecimal];

    /// The name that settings and rows use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Base62 => "base62",
            Self::Base36 => "base36",
            Self::Hexadecimal => "hexadecimal",
        }
    }

    /// The alphabet of this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|alphabet| alphabet.name() == name)
    }

    /// The characters, each once.
    pub const fn characters(self) -> &'static [u8] {
        match self {
            Self::Base62 => base62::DIGITS,
            Self::Base36 => b"0123456789abcdefghijklmnopqrstuvwxyz",
            Self::Hexadecimal => b"0123456789abcdef",
        }
    }

    /// The same as a character class of a regular expression.
    const fn pattern(self) -> &'static str {
        match self {
            Self::Base62 => "[0-9A-Za-z]",
            Self::Base36 => "[0-9a-z]",
            Self::Hexadecimal => "[0-9a-f]",
        }
    }
}

/// How a tenant's opaque and pair keys are printed. Never under 128 bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpaqueFormat {
    prefix: Prefix,
    random_length: usize,
    alphabet: Alphabet,
}

impl OpaqueFormat {
    /// Checks that `random_length` characters of this alphabet hold at least 128 bits and are at most
    /// [`RANDOM_LENGTH_MAX`].
    pub fn new(
        prefix: Prefix,
        random_length: usize,
        alphabet: Alphabet,
    ) -> Result<Self, FormatError> {
        if random_length > RANDOM_LENGTH_MAX {
            return Err(FormatError::TooLong {
                length: random_length,
            });
        }
        let bits = bits_of(random_length, alphabet.characters().len());
        if bits < ENTROPY_BITS_MIN {
            return Err(FormatError::TooFewBits {
                length: random_length,
                bits,
            });
        }
        Ok(Self {
            prefix,
            random_length,
            alphabet,
        })
    }

    /// The default length and alphabet with this prefix.
    pub fn with_prefix(prefix: Prefix) -> Self {
        Self {
            prefix,
            random_length: RANDOM_LENGTH_DEFAULT,
            alphabet: Alphabet::Base62,
        }
    }

    /// The prefix.
    pub fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// Number of random characters.
    pub fn random_length(&self) -> usize {
        self.random_length
    }

    /// Characters of the random part.
    pub fn alphabet(&self) -> Alphabet {
        self.alphabet
    }

    /// Bits of the random part, rounded down.
    pub fn entropy_bits(&self) -> u32 {
        bits_of(self.random_length, self.alphabet.characters().len())
    }
}

impl Default for OpaqueFormat {
    fn default() -> Self {
        Self::with_prefix(Prefix::default())
    }
}

/// Regular expression that finds this format's keys in source code, in the syntax that RE2, PCRE,
/// Hyperscan and Rust share (trust.md P3). It matches a pair's two halves too.
pub fn scanner_pattern(format: &OpaqueFormat) -> String {
    format!(
        r"\b{prefix}_[a-z0-9]{{1,{tag}}}_(?:pk|sk)?{class}{{{length}}}[0-9A-Za-z]{{{checksum}}}\b",
        prefix = format.prefix.as_str(),
        tag = ENVIRONMENT_TAG_LENGTH_MAX,
        class = format.alphabet.pattern(),
        length = format.random_length,
        checksum = CHECKSUM_LENGTH,
    )
}

const fn is_lower_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

impl fmt::Display for Prefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

impl fmt::Display for EnvironmentTag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for EnvironmentTag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use alloc::string::ToString;

    use super::*;

    #[test]
    fn prefix_boundaries() {
        for good in ["kw", "a1", "abcdefghijklmnop"] {
            assert_eq!(Prefix::new(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "k",
            "1k",
            "Kw",
            "k_w",
            "k-w",
            "kwé",
            "abcdefghijklmnopq",
        ] {
            assert_eq!(Prefix::new(bad), Err(FormatError::Prefix(bad.to_string())));
        }
        assert!(Prefix::is_valid(Prefix::DEFAULT));
    }

    #[test]
    fn environment_tag_boundaries() {
        for tag in [
            EnvironmentTag::live(),
            EnvironmentTag::test(),
            EnvironmentTag::dev(),
        ] {
            assert_eq!(EnvironmentTag::new(tag.as_str()), Ok(tag));
        }
        for good in ["0", "abcdefghijklmnop"] {
            assert_eq!(EnvironmentTag::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "Live", "li_ve", "abcdefghijklmnopq"] {
            assert_eq!(
                EnvironmentTag::new(bad),
                Err(FormatError::EnvironmentTag(bad.to_string()))
            );
        }
    }

    #[test]
    fn never_under_128_bits() {
        for (alphabet, least) in [
            (Alphabet::Base62, 22),
            (Alphabet::Base36, 25),
            (Alphabet::Hexadecimal, 32),
        ] {
            let format = OpaqueFormat::new(Prefix::default(), least, alphabet).unwrap();
            assert!(format.entropy_bits() >= 128);
            assert!(matches!(
                OpaqueFormat::new(Prefix::default(), least - 1, alphabet),
                Err(FormatError::TooFewBits { bits: ..128, .. })
            ));
            assert!(
                least >= RANDOM_LENGTH_MIN,
                "the parser would not recognise it"
            );
            assert!(OpaqueFormat::new(Prefix::default(), 128, alphabet).is_ok());
            assert!(OpaqueFormat::new(Prefix::default(), 129, alphabet).is_err());
        }
        assert_eq!(OpaqueFormat::default().entropy_bits(), 190);
    }

    #[test]
    fn alphabet_names_read_back() {
        for alphabet in Alphabet::ALL {
            assert_eq!(Alphabet::from_name(alphabet.name()), Some(alphabet));
        }
        assert_eq!(Alphabet::from_name("base64"), None);
    }

    #[test]
    fn scanner_pattern_of_the_default() {
        assert_eq!(
            scanner_pattern(&OpaqueFormat::default()),
            r"\bkw_[a-z0-9]{1,16}_(?:pk|sk)?[0-9A-Za-z]{32}[0-9A-Za-z]{6}\b"
        );
    }
}
