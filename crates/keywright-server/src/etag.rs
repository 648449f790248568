//! Versions as `ETag` and `If-Match` (RFC 9110, 8.8.3 and 13.1.1): an update that names the version
//! it was decided on never overwrites another.

use http::{HeaderMap, HeaderValue, header};
use keywright_api::code::Code;

use crate::error::{ApiError, ApiResult};

/// The `ETag` of a version.
#[must_use]
pub fn of(version: u64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// Refuses when `If-Match` is there and names other versions than this one.
///
/// # Errors
/// `precondition_failed`.
pub fn check(headers: &HeaderMap, version: u64) -> ApiResult<()> {
    let values: Vec<_> = headers.get_all(header::IF_MATCH).iter().collect();
    if values.is_empty() {
        return Ok(());
    }
    let current = format!("\"{version}\"");
    let matches = values
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|tag| tag.trim() == current || tag.trim() == "*");
    if matches {
        Ok(())
    } else {
        Err(ApiError::new(Code::PreconditionFailed))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    fn matches(value: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_MATCH, value.parse().unwrap());
        check(&headers, 3).is_ok()
    }

    #[test]
    fn only_the_named_version_or_a_star_matches() {
        assert!(check(&HeaderMap::new(), 3).is_ok());
        assert!(matches("\"3\"") && matches("*") && matches("\"1\", \"3\""));
        assert!(!matches("\"2\"") && !matches("3") && !matches("W/\"3\""));
        assert_eq!(of(3), "\"3\"");
    }
}
