//! The error body of every answer, and the collector that gathers every problem of a request
//! before it is refused.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::ToSchema;

use crate::code::Code;

/// The body of every error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Error)]
pub struct ErrorBody {
    /// RFC 6750's error value where that has one, else the code.
    #[schema(value_type = String, example = "invalid_token")]
    pub error: &'static str,
    /// A sentence for people.
    #[schema(value_type = String, example = "API key has expired")]
    pub error_description: Cow<'static, str>,
    /// The stable code, for programs.
    #[schema(example = "expired")]
    pub code: Code,
    /// Finds the request in the server's log.
    #[schema(example = "req-0198c5f2a7e07f3c")]
    pub request_id: String,
    /// One entry for each wrong field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
}

impl ErrorBody {
    /// The body of `code` with its default sentence.
    #[must_use]
    pub fn new(code: Code, request_id: String) -> Self {
        Self {
            error: code.error(),
            error_description: Cow::Borrowed(code.sentence()),
            code,
            request_id,
            details: Vec::new(),
        }
    }

    /// The same with another sentence. It must not contain secrets.
    #[must_use]
    pub fn describe(mut self, sentence: impl Into<Cow<'static, str>>) -> Self {
        self.error_description = sentence.into();
        self
    }

    /// The same with these details.
    #[must_use]
    pub fn with_details(mut self, details: Vec<Detail>) -> Self {
        self.details = details;
        self
    }
}

/// One wrong field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Detail {
    /// Where, such as `scopes[2]`; `$` is the whole body.
    #[schema(example = "scopes[2]")]
    pub path: String,
    /// What is wrong.
    #[schema(example = "the scope `api:raed` is not in the tenant's catalogue")]
    pub problem: String,
    /// What to do about it.
    #[schema(example = "use a scope of the catalogue, or add it there first")]
    pub fix: String,
}

impl Detail {
    /// A detail of these three texts. None of them may contain a secret.
    pub fn new(
        path: impl Into<String>,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            path: path.into(),
            problem: problem.into(),
            fix: fix.into(),
        }
    }
}

/// Details that one answer names at most: whoever makes more needs a program, not a list.
const DETAILS_MAX: usize = 100;

/// Collects every problem of a request, so that one answer names them all.
#[derive(Debug, Default)]
pub struct Problems(Vec<Detail>);

impl Problems {
    /// Nothing wrong so far.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Notes a problem; beyond [`DETAILS_MAX`] they are dropped.
    pub fn add(
        &mut self,
        path: impl Into<String>,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) {
        if self.0.len() < DETAILS_MAX {
            self.0.push(Detail::new(path, problem, fix));
        }
    }

    /// The value when nothing was wrong.
    ///
    /// # Errors
    /// Every problem that was noted.
    pub fn finish<T>(self, value: T) -> Result<T, Vec<Detail>> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(self.0)
        }
    }

    /// The value when there is one and nothing was wrong. A missing value must have been noted.
    ///
    /// # Errors
    /// Every problem that was noted.
    pub fn finish_some<T>(mut self, value: Option<T>) -> Result<T, Vec<Detail>> {
        match value {
            Some(value) => self.finish(value),
            None => {
                if self.0.is_empty() {
                    self.add("$", "a required field is missing", "add it");
                }
                Err(self.0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn an_error_begins_as_in_the_seed() {
        let body = ErrorBody::new(Code::Expired, "r1".into());
        assert_eq!(
            serde_json::to_string(&body).unwrap(),
            r#"{"error":"invalid_token","error_description":"API key has expired","code":"expired","request_id":"r1"}"#
        );
        let body = ErrorBody::new(Code::ValidationFailed, "r2".into())
            .describe("two")
            .with_details(vec![Detail::new("a", "b", "c")]);
        assert_eq!(
            serde_json::to_string(&body).unwrap(),
            r#"{"error":"validation_failed","error_description":"two","code":"validation_failed","request_id":"r2","details":[{"path":"a","problem":"b","fix":"c"}]}"#
        );
    }

    #[test]
    fn problems_are_bounded_and_a_missing_value_is_never_accepted() {
        let mut problems = Problems::new();
        for index in 0..2 * DETAILS_MAX {
            problems.add(format!("a[{index}]"), "b", "c");
        }
        assert_eq!(problems.finish(()).unwrap_err().len(), DETAILS_MAX);
        assert_eq!(
            Problems::new().finish_some::<()>(None).unwrap_err().len(),
            1
        );
        assert_eq!(Problems::new().finish_some(Some(1)), Ok(1));
    }
}
