//! What stands before the handlers and knows nothing of keys: the limiter of guesses, and the headers of
//! every response.

pub mod attempts;
pub mod headers;
