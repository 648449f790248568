//! The one door for JSON from outside: strict, bounded, and with a plain sentence and the path of
//! what is wrong. It never repeats a value back, because a value may be a secret.

mod object;
mod scan;

pub use object::Object;

use serde::Deserialize;
use serde_json::error::Category;

use crate::code::Code;
use crate::error::{Detail, ErrorBody};

/// Nesting of arrays and objects: the deepest request needs 4, metadata may have the rest.
pub const DEPTH_MAX: usize = 32;
/// Values in one body: a key with every list full has under a thousand.
pub const NODES_MAX: usize = 10_000;

/// Why a body was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonProblem {
    /// [`Code::MalformedJson`] or [`Code::ValidationFailed`].
    pub code: Code,
    /// Where and what.
    pub detail: Detail,
}

impl JsonProblem {
    /// The body of the answer.
    #[must_use]
    pub fn into_body(self, request_id: String) -> ErrorBody {
        ErrorBody::new(self.code, request_id).with_details(vec![self.detail])
    }

    fn malformed(path: String, problem: impl Into<String>, fix: &str) -> Self {
        Self {
            code: Code::MalformedJson,
            detail: Detail::new(path, problem, fix),
        }
    }
}

/// Reads a body, which is always an object. Refuses invalid UTF-8, members that stand twice, more than [`DEPTH_MAX`] levels or
/// [`NODES_MAX`] values, and anything after the document.
///
/// # Errors
/// The first problem, with its path.
pub fn parse<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, JsonProblem> {
    let text = utf8(bytes)?;
    scan::scan(text)?;
    typed(text)
}

/// Reads a body in one pass, for the hot path. Only for types that bound themselves: every field is
/// typed and unknown fields are refused, so that nothing repeated, deep or endless can hide in them.
///
/// # Errors
/// The first problem, with its path.
pub fn parse_flat<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, JsonProblem> {
    // The second pass, which knows the path, only runs when the first has failed.
    serde_json::from_slice(bytes)
        .map(|Object(value)| value)
        .or_else(|_| typed(utf8(bytes)?))
}

fn utf8(bytes: &[u8]) -> Result<&str, JsonProblem> {
    if bytes.is_empty() {
        return Err(JsonProblem::malformed(
            ROOT.into(),
            "the body is empty",
            "send a JSON object",
        ));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let problem = format!("byte {} is not UTF-8", error.valid_up_to());
        JsonProblem::malformed(
            ROOT.into(),
            problem,
            "send the body in UTF-8 (RFC 8259, 8.1)",
        )
    })
}

fn typed<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, JsonProblem> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let Object(value) = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = match error.path().to_string() {
            path if path == "." => ROOT.into(),
            path => shorten(&path),
        };
        problem_at(path, error.inner())
    })?;
    deserializer
        .end()
        .map_err(|error| problem_at(ROOT.into(), &error))?;
    Ok(value)
}

/// The path of the whole body.
const ROOT: &str = "$";

/// How serde begins its message about a field that stands twice.
const REPEATED: &str = "duplicate field ";

/// Bytes of a path or member name that are repeated back: enough to find it.
const ECHO_BYTES_MAX: usize = 100;

fn shorten(text: &str) -> String {
    if text.len() <= ECHO_BYTES_MAX {
        return text.into();
    }
    let end = (0..=ECHO_BYTES_MAX)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    format!("{}...", text.get(..end).unwrap_or_default())
}

fn problem_at(path: String, error: &serde_json::Error) -> JsonProblem {
    match error.classify() {
        Category::Data => {
            let message = error.to_string();
            // The same code whichever door finds it.
            let code = match message.starts_with(REPEATED) {
                true => Code::MalformedJson,
                false => Code::ValidationFailed,
            };
            let (problem, fix) = explain(&message);
            JsonProblem {
                code,
                detail: Detail::new(path, problem, fix),
            }
        }
        // serde_json's syntax messages name no input, and end with line and column.
        Category::Syntax | Category::Eof | Category::Io => {
            JsonProblem::malformed(path, error.to_string(), "mend the JSON there")
        }
    }
}

/// Turns serde's message into a problem and a fix, without the value that it may contain.
fn explain(message: &str) -> (String, String) {
    let message = message
        .rsplit_once(" at line ")
        .map_or(message, |(message, _)| message);
    if let Some(rest) = message.strip_prefix("missing field ") {
        return (
            format!("the field {} is missing", shorten(rest)),
            "add it".into(),
        );
    }
    if let Some(rest) = message.strip_prefix(REPEATED) {
        return (
            format!("the field {} stands twice", shorten(rest)),
            "remove one".into(),
        );
    }
    if let Some(rest) = message.strip_prefix("unknown field ") {
        let (name, known) = rest.rsplit_once(", expected ").unwrap_or((rest, ""));
        let fix = match known {
            "" => String::from("remove it"),
            known => format!("remove it, or use {known}"),
        };
        return (format!("the field {} is not known", shorten(name)), fix);
    }
    let typed = ["invalid type: ", "invalid value: ", "invalid length "];
    if typed.iter().any(|prefix| message.starts_with(prefix)) {
        let wanted = message
            .rsplit_once(", expected ")
            .map_or("another value", |(_, wanted)| wanted);
        let wanted = plain(wanted);
        return (format!("is not {wanted}"), format!("send {wanted}"));
    }
    // Every other message is written by this crate, and repeats no value.
    (message.into(), "see the API reference".into())
}

/// serde's name of a type in plain words.
fn plain(wanted: &str) -> &str {
    match wanted {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" => "a whole number from 0",
        "i64" => "a whole number",
        "a sequence" => "an array",
        "a map" | "any valid JSON value" => "an object",
        "a borrowed string" | "a string" => "a string",
        "a boolean" => "true or false",
        wanted if wanted.starts_with("struct ") => "an object",
        wanted => wanted,
    }
}

#[cfg(test)]
mod tests;
