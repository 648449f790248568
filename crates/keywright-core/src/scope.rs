//! Scopes, wildcards, and the tenant's catalogue with what each scope implies.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use thiserror::Error;

/// Bytes of a scope.
pub const SCOPE_BYTES_MAX: usize = 128;
/// Segments of a scope.
const SEGMENTS_MAX: usize = 4;
/// Entries of a catalogue: more are resources, not scopes.
pub const CATALOGUE_ENTRIES_MAX: usize = 1_000;
/// Targets that one entry implies.
pub const IMPLIES_MAX: usize = 100;
/// The scopes under this prefix operate Keywright itself.
pub const MANAGEMENT_PREFIX: &str = "keywright:";

/// A concrete scope, such as `api:read`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(Box<str>);

/// A scope, or a wildcard such as `users:*` or `*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grant(Box<str>);

/// The text is not a scope.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidScope {
    /// Nothing, or too much.
    #[error("a scope has 1 to {SCOPE_BYTES_MAX} bytes")]
    Length,
    /// Too many parts.
    #[error("a scope has 1 to {SEGMENTS_MAX} parts between colons, none of them empty")]
    Segments,
    /// A character that scopes do not have.
    #[error("`{character}` at position {position} is not a-z, 0-9, `_`, `.` or `-`")]
    Character {
        /// The character.
        character: char,
        /// Counted from 1.
        position: usize,
    },
    /// A wildcard in a place where none can stand.
    #[error("`*` stands alone or as the last part, as in `users:*`")]
    Wildcard,
}

fn check(text: &str) -> Result<(), InvalidScope> {
    if text.is_empty() || text.len() > SCOPE_BYTES_MAX {
        return Err(InvalidScope::Length);
    }
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.-:".contains(c);
    if let Some((index, character)) = text.chars().enumerate().find(|(_, c)| !allowed(*c)) {
        if character == '*' {
            return Err(InvalidScope::Wildcard);
        }
        return Err(InvalidScope::Character {
            character,
            position: index + 1,
        });
    }
    let segments = text.split(':').count();
    if segments > SEGMENTS_MAX || text.split(':').any(str::is_empty) {
        return Err(InvalidScope::Segments);
    }
    Ok(())
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        check(text)?;
        Ok(Self(text.into()))
    }
}

impl FromStr for Grant {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        match text.strip_suffix('*') {
            Some("") => {}
            Some(stem) => check(stem.strip_suffix(':').ok_or(InvalidScope::Wildcard)?)?,
            None => check(text)?,
        }
        Ok(Self(text.into()))
    }
}

impl Scope {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Grant {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the grant contains the scope. `users:*` contains what lies below `users`, not
    /// `users` itself. Only a grant that names `keywright:` reaches the scopes that operate
    /// Keywright: an application's administrator is not Keywright's.
    #[must_use]
    pub fn covers(&self, scope: &Scope) -> bool {
        self.reaches(&scope.0)
    }

    /// Whether it is a wildcard.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.0.ends_with('*')
    }

    fn reaches(&self, text: &str) -> bool {
        match self.0.strip_suffix('*') {
            None => *self.0 == *text,
            Some("") => !text.starts_with(MANAGEMENT_PREFIX),
            Some(stem) => text.len() > stem.len() && text.starts_with(stem),
        }
    }
}

impl AsRef<str> for Scope {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<Scope> for Grant {
    fn from(scope: Scope) -> Self {
        Self(scope.0)
    }
}

/// An entry of a tenant's catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogueEntry {
    /// The scope.
    pub scope: Scope,
    /// What it allows, for people.
    pub description: String,
    /// What whoever has it has too.
    pub implies: Vec<Grant>,
}

/// A tenant's scopes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalogue {
    /// Sorted by scope.
    entries: Vec<CatalogueEntry>,
}

/// A catalogue that does not hold together.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidCatalogue {
    /// Too many entries.
    #[error("a catalogue has at most {CATALOGUE_ENTRIES_MAX} scopes")]
    TooMany,
    /// A scope stands twice.
    #[error("the scope `{0}` stands twice")]
    Repeated(Scope),
    /// A scope implies itself.
    #[error("the scope `{0}` implies itself")]
    ImpliesItself(Scope),
    /// A scope implies something that is not there.
    #[error("the scope `{scope}` implies `{target}`, which matches no scope of the catalogue")]
    UnknownTarget {
        /// The scope.
        scope: Scope,
        /// What it implies.
        target: Grant,
    },
    /// A tenant's scope touches the scopes that operate Keywright.
    #[error("`{0}` touches the scopes under `keywright:`, which are built in")]
    Management(String),
    /// One entry implies too much.
    #[error("the scope `{0}` implies more than {IMPLIES_MAX} others")]
    TooManyImplied(Scope),
}

