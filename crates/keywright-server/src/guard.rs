//! What stands before the handlers and knows nothing of keys: the limiter of guesses, the headers of
//! every response, and the bounds of bodies.

pub mod attempts;
pub mod headers;

/// Bytes of a request body: the largest bulk call fits, and a flood of them still fits in memory.
/// For [`axum::extract::DefaultBodyLimit::max`], which answers 413.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of the body of a check: a key of at most 8 KiB, and what is asked about it.
pub const VERIFY_BODY_BYTES_MAX: usize = 16 * 1024;
