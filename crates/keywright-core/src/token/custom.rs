//! Keys that an administrator supplies instead of having them minted (requirement A1): refused when
//! weak, and when they could be mistaken for one of the other forms.
//!
//! A single value cannot prove that it was drawn at random. The estimate assumes that it was, and then
//! takes away what looks like a pattern: repetitions, sequences, keyboard rows and stock words, an
//! alphabet that its repeated characters show to be small, words of a language, UUIDs. It refuses the
//! careless, not the deceitful: a pattern it does not know passes. In turn it refuses some random values
//! that hold just 128 bits; four more characters help.

use super::{
    entropy::{ENTROPY_BITS_MIN, bits_of},
    parse::{ParseError, Shape},
};

/// Why a supplied value is refused. It never holds the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakValue {
    /// Under 16 characters.
    #[error("a custom key needs at least 16 characters")]
    TooShort,
    /// Over 512 characters.
    #[error("a custom key may have at most 512 characters")]
    TooLong,
    /// A space or a character that is not visible ASCII: headers could change it on the way.
    #[error("a custom key may hold only visible ASCII characters, and no spaces")]
    InvalidCharacter,
    /// The form of an opaque, pair or JWT key, which a check would treat as such.
    #[error("a custom key must not look like a key that is issued here")]
    LooksIssued,
    /// Too easy to guess.
    #[error("the custom key is too easy to guess: about {estimated_bits} bits, 128 are needed")]
    LowEntropy {
        /// The estimate.
        estimated_bits: u32,
    },
}

/// Accepts a value of 16 to 512 visible ASCII characters that is estimated at 128 bits or more.
pub fn check(value: &str) -> Result<(), WeakValue> {
    match Shape::of(value) {
        Ok(Shape::Custom) => {}
        Ok(Shape::Printed(_) | Shape::Jwt) => return Err(WeakValue::LooksIssued),
        Err(ParseError::Empty | ParseError::TooShort) => return Err(WeakValue::TooShort),
        Err(ParseError::TooLong) => return Err(WeakValue::TooLong),
        Err(ParseError::InvalidCharacter) => return Err(WeakValue::InvalidCharacter),
        Err(ParseError::Checksum) => return Err(WeakValue::LooksIssued),
    }
    let estimated_bits = estimate_bits(value.as_bytes());
    if estimated_bits < ENTROPY_BITS_MIN {
        return Err(WeakValue::LowEntropy { estimated_bits });
    }
    Ok(())
}

/// Characters from which a repetition or sequence counts as one: in random text it is rare.
const PATTERN_LENGTH_MIN: usize = 4;
/// A symbol alone of its kind separates groups from this often on, and adds nothing.
const SEPARATOR_COUNT_MIN: usize = 3;
/// Characters to choose from while writing words: Diceware's 6^5 words have five letters, about.
const WORD_ALPHABET: usize = 6;
/// Percent of letters and digits in runs of letters, from which the value may be words.
const WORD_SHARE_MIN: usize = 60;
/// Percent of vowels in these runs: random letters have 19, languages 35 to 50.
const VOWEL_SHARE_MIN: usize = 30;
/// A UUID's version and variant are fixed: 122 bits are left, and in most versions far fewer.
const UUID_BITS_MAX: u32 = 122;
/// What people type when asked for a random key, with the rows of two keyboards.
const STOCK_TEXT: &[u8] = b"qwertyuiop|asdfghjkl|zxcvbnm|qwertzuiop|yxcvbnm|1qaz2wsx3edc|password|\
    passwort|secret|admin|apikey|changeme|token|default|example|letmein|welcome|test1234|deadbeef|cafebabe";

fn estimate_bits(value: &[u8]) -> u32 {
    let classes = Classes::of(value);
    let mut alphabet = classes.alphabet().min(alphabet_shown_by_collisions(value));
    if reads_as_words(value) {
        alphabet = alphabet.min(WORD_ALPHABET);
    }
    let bits = bits_of(unpredictable_length(value, classes.separator()), alphabet);
    if is_uuid(value) {
        bits.min(UUID_BITS_MAX)
    } else {
        bits
    }
}

/// Which characters occur, by class.
struct Classes {
    digits: bool,
    lower: bool,
    upper: bool,
    beyond_hexadecimal: bool,
    symbols: usize,
    only_symbol: Option<(u8, usize)>,
}

impl Classes {
    fn of(value: &[u8]) -> Self {
        let any = |class: fn(&u8) -> bool| value.iter().any(class);
        let symbols = (b'!'..=b'~')
            .filter(|byte| byte.is_ascii_punctuation() && value.contains(byte))
            .count();
        let first = value.iter().copied().find(u8::is_ascii_punctuation);
        Self {
            digits: any(u8::is_ascii_digit),
            lower: any(u8::is_ascii_lowercase),
            upper: any(u8::is_ascii_uppercase),
            beyond_hexadecimal: any(|byte| byte.is_ascii_alphabetic() && !byte.is_ascii_hexdigit()),
            symbols,
            only_symbol: first
                .filter(|_| symbols == 1)
                .map(|symbol| (symbol, value.iter().filter(|byte| **byte == symbol).count())),
        }
    }

    /// The one symbol that only separates groups, if there is one.
    fn separator(&self) -> Option<u8> {
        self.only_symbol
            .filter(|(_, count)| *count >= SEPARATOR_COUNT_MIN)
            .map(|(symbol, _)| symbol)
    }

