//! Query strings: strict, with the error that every other input gets.

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::error::ApiError;

/// The query of a request. Unknown and malformed parameters are refused by name.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        axum::extract::Query::<T>::try_from_uri(&parts.uri)
            .map(|query| Self(query.0))
            .map_err(|error| {
                let problem = error.body_text();
                let problem = problem
                    .strip_prefix("Failed to deserialize query string: ")
                    .unwrap_or(&problem);
                ApiError::invalid_field("query", problem, "mend or remove this parameter")
            })
    }
}
