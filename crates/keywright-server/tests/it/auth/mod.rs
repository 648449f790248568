//! Signing in and out.

mod cookies;
mod password;
mod refresh;
mod set_up;
mod sign_in;
