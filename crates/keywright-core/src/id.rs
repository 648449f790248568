//! Identifiers: a UUIDv7 (RFC 9562) behind a type for each kind of thing, printed as `key-<uuid>`.

use core::fmt;
use core::str::FromStr;

use thiserror::Error;
use uuid::{Builder, Uuid};

use crate::time::Timestamp;
use crate::token::Entropy;

/// The text is not an identifier of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an identifier reads `{prefix}<uuid>`")]
pub struct InvalidId {
    prefix: &'static str,
}

fn new_v7(now: Timestamp, entropy: &mut impl Entropy) -> Uuid {
    let mut random = [0_u8; 10];
    entropy.fill(&mut random);
    let milliseconds = u64::try_from(now.milliseconds()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid()
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// What stands before the UUID in print.
            pub const PREFIX: &'static str = $prefix;

            /// A new identifier; those made later sort later, to the millisecond.
            pub fn new(now: Timestamp, entropy: &mut impl Entropy) -> Self {
                Self(new_v7(now, entropy))
            }

            /// The identifier of this UUID.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// When it was made, to the millisecond (RFC 9562, 5.7).
            #[must_use]
            pub fn made_at(self) -> Timestamp {
                let milliseconds = self.0.as_u128() >> 80;
                Timestamp::from_milliseconds(i64::try_from(milliseconds).unwrap_or(0))
            }

            /// The bare UUID.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!($prefix, "{}"), self.0.hyphenated())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, formatter)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix($prefix)
                    // Only the printed form: 36 lower-case characters with hyphens, so that one
                    // thing has one name.
                    .filter(|rest| rest.len() == 36 && !rest.bytes().any(|b| b.is_ascii_uppercase()))
                    .and_then(|rest| Uuid::try_parse(rest).ok())
                    .map(Self)
                    .ok_or(InvalidId { prefix: $prefix })
            }
        }
    };
}

id!(
    /// A key: `key-<uuid>`.
    KeyId, "key-"
);
id!(
    /// A tenant: `tenant-<uuid>`.
    TenantId, "tenant-"
);
id!(
    /// A user: `user-<uuid>`.
    UserId, "user-"
);
id!(
    /// A signed-in session: `session-<uuid>`.
    SessionId, "session-"
);
id!(
    /// An invitation: `invitation-<uuid>`.
    InvitationId, "invitation-"
);

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use alloc::string::ToString;

    use super::*;

    struct Zeros;
    impl Entropy for Zeros {
        fn fill(&mut self, buffer: &mut [u8]) {
            buffer.fill(0);
        }
    }

    #[test]
    fn printed_identifiers_parse_back_and_other_kinds_do_not() {
        let id = KeyId::new(Timestamp::from_milliseconds(1_700_000_000_000), &mut Zeros);
        let text = id.to_string();
        assert_eq!(text.parse::<KeyId>().unwrap(), id);
        assert!(text.parse::<UserId>().is_err());
        assert!(text.to_uppercase().parse::<KeyId>().is_err());
        assert!("key-".parse::<KeyId>().is_err());
        assert!(
            "key-{550e8400-e29b-41d4-a716-446655440000}"
                .parse::<KeyId>()
                .is_err()
        );
    }

    #[test]
    fn later_identifiers_sort_later() {
        let early = KeyId::new(Timestamp::from_milliseconds(1), &mut Zeros);
        let late = KeyId::new(Timestamp::from_milliseconds(2), &mut Zeros);
        assert_eq!(late.made_at(), Timestamp::from_milliseconds(2));
        assert!(early < late && early.to_string() < late.to_string());
    }
}