    /// Characters the value could have been drawn from. Of symbols, only those seen count.
    fn alphabet(&self) -> usize {
        let letters = if self.beyond_hexadecimal { 26 } else { 6 };
        let symbols = if self.separator().is_some() {
            0
        } else {
            self.symbols
        };
        usize::from(self.digits) * 10
            + usize::from(self.lower) * letters
            + usize::from(self.upper) * letters
            + symbols
    }
}

/// Upper bound of the alphabet from how many pairs of places hold the same character: of `n` places
/// drawn from `a` characters, about `n(n-1)/2a` pairs do. Three standard deviations go to the value.
fn alphabet_shown_by_collisions(value: &[u8]) -> usize {
    let mut counts = [0_usize; 256];
    for byte in value {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let collisions: usize = counts
        .iter()
        .map(|count| count * count.saturating_sub(1) / 2)
        .sum();
    let pairs = value.len() * value.len().saturating_sub(1) / 2;
    let certain = collisions.saturating_sub(3 * collisions.isqrt());
    pairs.checked_div(certain).unwrap_or(usize::MAX).max(1)
}

/// Characters left when each repetition, sequence and stock text counts as one, separators as none.
fn unpredictable_length(value: &[u8], separator: Option<u8>) -> usize {
    let mut length = 0;
    let mut at = 0;
    while let Some((earlier, rest)) = value.split_at_checked(at)
        && let Some(first) = rest.first()
    {
        let pattern = sequence_length(rest)
            .max(repetition_length(earlier.len(), value))
            .max(stock_length(rest));
        let is_pattern = pattern >= PATTERN_LENGTH_MIN;
        if is_pattern || Some(*first) != separator {
            length += 1;
        }
        at += if is_pattern { pattern } else { 1 };
    }
    length
}

/// Length of the run at the start whose characters keep, rise or fall by one: `aaaa`, `3456`, `dcba`.
fn sequence_length(text: &[u8]) -> usize {
    let steps = || {
        text.windows(2).map(|pair| match pair {
            [left, right] => right.wrapping_sub(*left),
            _ => 0,
        })
    };
    match steps().next() {
        Some(step @ (0 | 1 | 255)) => 1 + steps().take_while(|other| *other == step).count(),
        _ => 1,
    }
}

/// Length of the longest text at `at` that has stood before, overlapping or not.
fn repetition_length(at: usize, value: &[u8]) -> usize {
    let rest = value.get(at..).unwrap_or_default();
    (0..at)
        .filter_map(|start| value.get(start..))
        .map(|known| common_length(rest, known))
        .max()
        .unwrap_or(0)
}

fn stock_length(text: &[u8]) -> usize {
    (0..STOCK_TEXT.len())
        .filter_map(|start| STOCK_TEXT.get(start..))
        .map(|known| common_length(text, known))
        .max()
        .unwrap_or(0)
}

/// Length of the common beginning; case does not tell texts apart.
fn common_length(left: &[u8], right: &[u8]) -> usize {
    left.iter()
        .zip(right)
        .take_while(|(left, right)| left.eq_ignore_ascii_case(right))
        .count()
}

/// Whether most of the value is runs of four or more letters of one case, with a language's vowels.
fn reads_as_words(value: &[u8]) -> bool {
    let (mut letters, mut vowels) = (0, 0);
    let same_run = |left: &u8, right: &u8| {
        (left.is_ascii_lowercase() && right.is_ascii_lowercase())
            || (left.is_ascii_uppercase() && right.is_ascii_uppercase())
    };
    for run in value
        .chunk_by(same_run)
        .filter(|run| run.len() >= PATTERN_LENGTH_MIN)
    {
        letters += run.len();
        vowels += run
            .iter()
            .filter(|byte| b"aeiouAEIOU".contains(byte))
            .count();
    }
    let alphanumeric = value
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .count();
    letters > 0
        && letters * 100 >= alphanumeric * WORD_SHARE_MIN
        && vowels * 100 >= letters * VOWEL_SHARE_MIN
}

/// Whether the value is a UUID (RFC 9562), with or without its hyphens.
fn is_uuid(value: &[u8]) -> bool {
    let digits = || value.iter().filter(|byte| **byte != b'-');
    let hyphens = value.len() - digits().count();
    digits().count() == 32
        && digits().all(u8::is_ascii_hexdigit)
        && match hyphens {
            4 => [8, 13, 18, 23]
                .iter()
                .all(|at| value.get(*at) == Some(&b'-')),
            // Without hyphens only the versions in use count: random digits look like some version.
            0 => {
                matches!(value.get(12), Some(b'1' | b'4' | b'7'))
                    && matches!(value.get(16), Some(b'8' | b'9' | b'a' | b'b' | b'A' | b'B'))
            }
            _ => false,
        }
}

/// Random values for this module's tests and others'.
#[cfg(test)]
pub(super) mod test_values {
    use alloc::string::String;

    use crate::token::{
        Alphabet,
        entropy::{Seeded, draw},
    };

    pub(in crate::token) fn random(alphabet: Alphabet, length: usize, seed: u64) -> String {
        let mut text = String::new();
        draw(
            &mut text,
            length,
            alphabet,
            &mut Seeded(seed.wrapping_mul(0xD134_2543_DE82_EF95)),
        );
        text
    }

    pub(in crate::token) fn base62(length: usize, seed: u64) -> String {
        random(Alphabet::Base62, length, seed)
    }
}

#[cfg(test)]
#[path = "custom_tests.rs"]
mod tests;
