//! Tokens of people: access, refresh, cookie, invitation and set-up. They are made like opaque
//! keys, under a prefix of their own, and stored as digests.

use keywright_core::secret::Secret;
use keywright_core::token::digest::{Digest, Pepper, PepperId};
use keywright_core::token::{EnvironmentTag, OpaqueFormat, Prefix, opaque};
use keywright_seal::entropy::OsEntropy;

/// The prefix that no tenant can have.
pub const RESERVED_PREFIX: &str = "kws";

/// What a token is for; the word stands in the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Carried by API calls.
    Access,
    /// Buys a new access token.
    Refresh,
    /// A browser's cookie.
    Cookie,
    /// Opens an invitation or the first set-up.
    Invitation,
}

impl Use {
    const fn word(self) -> &'static str {
        match self {
            Self::Access => "at",
            Self::Refresh => "rt",
            Self::Cookie => "sid",
            Self::Invitation => "inv",
        }
    }
}

/// A new token.
#[must_use]
pub fn mint(what: Use) -> Secret {
    let minted = Prefix::new(RESERVED_PREFIX).and_then(|prefix| {
        let tag = EnvironmentTag::new(what.word())?;
        Ok(opaque::mint(
            &OpaqueFormat::with_prefix(prefix),
            &tag,
            &mut OsEntropy,
        ))
    });
    // Both texts are constants; a test mints each. An empty token would open nothing.
    minted.unwrap_or_else(|_| Secret::new(String::new()))
}

/// Whether a text is one of these tokens, and its digest.
#[must_use]
pub fn read(what: Use, text: &str) -> Option<Digest> {
    let body = text.strip_prefix(RESERVED_PREFIX)?.strip_prefix('_')?;
    body.strip_prefix(what.word())?.strip_prefix('_')?;
    keywright_core::token::parse(text).ok()?;
    Some(digest(text))
}

/// The stored form. The tokens have 190 random bits, so an unkeyed digest is enough (ASVS 6.5.2),
/// and a change of pepper ends no session.
#[must_use]
pub fn digest(text: &str) -> Digest {
    Pepper::new(PepperId(0), b"keywright session token digest/1").digest(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_is_read_for_its_own_use_only() {
        let uses = [Use::Access, Use::Refresh, Use::Cookie, Use::Invitation];
        for made in uses {
            let token = mint(made);
            for read_as in uses {
                let found = read(read_as, token.expose());
                assert_eq!(found, (made == read_as).then(|| digest(token.expose())));
            }
        }
        assert_eq!(read(Use::Access, ""), None);
    }
}
