//! The named parts of a path, such as `{id}`.

use std::collections::HashMap;

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;

use crate::app::App;
use crate::error::{ApiError, ApiResult};

/// The named parts of a request's path, percent-decoded.
#[derive(Debug)]
pub struct PathParts(HashMap<String, String>);

impl PathParts {
    /// The part of this name.
    ///
    /// # Errors
    /// `not_found` when the route has none: what it names does not exist.
    pub fn get(&self, name: &str) -> ApiResult<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .ok_or_else(ApiError::not_found)
    }
}

impl FromRequestParts<App> for PathParts {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        // The one failure is a part that is not UTF-8, and nothing of ours has such a name.
        let parts = Path::from_request_parts(parts, app)
            .await
            .map_err(|_| ApiError::not_found())?;
        let Path(parts) = parts;
        Ok(Self(parts))
    }
}
