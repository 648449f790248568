//! Which new passwords are refused (SP 800-63B-4, ASVS 6.2): too short, or among the first
//! that a guesser tries. There are no rules about kinds of characters, and no expiry.

use std::collections::HashSet;

/// Fewest characters of a password that stands alone (SP 800-63B-4).
pub const LENGTH_MIN: usize = 15;
/// Most characters: far above any real one, far below what would cost to hash.
pub const LENGTH_MAX: usize = 128;

/// Fewer different characters than this are a pattern, whatever the length.
const DIFFERENT_CHARACTERS_MIN: usize = 5;
/// Neighbours of the alphabet or keyboard in a row that count as one step of a sequence.
const SEQUENCE_LENGTH_MIN: usize = 4;
/// Characters outside sequences and common words that must remain.
const UNPREDICTABLE_CHARACTERS_MIN: usize = 8;
/// Shorter words of the context (a local part `jo`) stand in too many good pass phrases.
const CONTEXT_WORD_LENGTH_MIN: usize = 4;

/// Our own name is among the first that are tried against us.
const OWN_NAME: &str = "keywright";

/// Runs of keys, and how people continue them; also read backwards.
const SEQUENCES: [&str; 8] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "azertyuiop",
    "1q2w3e4r5t6y7u8i9o0p",
];

/// Words that long common passwords are put together of. Letters and digits only, lower case.
const COMMON_WORDS: [&str; 22] = [
    "correcthorsebatterystaple",
    "administrator",
    "password",
    "passw0rd",
    "p455w0rd",
    "passphrase",
    "iloveyou",
    "changeme",
    "letmein",
    "trustno1",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "starwars",
    "welcome",
    "default",
    "monkey",
    "dragon",
    "secret",
    "admin",
];

/// Why a password is refused; a sentence for the person, without the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Below [`LENGTH_MIN`].
    #[error(
        "a password needs at least {LENGTH_MIN} characters: a few words that do not belong together do well"
    )]
    TooShort,
    /// Above [`LENGTH_MAX`].
    #[error("a password may have at most {LENGTH_MAX} characters")]
    TooLong,
    /// One part over and over, or very few different characters.
    #[error("the password repeats the same characters: choose one that is harder to guess")]
    Repetitive,
    /// Little else than sequences and common words.
    #[error(
        "the password is made of common words or sequences: choose one that is harder to guess"
    )]
    Common,
    /// Holds a word that a guesser who knows the person or us tries first.
    #[error(
        "the password contains your name, your e-mail address or the name of this service: choose one that does not"
    )]
    Personal,
}

/// Whether a new password may be used. `context` holds words that must not be in it: the local
/// part of the e-mail address, the person's name, the tenant's name.
///
/// # Errors
/// [`WeakPassword`] with the first reason.
pub fn check(password: &str, context: &[&str]) -> Result<(), WeakPassword> {
    let length = password.chars().count();
    if length < LENGTH_MIN {
        return Err(WeakPassword::TooShort);
    }
    if length > LENGTH_MAX {
        return Err(WeakPassword::TooLong);
    }
    let lower: Vec<char> = password.to_lowercase().chars().collect();
    if is_repetitive(&lower) {
        return Err(WeakPassword::Repetitive);
    }
    let text: String = lower.iter().collect();
    let mut words = context
        .iter()
        .map(|word| word.trim().to_lowercase())
        .chain([OWN_NAME.to_owned()]);
    if words.any(|word| word.chars().count() >= CONTEXT_WORD_LENGTH_MIN && text.contains(&word)) {
        return Err(WeakPassword::Personal);
    }
    if unpredictable_characters(&text) < UNPREDICTABLE_CHARACTERS_MIN {
        return Err(WeakPassword::Common);
    }
    Ok(())
}

/// Whether the text is one part at least twice (the last time perhaps cut short), or made of few
/// different characters.
fn is_repetitive(text: &[char]) -> bool {
    let different: HashSet<_> = text.iter().collect();
    let repeats_every = |period: usize| {
        text.iter()
            .zip(text.iter().skip(period))
            .all(|(a, b)| a == b)
    };
    different.len() < DIFFERENT_CHARACTERS_MIN || (1..=text.len() / 2).any(repeats_every)
}

