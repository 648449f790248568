//! The one error of the HTTP floor: a code of the catalogue, what the caller may know, and the
//! cause, which is logged once and never shown.

use std::error::Error;
use std::fmt;

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use keywright_api::code::Code;
use keywright_api::error::{Detail, ErrorBody};
use keywright_core::key::TransitionError;
use keywright_engine::EngineError;
use keywright_store::StoreError;

/// Why a request was not served.
#[derive(Debug)]
pub struct ApiError {
    code: Code,
    description: Option<String>,
    details: Vec<Detail>,
    retry_after_seconds: Option<u64>,
    /// Boxed so that the error stays small in every `Result`.
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What handlers return.
pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    /// The code with its usual sentence.
    #[must_use]
    pub const fn new(code: Code) -> Self {
        Self::with_details(code, Vec::new())
    }

    /// Nothing here that the caller may know of: absent and foreign are the same.
    #[must_use]
    pub const fn not_found() -> Self {
        Self::new(Code::NotFound)
    }

    /// The caller is known and may not.
    #[must_use]
    pub const fn forbidden() -> Self {
        Self::new(Code::Forbidden)
    }

    /// Fields that cannot be meant, each with its path and what to do.
    #[must_use]
    pub const fn invalid(details: Vec<Detail>) -> Self {
        Self::with_details(Code::ValidationFailed, details)
    }

    /// A code with details.
    #[must_use]
    pub const fn with_details(code: Code, details: Vec<Detail>) -> Self {
        Self {
            code,
            description: None,
            details,
            retry_after_seconds: None,
            source: None,
        }
    }

    /// One field that cannot be meant.
    pub fn invalid_field(
        path: impl Into<String>,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self::invalid(vec![Detail::new(path, problem, fix)])
    }

    /// Our own trouble.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::new(Code::Internal)
        }
    }

    /// Another sentence than the usual one. It must be fit for the public.
    #[must_use]
    pub fn describe(self, description: impl Into<String>) -> Self {
        Self {
            description: Some(description.into()),
            ..self
        }
    }

    /// When to try again.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self {
            retry_after_seconds: Some(seconds.max(1)),
            ..self
        }
    }

    /// The same, its details below another path.
    #[must_use]
    pub fn under(mut self, path: &str) -> Self {
        for detail in &mut self.details {
            detail.path = format!("{path}.{}", detail.path);
        }
        self
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The sentence with every detail and cause, for the operator's terminal.
    #[must_use]
    pub fn explained(&self) -> String {
        let mut text = self.to_string();
        for detail in &self.details {
            text.push_str(&format!(
                ": `{}` {}; {}",
                detail.path, detail.problem, detail.fix
            ));
        }
        if let Some(source) = &self.source {
            text.push_str(": ");
            text.push_str(&chain(source.as_ref()));
        }
        text
    }

    fn caused_by(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            source: Some(source.into()),
            ..self
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.description.as_deref().unwrap_or(self.code.sentence()))
    }
}

impl Error for ApiError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Conflict => Self::new(Code::Conflict),
            StoreError::Duplicate { what } => {
                let sentence = format!("this {what} is taken already");
                Self::new(Code::Duplicate).describe(sentence)
            }
            StoreError::Unavailable(_) => Self::new(Code::StorageUnavailable)
                .retry_after(1)
                .caused_by(error),
            StoreError::StorageFull(_) => Self::new(Code::StorageFull)
                .retry_after(30)
                .caused_by(error),
            StoreError::Inconsistent { .. } | StoreError::TooNew { .. } | StoreError::Other(_) => {
                Self::internal(error)
            }
        }
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => Self::from(error),
            EngineError::Sealed(_) => Self::internal(error),
            EngineError::ReplayMemoryFull => {
                Self::new(Code::Overloaded).retry_after(1).caused_by(error)
            }
            EngineError::TooManyGuesses { seconds } => {
                Self::new(Code::TooManyAttempts).retry_after(seconds)
            }
            // Without its cause: the follower logs that once, and checks come in thousands.
            EngineError::LeaseLost => Self::new(Code::VerificationUnavailable).retry_after(1),
            EngineError::Behind { .. } | EngineError::FeedSilent | EngineError::Contended => {
                Self::new(Code::StorageUnavailable)
                    .retry_after(1)
                    .caused_by(error)
            }
        }
    }
}

impl From<TransitionError> for ApiError {
    fn from(error: TransitionError) -> Self {
        let code = match error {
            TransitionError::RecentlyUsed => Code::ConfirmationRequired,
            TransitionError::Revoked | TransitionError::Already(_) => Code::InvalidTransition,
        };
        Self::new(code).describe(error.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let request_id = crate::guard::headers::current_request_id();
        let status =
            StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if let Some(source) = &self.source {
            tracing::error!(
                request.id = request_id,
                error.code = self.code.as_str(),
                error.cause = %chain(source.as_ref()),
                "a request failed"
            );
        }
        let body = ErrorBody::new(self.code, request_id).with_details(self.details);
        let body = match self.description {
            Some(description) => body.describe(description),
            None => body,
        };
        let mut response = (status, serde_json::to_vec(&body).unwrap_or_default()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, challenge(self.code));
        }
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// RFC 6750, 3: no error fields when no credential was presented.
fn challenge(code: Code) -> HeaderValue {
    if code == Code::MissingKey {
        HeaderValue::from_static(r#"Bearer realm="keywright""#)
    } else {
        HeaderValue::from_static(r#"Bearer realm="keywright", error="invalid_token""#)
    }
}

/// The cause and its causes. Store errors name tables and rows, never values.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text.push_str(": ");
        text.push_str(&error.to_string());
        next = error.source();
    }
    text
}
