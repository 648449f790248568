//! What a key's purpose keeps it from holding (requirement A5): keys that only read hold no scope that
//! writes, keys that stand in pages and apps none that administers.

use thiserror::Error;

use crate::key::Purpose;
use crate::scope::{Catalogue, EffectiveGrants, Grant, MANAGEMENT_PREFIX};

/// The last parts of scopes that read. A catalogue says nothing of reading and writing, so the name
/// decides: whatever is not on this list writes.
const READING: [&str; 4] = ["read", "list", "view", "get"];
/// The first part of scopes that administer the application.
const ADMINISTRATION: &str = "admin";

/// What the keys of a purpose may hold, whatever was granted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum GrantLimit {
    /// Everything.
    #[default]
    None,
    /// Single scopes whose last part is `read`, `list`, `view` or `get`.
    Reading,
    /// Nothing under `admin` or `keywright:`, and not `*`.
    NoAdministration,
}

/// A grant that the purpose forbids.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ForbiddenGrant {
    /// A key that only reads would write.
    #[error(
        "gives `{0}`, but keys of the purpose `read_only` hold only scopes that end with \
         `:read`, `:list`, `:view` or `:get`"
    )]
    Writes(Grant),
    /// A key that everybody can see would administer.
    #[error(
        "gives `{0}`, but keys of the purposes `web` and `mobile` stand where everybody can read \
         them and hold no scope of administrators"
    )]
    Administers(Grant),
}

impl GrantLimit {
    /// The limit of keys of this purpose.
    #[must_use]
    pub const fn of(purpose: Option<Purpose>) -> Self {
        match purpose {
            Some(Purpose::ReadOnly) => Self::Reading,
            Some(Purpose::Web | Purpose::Mobile) => Self::NoAdministration,
            Some(_) | None => Self::None,
        }
    }

    /// Whether a key may hold `grant`, not looking at what that implies.
    #[must_use]
    pub fn permits(self, grant: &Grant) -> bool {
        let text = grant.as_str();
        match self {
            Self::None => true,
            // A wildcard contains scopes that are not there yet.
            Self::Reading => text
                .rsplit_once(':')
                .is_some_and(|(_, last)| READING.contains(&last)),
            Self::NoAdministration => {
                let first = text.split(':').next().unwrap_or(text);
                text != "*" && first != ADMINISTRATION && !text.starts_with(MANAGEMENT_PREFIX)
            }
        }
    }

    /// Refuses grants that a key must not hold, or that imply such ones.
    ///
    /// # Errors
    /// The first that is too much.
    pub fn check(self, catalogue: &Catalogue, grants: &[Grant]) -> Result<(), ForbiddenGrant> {
        let all = catalogue.effective(grants).to_vec();
        match all.into_iter().find(|grant| !self.permits(grant)) {
            None => Ok(()),
            Some(grant) if self == Self::Reading => Err(ForbiddenGrant::Writes(grant)),
            Some(grant) => Err(ForbiddenGrant::Administers(grant)),
        }
    }

