//! `Patch`: a field of an update, which tells "not mentioned" from "set to nothing" (RFC 7396).

use serde::{Deserialize, Deserializer};

use crate::error::Problems;

/// A field of an update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Not mentioned: stays as it is.
    #[default]
    Missing,
    /// `null`: is emptied.
    Null,
    /// Is set to this.
    Value(T),
}

impl<T> Patch<T> {
    /// Whether the field was not mentioned.
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }

    /// Borrows the value.
    pub const fn as_ref(&self) -> Patch<&T> {
        match self {
            Self::Missing => Patch::Missing,
            Self::Null => Patch::Null,
            Self::Value(value) => Patch::Value(value),
        }
    }

    /// The field after the update, given how it was.
    pub fn over(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Missing => before,
            Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }

    /// The new value of a field that cannot be emptied; `null` is noted as a problem at `path`.
    pub fn not_null(self, path: &str, problems: &mut Problems) -> Option<T> {
        match self {
            Self::Missing => None,
            Self::Value(value) => Some(value),
            Self::Null => {
                problems.add(
                    path,
                    "cannot be null",
                    "give a value, or leave the field out",
                );
                None
            }
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[derive(Deserialize)]
    struct Update {
        #[serde(default)]
        name: Patch<String>,
    }

    fn name(json: &str) -> Patch<String> {
        serde_json::from_str::<Update>(json).unwrap().name
    }

    #[test]
    fn absent_null_and_value_are_told_apart() {
        assert_eq!(name("{}"), Patch::Missing);
        assert_eq!(name(r#"{"name":null}"#), Patch::Null);
        assert_eq!(name(r#"{"name":"a"}"#), Patch::Value("a".into()));
    }

    #[test]
    fn an_update_lies_over_what_was() {
        assert_eq!(Patch::Missing.over(Some(1)), Some(1));
        assert_eq!(Patch::Null.over(Some(1)), None);
        assert_eq!(Patch::Value(2).over(Some(1)), Some(2));
        assert_eq!(Patch::Value(2).over(None), Some(2));
    }

    #[test]
    fn null_is_refused_where_there_must_be_a_value() {
        let mut problems = Problems::new();
        assert_eq!(Patch::<u8>::Missing.not_null("a", &mut problems), None);
        assert_eq!(Patch::Value(1).not_null("b", &mut problems), Some(1));
        assert_eq!(Patch::<u8>::Null.not_null("c", &mut problems), None);
        let details = problems.finish(()).unwrap_err();
        assert_eq!(
            details.iter().map(|d| d.path.as_str()).collect::<Vec<_>>(),
            ["c"]
        );
    }
}
