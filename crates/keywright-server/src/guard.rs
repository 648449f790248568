//! What stands before the handlers and knows nothing of keys: the limiter of guesses, the refusal of
//! credentials in clear, and the headers of every response.

pub mod attempts;
pub mod cleartext;
pub mod headers;
pub mod records;