    /// Everything that follows from `grants`, less what a key must not hold. A role or an implication
    /// that grew after the key was made gives it no more than its purpose bears.
    #[must_use]
    pub fn effective(self, catalogue: &Catalogue, grants: &[Grant]) -> EffectiveGrants {
        catalogue.effective_within(grants, |grant| self.permits(grant))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use alloc::format;
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::scope::{CatalogueEntry, Scope};

    fn grants(texts: &[&str]) -> Vec<Grant> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn permitted<'a>(limit: GrantLimit, texts: &[&'a str]) -> Vec<&'a str> {
        let may = |text: &&&str| limit.permits(&text.parse().unwrap());
        texts.iter().filter(may).copied().collect()
    }

    const TEXTS: [&str; 15] = [
        "*",
        "read",
        "api:read",
        "users:list",
        "users:own:view",
        "users:get",
        "api:write",
        "users:read:own",
        "api:reader",
        "api:*",
        "admin",
        "admin:read",
        "admin:*",
        "administration:see",
        "keywright:keys:read",
    ];

    #[test]
    fn a_scope_reads_by_its_last_part_and_administers_by_its_first() {
        let reading = ["api:read", "users:list", "users:own:view", "users:get"];
        let mut expected = reading.to_vec();
        expected.extend(["admin:read", "keywright:keys:read"]);
        assert_eq!(permitted(GrantLimit::Reading, &TEXTS), expected);
        let barred = ["*", "admin", "admin:read", "admin:*", "keywright:keys:read"];
        let rest: Vec<&str> = TEXTS
            .into_iter()
            .filter(|text| !barred.contains(text))
            .collect();
        assert_eq!(permitted(GrantLimit::NoAdministration, &TEXTS), rest);
        assert_eq!(permitted(GrantLimit::None, &TEXTS), TEXTS);
    }

    #[test]
    fn what_is_implied_counts_as_held() {
        let common = Catalogue::common();
        let check = |limit: GrantLimit, texts: &[&str]| limit.check(&common, &grants(texts));
        assert_eq!(check(GrantLimit::Reading, &["api:read"]), Ok(()));
        let write = "api:write".parse().unwrap();
        assert_eq!(
            check(GrantLimit::Reading, &["api:read", "api:write"]),
            Err(ForbiddenGrant::Writes(write))
        );
        assert_eq!(check(GrantLimit::NoAdministration, &["api:*"]), Ok(()));
        let whole = CatalogueEntry {
            scope: "staff:everything".parse().unwrap(),
            description: String::new(),
            implies: grants(&["*"]),
        };
        let catalogue = Catalogue::new([common.entries(), &[whole]].concat()).unwrap();
        assert!(matches!(
            GrantLimit::NoAdministration.check(&catalogue, &grants(&["staff:everything"])),
            Err(ForbiddenGrant::Administers(_))
        ));
    }

    #[test]
    fn only_four_purposes_have_a_limit() {
        let limited: Vec<&str> = Purpose::ALL
            .iter()
            .filter(|purpose| GrantLimit::of(Some(**purpose)) != GrantLimit::None)
            .map(|purpose| purpose.as_str())
            .collect();
        assert_eq!(limited, ["web", "mobile", "read_only"]);
        assert_eq!(GrantLimit::of(None), GrantLimit::None);
    }

    const FIRST: [&str; 4] = ["api", "admin", "users", "keywright"];
    const LAST: [&str; 5] = ["read", "write", "list", "all", "*"];

    fn any_grant() -> impl Strategy<Value = Grant> {
        let parts = (
            prop::sample::select(&FIRST[..]),
            prop::sample::select(&LAST[..]),
        );
        prop_oneof![
            8 => parts.prop_map(|(first, last)| format!("{first}:{last}").parse().unwrap()),
            1 => Just("*".parse().unwrap()),
        ]
    }

    fn any_catalogue() -> impl Strategy<Value = Catalogue> {
        let names: Vec<String> = FIRST[..3]
            .iter()
            .flat_map(|first| LAST[..4].iter().map(move |last| format!("{first}:{last}")))
            .collect();
        let count = names.len();
        let implied = prop::collection::vec(prop::option::of(any_grant()), count);
        implied.prop_map(move |implied| {
            let entries = names.iter().zip(implied).map(|(name, target)| {
                let fits =
                    |it: &Grant| !it.as_str().starts_with(MANAGEMENT_PREFIX) && it.as_str() != name;
                CatalogueEntry {
                    scope: name.parse().unwrap(),
                    description: String::new(),
                    implies: target.into_iter().filter(fits).collect(),
                }
            });
            Catalogue::new(entries.collect()).unwrap()
        })
    }

    fn writes(text: &str) -> bool {
        !["read", "list"]
            .iter()
            .any(|last| text.ends_with(&format!(":{last}")))
    }

    proptest! {
        #[test]
        fn whatever_roles_and_implications_give_a_purpose_never_passes_its_limit(
            catalogue in any_catalogue(), held in prop::collection::vec(any_grant(), 0..4), asked in any_grant(),
        ) {
            prop_assume!(!asked.is_wildcard());
            let asked: Scope = asked.to_string().parse().unwrap();
            let all = catalogue.effective(&held).allows(&asked);
            let reading = GrantLimit::Reading.effective(&catalogue, &held).allows(&asked);
            prop_assert!(!reading || (all && !writes(asked.as_str())));
            let public = GrantLimit::NoAdministration.effective(&catalogue, &held).allows(&asked);
            let administers = ["admin:", "keywright:"].iter().any(|first| asked.as_str().starts_with(first));
            prop_assert!(!public || (all && !administers));
            prop_assert_eq!(GrantLimit::None.effective(&catalogue, &held).allows(&asked), all);
        }

        #[test]
        fn what_is_accepted_is_held_in_full(
            catalogue in any_catalogue(), held in prop::collection::vec(any_grant(), 0..4),
        ) {
            for limit in [GrantLimit::None, GrantLimit::Reading, GrantLimit::NoAdministration] {
                let whole = limit.effective(&catalogue, &held) == catalogue.effective(&held);
                prop_assert_eq!(limit.check(&catalogue, &held).is_ok(), whole);
            }
        }
    }
}