/// A grant that matches no scope of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct UnknownScope {
    /// The grant.
    pub grant: Grant,
    /// The scope that it is most like.
    pub nearest: Option<Scope>,
}

impl fmt::Display for UnknownScope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the tenant has no scope `{}`", self.grant)?;
        match &self.nearest {
            Some(nearest) => write!(formatter, "; `{nearest}` is the nearest"),
            None => Ok(()),
        }
    }
}

/// The scopes that operate Keywright, in every catalogue.
pub const MANAGEMENT_SCOPES: [(&str, &str); 8] = [
    ("keywright:verify", "Ask whether a presented key may pass"),
    ("keywright:keys:read", "See the tenant's keys"),
    (
        "keywright:keys:write",
        "Create and change the tenant's keys",
    ),
    ("keywright:users:read", "See the tenant's users"),
    (
        "keywright:users:write",
        "Invite, change and remove the tenant's users",
    ),
    (
        "keywright:tenant:read",
        "See the tenant's settings, scopes and roles",
    ),
    (
        "keywright:tenant:write",
        "Change the tenant's settings, scopes and roles",
    ),
    ("keywright:audit:read", "Read the tenant's audit trail"),
];

/// The scopes that a new tenant starts with.
const COMMON: [(&str, &str, &[&str]); 9] = [
    ("api:read", "Read API resources", &[]),
    ("admin:read", "Read admin resources", &[]),
    ("api:write", "Create/update API resources", &["api:read"]),
    (
        "admin:write",
        "Create/update admin resources",
        &["admin:read"],
    ),
    ("deploy:staging", "Deploy to staging", &[]),
    ("deploy:production", "Deploy to production", &[]),
    ("billing:manage", "Manage billing", &[]),
    ("users:manage", "Manage users", &[]),
    ("admin:all", "Full administrative access", &["*"]),
];

impl Catalogue {
    /// A catalogue of these entries.
    ///
    /// # Errors
    /// The first thing that does not hold together.
    pub fn new(mut entries: Vec<CatalogueEntry>) -> Result<Self, InvalidCatalogue> {
        if entries.len() > CATALOGUE_ENTRIES_MAX {
            return Err(InvalidCatalogue::TooMany);
        }
        entries.sort_by(|a, b| a.scope.cmp(&b.scope));
        let pairs = entries.iter().zip(entries.iter().skip(1));
        if let Some((entry, _)) = pairs.clone().find(|(a, b)| a.scope == b.scope) {
            return Err(InvalidCatalogue::Repeated(entry.scope.clone()));
        }
        let catalogue = Self { entries };
        for entry in &catalogue.entries {
            catalogue.check_entry(entry)?;
        }
        Ok(catalogue)
    }

    fn check_entry(&self, entry: &CatalogueEntry) -> Result<(), InvalidCatalogue> {
        let scope = &entry.scope;
        if scope.0.starts_with(MANAGEMENT_PREFIX) {
            return Err(InvalidCatalogue::Management(scope.to_string()));
        }
        if entry.implies.len() > IMPLIES_MAX {
            return Err(InvalidCatalogue::TooManyImplied(scope.clone()));
        }
        for target in &entry.implies {
            if target.0.starts_with(MANAGEMENT_PREFIX) {
                return Err(InvalidCatalogue::Management(target.to_string()));
            }
            if target.0 == scope.0 {
                return Err(InvalidCatalogue::ImpliesItself(scope.clone()));
            }
            if !self.entries.iter().any(|other| target.covers(&other.scope)) {
                let (scope, target) = (scope.clone(), target.clone());
                return Err(InvalidCatalogue::UnknownTarget { scope, target });
            }
        }
        Ok(())
    }

    /// What a new tenant starts with.
    #[must_use]
    pub fn common() -> Self {
        let mut entries: Vec<CatalogueEntry> = COMMON
            .iter()
            .map(|(scope, description, implies)| CatalogueEntry {
                scope: Scope((*scope).into()),
                description: (*description).into(),
                implies: implies.iter().map(|text| Grant((*text).into())).collect(),
            })
            .collect();
        entries.sort_by(|a, b| a.scope.cmp(&b.scope));
        Self { entries }
    }

