//! Printing to the terminal: the one place that may. Results go to standard output, so that they can
//! be piped; everything else goes to standard error.

use std::io::Write;

/// Prints a line of a result. A closed pipe is the reader's choice, not an error.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints a line that is not a result.
pub(crate) fn notice(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
