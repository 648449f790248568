//! The one type a plain secret lives in. It cannot be printed, compared with `==`, cloned or serialised,
//! and its memory is overwritten when it is dropped. Nothing else belongs here.

use alloc::string::String;
use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A plain secret: a key, a pair's secret, a password. Only [`Secret::expose`] shows it.
///
/// ```compile_fail
/// let secret = keywright_core::secret::Secret::new(String::new());
/// println!("{secret}");
/// ```
/// ```compile_fail
/// let secret = keywright_core::secret::Secret::new(String::new());
/// let copy = secret.clone();
/// ```
/// ```compile_fail
/// let secret = keywright_core::secret::Secret::new(String::new());
/// let same = secret == keywright_core::secret::Secret::new(String::new());
/// ```
pub struct Secret(String);

impl Secret {
    /// Takes the text over without copying it, so that no second copy stays behind.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The plain text. Whoever calls this answers for where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl ZeroizeOnDrop for Secret {}

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString};

    use super::*;

    #[test]
    fn debug_shows_neither_the_text_nor_its_length() {
        let secret = Secret::new("hunter2".to_string());
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert_eq!(format!("{secret:#?}"), "Secret(..)");
    }

    #[test]
    fn exposes_exactly_what_it_was_given() {
        let secret = Secret::new("hunter2".to_string());
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(secret.len(), 7);
        assert!(!secret.is_empty());
    }
}
