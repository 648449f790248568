//! The checks that fields of many requests share. Each notes its problem with the field's path and
//! goes on, so that one answer names them all.

use std::fmt::Display;

use keywright_core::limits::{METADATA_BYTES_MAX, NAME_BYTES_MAX};
use keywright_core::time::{LAST_SECOND, Timestamp};
use keywright_core::user::normalise_email;
use serde_json::value::RawValue;

use crate::error::Problems;

/// Which characters a text may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lines {
    /// One line: no control characters at all.
    One,
    /// Several: tabs and line ends too.
    Many,
}

/// A text for people, trimmed; `None` when nothing is left.
pub(crate) fn text(
    path: &str,
    value: Option<&str>,
    bytes_max: usize,
    lines: Lines,
    problems: &mut Problems,
) -> Option<String> {
    let value = value?.trim();
    if value.len() > bytes_max {
        problems.add(
            path,
            format!("has {} bytes, more than {bytes_max}", value.len()),
            format!("shorten it to at most {bytes_max} bytes"),
        );
        return None;
    }
    let hidden = |c: char| match lines {
        Lines::Many if matches!(c, '\t' | '\n' | '\r') => false,
        Lines::One | Lines::Many => c.is_control() || turns_text_around(c),
    };
    if value.contains(hidden) {
        problems.add(path, "has control characters", "remove them");
        return None;
    }
    (!value.is_empty()).then(|| value.to_owned())
}

/// Characters that make a name read as another one (Unicode TR36, 2.10: bidirectional controls).
const fn turns_text_around(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A name for people that must be there.
pub(crate) fn name(path: &str, value: &str, problems: &mut Problems) -> Option<String> {
    if value.trim().is_empty() {
        problems.add(path, "is empty", "give a name");
        return None;
    }
    text(path, Some(value), NAME_BYTES_MAX, Lines::One, problems)
}

/// A list whose entries `read` understands, each at most once.
pub(crate) fn list<T: PartialEq, E: Display>(
    path: &str,
    values: &[String],
    count_max: usize,
    read: impl Fn(&str) -> Result<T, E>,
    problems: &mut Problems,
) -> Vec<T> {
    if values.len() > count_max {
        problems.add(
            path,
            format!("has {} entries, more than {count_max}", values.len()),
            format!("give at most {count_max}"),
        );
        return Vec::new();
    }
    let mut read_values: Vec<T> = Vec::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        let at = || format!("{path}[{index}]");
        match read(value) {
            Err(error) => problems.add(at(), error.to_string(), "correct or remove it"),
            Ok(value) if read_values.contains(&value) => {
                problems.add(at(), "stands twice in the list", "remove one of the two");
            }
            Ok(value) => read_values.push(value),
        }
    }
    read_values
}

/// A value that `read` understands.
pub(crate) fn parsed<T, E: Display>(
    path: &str,
    value: Option<&str>,
    read: impl Fn(&str) -> Result<T, E>,
    fix: &str,
    problems: &mut Problems,
) -> Option<T> {
    read(value?)
        .map_err(|error| problems.add(path, error.to_string(), fix))
        .ok()
}

/// One of a closed set of names.
pub(crate) fn one_of<T: Copy>(
    path: &str,
    value: Option<&str>,
    all: &[T],
    name_of: impl Fn(T) -> &'static str,
    problems: &mut Problems,
) -> Option<T> {
    let value = value?;
    let found = all
        .iter()
        .copied()
        .find(|candidate| name_of(*candidate) == value);
    if found.is_none() {
        let names: Vec<&str> = all.iter().map(|candidate| name_of(*candidate)).collect();
        let known = names.join("`, `");
        problems.add(
            path,
            "is not one of the known values",
            format!("use one of `{known}`"),
        );
    }
    found
}

/// A whole number within bounds.
pub(crate) fn number(
    path: &str,
    value: i64,
    bounds: std::ops::RangeInclusive<u32>,
    problems: &mut Problems,
) -> Option<u32> {
    let found = u32::try_from(value)
        .ok()
        .filter(|number| bounds.contains(number));
    if found.is_none() {
        let (least, most) = (bounds.start(), bounds.end());
        problems.add(
            path,
            format!("is not between {least} and {most}"),
            format!("give a whole number from {least} to {most}"),
        );
    }
    found
}

/// A moment in Unix seconds.
pub(crate) fn moment(path: &str, value: i64, problems: &mut Problems) -> Option<Timestamp> {
    let moment = Timestamp::from_seconds(value);
    if moment.is_none() {
        problems.add(
            path,
            "is not a moment between 1970 and 9999",
            format!("give Unix seconds from 0 to {LAST_SECOND}; not milliseconds"),
        );
    }
    moment
}

/// Metadata: a JSON object, as text. Its depth and its members were checked with the whole body.
pub(crate) fn metadata(
    path: &str,
    value: Option<&RawValue>,
    problems: &mut Problems,
) -> Option<String> {
    let text = value?.get();
    if !text.starts_with('{') {
        problems.add(
            path,
            "is not an object",
            "send an object such as `{\"team\": \"a\"}`",
        );
        return None;
    }
    if text.len() > METADATA_BYTES_MAX {
        problems.add(
            path,
            format!("has {} bytes, more than {METADATA_BYTES_MAX}", text.len()),
            "keep less here, and the rest in a system of yours",
        );
        return None;
    }
    Some(text.to_owned())
}

/// An e-mail address in its stored form.
pub(crate) fn email(path: &str, value: &str, problems: &mut Problems) -> Option<String> {
    let email = normalise_email(value);
    if email.is_none() {
        problems.add(
            path,
            "is not an e-mail address",
            "give one such as `ada@example.com`",
        );
    }
    email
}
