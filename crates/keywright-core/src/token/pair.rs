//! A key in two halves: a public one that names the caller, `{prefix}_{env}_pk{random}{checksum}`, and
//! a secret one, `..._sk...`, that proves it (requirement A1).

use super::{
    entropy::Entropy,
    format::{EnvironmentTag, OpaqueFormat},
    opaque::mint_with_mark,
};
use crate::secret::Secret;

/// Both halves of a freshly minted pair.
#[derive(Debug)]
pub struct Pair {
    /// The public half. It is no secret, but it too is shown whole only once.
    pub public: Secret,
    /// The secret half.
    pub secret: Secret,
}

/// Which half of a pair a printed key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    Public,
    Secret,
}

impl Half {
    /// The characters that stand before the random part.
    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::Public => "pk",
            Self::Secret => "sk",
        }
    }

    /// The half that the third part of a printed key belongs to, if any.
    pub(super) fn of(tail: &str) -> Option<Self> {
        [Self::Public, Self::Secret]
            .into_iter()
            .find(|half| tail.starts_with(half.mark()))
    }
}

/// Mints both halves, each with the full random length: the public half tells nothing of the secret.
pub fn mint(
    format: &OpaqueFormat,
    environment_tag: &EnvironmentTag,
    entropy: &mut (impl Entropy + ?Sized),
) -> Pair {
    Pair {
        public: mint_with_mark(format, environment_tag, Half::Public.mark(), entropy),
        secret: mint_with_mark(format, environment_tag, Half::Secret.mark(), entropy),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::token::{base62, entropy::Seeded};

    #[test]
    fn halves_differ_in_mark_and_in_random_part() {
        let tag = EnvironmentTag::live();
        let pair = mint(&OpaqueFormat::default(), &tag, &mut Seeded(1));
        let public = pair.public.expose().strip_prefix("kw_live_pk").unwrap();
        let secret = pair.secret.expose().strip_prefix("kw_live_sk").unwrap();
        assert_eq!((public.len(), secret.len()), (38, 38));
        assert_ne!(public, secret);
        assert!(base62::checksum_holds(pair.public.expose()));
        assert!(base62::checksum_holds(pair.secret.expose()));
    }
}
