//! What xtask says to the person at the keyboard, and what it reads from their environment.

/// Writes one message to standard error, so that output of commands stays clean.
#[expect(
    clippy::print_stderr,
    reason = "xtask is a command-line tool and this is its one mouth"
)]
pub(crate) fn say(message: &str) {
    eprintln!("{message}");
}

/// An environment variable, when it is set, readable and not empty.
#[expect(
    clippy::disallowed_methods,
    reason = "xtask is a command-line tool and this is its one ear"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
