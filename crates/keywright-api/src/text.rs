//! Texts on the wire: secrets that come in, texts borrowed from the input, and values that are
//! printed straight into the output.

use std::borrow::Cow;
use std::fmt;

use keywright_core::secret::Secret;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::{Serialize, Serializer};

/// A secret that a request brings: a password, a token, the value of a custom key.
#[derive(Debug)]
pub struct SecretText(pub Secret);

impl SecretText {
    /// Takes the secret out.
    #[must_use]
    pub fn into_secret(self) -> Secret {
        self.0
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::new(text)))
    }
}

/// A text of the input, borrowed unless it has escapes. `Debug` shows nothing of it, because it may
/// be a key.
#[derive(Default)]
pub struct Text<'a>(Cow<'a, str>);

impl<'a> Text<'a> {
    /// A text of the input.
    #[must_use]
    pub const fn borrowed(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// A text that is not of the input.
    #[must_use]
    pub const fn owned(text: String) -> Self {
        Self(Cow::Owned(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Text(..)")
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor).map(Self)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.into()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text))
    }
}

/// Prints a value as a JSON string, without a copy in between.
pub(crate) fn shown<T: fmt::Display, S: Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Prints a list of values as JSON strings, without copies in between.
pub(crate) fn list_shown<T: fmt::Display, S: Serializer>(
    values: &[T],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(|value| Shown(value)))
}

struct Shown<'a, T>(&'a T);

impl<T: fmt::Display> Serialize for Shown<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

/// Shows a secret, in the one answer that may.
pub(crate) fn disclose<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

/// The same for a secret that may be missing.
pub(crate) fn disclose_some<S: Serializer>(
    secret: &Option<Secret>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => disclose(secret, serializer),
        None => serializer.serialize_none(),
    }
}

/// Prints stored JSON text as it is; nothing stored is an empty object.
pub(crate) fn stored_object<T: AsRef<str>, S: Serializer>(
    stored: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match stored {
        None => serializer.collect_map(std::iter::empty::<((), ())>()),
        Some(text) => serde_json::from_str::<&serde_json::value::RawValue>(text.as_ref())
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn debug_shows_neither_secrets_nor_texts() {
        let secret: SecretText = serde_json::from_str(r#""hunter2""#).unwrap();
        let text: Text<'_> = serde_json::from_str(r#""hunter2""#).unwrap();
        assert!(!format!("{secret:?} {text:?}").contains("hunter2"));
        assert_eq!((secret.0.expose(), text.as_str()), ("hunter2", "hunter2"));
    }

    #[test]
    fn texts_are_borrowed_unless_they_have_escapes() {
        let plain: Text<'_> = serde_json::from_str(r#""a""#).unwrap();
        let escaped: Text<'_> = serde_json::from_str(r#""\u0061""#).unwrap();
        assert!(matches!(plain.0, Cow::Borrowed("a")));
        assert!(matches!(escaped.0, Cow::Owned(_)) && escaped.as_str() == "a");
    }

    #[test]
    fn stored_json_is_printed_as_it_is() {
        #[derive(Serialize)]
        struct Body {
            #[serde(serialize_with = "stored_object")]
            metadata: Option<&'static str>,
        }
        let print = |metadata| serde_json::to_string(&Body { metadata });
        assert_eq!(print(None).unwrap(), r#"{"metadata":{}}"#);
        let big = r#"{"b":12345678901234567890123,"a":1.0}"#;
        assert_eq!(
            print(Some(big)).unwrap(),
            format!(r#"{{"metadata":{big}}}"#)
        );
        assert!(print(Some("{")).is_err());
    }
}