    /// The tenant's own entries, sorted.
    #[must_use]
    pub fn entries(&self) -> &[CatalogueEntry] {
        &self.entries
    }

    /// The entry of this scope.
    #[must_use]
    pub fn entry(&self, scope: &Scope) -> Option<&CatalogueEntry> {
        let index = self
            .entries
            .binary_search_by(|entry| entry.scope.cmp(scope))
            .ok()?;
        self.entries.get(index)
    }

    /// Refuses grants that match nothing.
    ///
    /// # Errors
    /// The first such grant, with the scope that it is most like.
    pub fn check_grants(&self, grants: &[Grant]) -> Result<(), UnknownScope> {
        match grants
            .iter()
            .find(|grant| !self.names().any(|name| grant.reaches(name)))
        {
            None => Ok(()),
            Some(grant) => Err(UnknownScope {
                grant: grant.clone(),
                nearest: self.nearest(grant),
            }),
        }
    }

    /// The scopes of the catalogue, built-in ones included, that a grant contains by itself.
    #[must_use]
    pub fn scopes_under(&self, grant: &Grant) -> Vec<Scope> {
        self.names()
            .filter(|name| grant.reaches(name))
            .map(|name| Scope(name.into()))
            .collect()
    }

    /// Everything that follows from these grants.
    #[must_use]
    pub fn effective(&self, grants: &[Grant]) -> EffectiveGrants {
        self.effective_within(grants, |_| true)
    }

    /// The same with grants alone that `permits`: others give nothing, nor do they imply anything.
    #[must_use]
    pub fn effective_within(
        &self,
        grants: &[Grant],
        permits: impl Fn(&Grant) -> bool,
    ) -> EffectiveGrants {
        let mut open: Vec<Grant> = grants.iter().filter(|it| permits(it)).cloned().collect();
        let mut held: BTreeSet<Grant> = open.iter().cloned().collect();
        while let Some(grant) = open.pop() {
            for entry in self
                .entries
                .iter()
                .filter(|entry| grant.covers(&entry.scope))
            {
                for target in &entry.implies {
                    if permits(target) && held.insert(target.clone()) {
                        open.push(target.clone());
                    }
                }
            }
        }
        EffectiveGrants::new(held.into_iter().collect())
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let own = self.entries.iter().map(|entry| entry.scope.as_str());
        own.chain(MANAGEMENT_SCOPES.iter().map(|(name, _)| *name))
    }

    fn nearest(&self, grant: &Grant) -> Option<Scope> {
        /// More edits than this are another word, not a slip.
        const EDITS_MAX: usize = 3;
        self.names()
            .map(|name| (edits(name, &grant.0), name))
            .min()
            .filter(|(edits, _)| *edits <= EDITS_MAX)
            .map(|(_, name)| Scope(name.into()))
    }
}

/// Levenshtein's distance.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = Vec::with_capacity(row.len());
        next.push(left);
        for (y, up) in b.bytes().zip(row.iter().skip(1)) {
            left = (diagonal + usize::from(x != y)).min(up + 1).min(left + 1);
            diagonal = *up;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

/// What a key may do: its grants with all that they imply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EffectiveGrants {
    /// Sorted, so that a concrete scope is found by halving; wildcards are few and stand apart.
    exact: Box<[Grant]>,
    wildcards: Box<[Grant]>,
}

impl EffectiveGrants {
    fn new(grants: Vec<Grant>) -> Self {
        let (wildcards, exact): (Vec<Grant>, Vec<Grant>) =
            grants.into_iter().partition(Grant::is_wildcard);
        Self {
            exact: exact.into(),
            wildcards: wildcards.into(),
        }
    }

    /// Whether the scope is granted. Does not allocate.
    #[must_use]
    pub fn allows(&self, scope: &Scope) -> bool {
        self.exact
            .binary_search_by(|grant| grant.0.cmp(&scope.0))
            .is_ok()
            || self.wildcards.iter().any(|grant| grant.covers(scope))
    }

    /// Every grant, concrete ones first.
    #[must_use]
    pub fn to_vec(&self) -> Vec<Grant> {
        self.exact
            .iter()
            .chain(self.wildcards.iter())
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests;
