//! What Keywright promises of limits, each against a plain model: a list of moments and costs.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod adaptive;
mod calendar;
mod checks;
mod chunks;
mod credits;
mod losses;
mod memory;
mod model;
mod places;
mod rules;
mod several;