/// How many letters and digits are left without common words and sequences.
fn unpredictable_characters(text: &str) -> usize {
    let mut rest: String = text
        .chars()
        .filter(|letter| letter.is_alphanumeric())
        .collect();
    // A gap is left for each, so that what stands on both sides does not join into a new word.
    for word in COMMON_WORDS {
        rest = rest.replace(word, " ");
    }
    let letters: Vec<char> = rest.chars().collect();
    let mut remaining: usize = 0;
    let mut position = 0;
    while let Some(tail) = letters.get(position..).filter(|tail| !tail.is_empty()) {
        let run = sequence_length(tail);
        if run < SEQUENCE_LENGTH_MIN {
            remaining = remaining.saturating_add(usize::from(tail.first() != Some(&' ')));
        }
        position = position.saturating_add(if run < SEQUENCE_LENGTH_MIN { 1 } else { run });
    }
    remaining
}

/// Length of the longest sequence, forwards, backwards or of one character, that opens the text.
fn sequence_length(text: &[char]) -> usize {
    let same = text
        .iter()
        .take_while(|letter| Some(*letter) == text.first())
        .count();
    let common = |sequence: &[char]| {
        (0..sequence.len())
            .map(|start| {
                sequence
                    .iter()
                    .skip(start)
                    .zip(text)
                    .take_while(|(a, b)| a == b)
                    .count()
            })
            .max()
            .unwrap_or_default()
    };
    let along = SEQUENCES.iter().map(|sequence| {
        let forwards: Vec<char> = sequence.chars().collect();
        let backwards: Vec<char> = sequence.chars().rev().collect();
        common(&forwards).max(common(&backwards))
    });
    along.max().unwrap_or_default().max(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_counted_in_characters_and_bounded_on_both_sides() {
        assert_eq!(check("kürzerals15zch", &[]), Err(WeakPassword::TooShort));
        assert_eq!(check("mausgrüner baum", &[]), Ok(()));
        let long: String = ('a'..='z').cycle().step_by(5).take(LENGTH_MAX).collect();
        let unique = |length: usize| -> String {
            (0u32..)
                .filter_map(|n| char::from_u32(0x4e00 + n * 7))
                .take(length)
                .collect()
        };
        assert_eq!(check(&long, &[]), Err(WeakPassword::Repetitive));
        assert_eq!(check(&unique(LENGTH_MAX), &[]), Ok(()));
        assert_eq!(
            check(&unique(LENGTH_MAX + 1), &[]),
            Err(WeakPassword::TooLong)
        );
    }

    #[test]
    fn patterns_are_refused() {
        for password in [
            "aaaaaaaaaaaaaaaaaa",
            "abababababababab",
            "Tr0ub4dorTr0ub4dor",
            "xyzxyzxyzxyzxyzxy",
        ] {
            assert_eq!(
                check(password, &[]),
                Err(WeakPassword::Repetitive),
                "{password}"
            );
        }
    }

    #[test]
    fn common_words_and_sequences_are_refused() {
        for password in [
            "Password1234567",
            "correct horse battery staple",
            "qwertyuiopasdfghjkl",
            "1234567890123456",
            "abcdefghijklmnopq",
            "zyxwvutsrqponmlk9",
            "1q2w3e4r5t6y7u8i9o0p",
            "AdminAdmin!2345678",
            "iloveyou-iloveyou!",
            "welcome, password1!",
        ] {
            assert_eq!(
                check(password, &[]),
                Err(WeakPassword::Common),
                "{password}"
            );
        }
    }

    #[test]
    fn words_of_the_context_are_refused_in_any_case() {
        assert_eq!(
            check("Velvet-Anna.Meier-Tractor", &["anna.meier"]),
            Err(WeakPassword::Personal)
        );
        assert_eq!(
            check("my KeyWright login 77", &[]),
            Err(WeakPassword::Personal)
        );
        // Too short a word to mean anything.
        assert_eq!(check("banjo velvet tractor", &["jo"]), Ok(()));
        assert_eq!(check("banjo velvet tractor", &[""]), Ok(()));
    }

    #[test]
    fn ordinary_pass_phrases_are_accepted() {
        for password in [
            "velvet tractor moon",
            "mein Fahrrad ist blau",
            "X9$kqv!7RpL2mZe",
            "a perfectly good pass phrase",
        ] {
            assert_eq!(check(password, &["somebody"]), Ok(()), "{password}");
        }
    }
}
