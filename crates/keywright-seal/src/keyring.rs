//! The keyring: root keys and peppers, kept outside the database, as text with one entry
//! a line. Several of each may be usable at once, so that they rotate without a pause.
//! Where the text comes from is in `source`; what the database remembers of it is in `check`.
//!
//! A rotation goes in this order, so that it may stop at any step and go on later: add a key and save;
//! record its check value; bring every stored value over to it; forget the former key's check value;
//! drop the former key and save. Until the last step both keys are usable.

mod check;
mod command;
mod fault;
mod file;
mod source;

use std::fmt;

use keywright_core::secret::Secret;
use keywright_core::token::digest::{Pepper, PepperId, PepperRing, SamePepperId};
use zeroize::{Zeroize, Zeroizing};

pub use self::check::{CheckError, KeyCheck};
pub use self::fault::KeyringFault;
pub use self::source::{KeyringError, KeyringSource};
use crate::derive::{DerivedKey, PASSWORD_LABEL, Purpose, derive};
use crate::entropy::random_key;

/// Root keys usable at once: a rotation needs two; more than a few were forgotten.
pub const MAX_ROOTS: usize = 8;

/// Peppers usable at once: looking a key up tries each, so core's ring holds two.
pub const MAX_PEPPERS: usize = 2;

/// Length of a keyring text in bytes: twice what the most keys need, for comments.
pub const MAX_TEXT_BYTES: usize = 8 * 1024;

/// First line of every file we write.
const HEADER: &str = "# Keywright keyring: without it the database cannot be opened.\n\
                      # Keep a copy apart from the database's copies; never in the same place.\n";

/// What a key of the keyring is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Everything sealed or signed is derived from a root key.
    Root,
    /// Digests of API keys and passwords are made with a pepper.
    Pepper,
}

impl Kind {
    /// The word that opens the key's line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Pepper => "pepper",
        }
    }

    /// The kind that [`Kind::word`] names.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Root, Self::Pepper]
            .into_iter()
            .find(|kind| kind.word() == word)
    }

    const fn keys_max(self) -> usize {
        match self {
            Self::Root => MAX_ROOTS,
            Self::Pepper => MAX_PEPPERS,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Root => "root key",
            Self::Pepper => "pepper",
        })
    }
}

/// Root keys and peppers; at least one of each. The highest id of a kind is the current one.
#[derive(Clone)]
pub struct Keyring {
    roots: Keys,
    peppers: Keys,
}

/// Keys of one kind. There is always a current one, so using it cannot fail.
#[derive(Clone)]
struct Keys {
    /// Ascending by id, all below the current id.
    former: Vec<(u32, DerivedKey)>,
    current: (u32, DerivedKey),
}

impl Keyring {
    /// A new keyring: one root key and one pepper, both with id 1.
    pub fn generate() -> Self {
        Self {
            roots: Keys::generate(),
            peppers: Keys::generate(),
        }
    }

    /// Reads the text form. Lines are ended by a line break or `;`; empty lines and lines that
    /// begin with `#` say nothing.
    ///
    /// # Errors
    /// [`KeyringFault`] with the number of the line, never with what it holds.
    pub fn parse(text: &str) -> Result<Self, KeyringFault> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(KeyringFault::TooLong);
        }
        let mut roots = Vec::new();
        let mut peppers = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if line.trim_start().starts_with('#') {
                continue;
            }
            let entries = line.split(';').map(str::trim);
            for entry in entries.filter(|entry| !entry.is_empty() && !entry.starts_with('#')) {
                let line = index.saturating_add(1);
                let (kind, id, key) = parse_entry(entry).ok_or(KeyringFault::Malformed { line })?;
                let keys = match kind {
                    Kind::Root => &mut roots,
                    Kind::Pepper => &mut peppers,
                };
                if *key == [0; 32] {
                    return Err(KeyringFault::Placeholder { line });
                }
                if keys.last().is_some_and(|(before, _)| *before >= id) {
                    return Err(KeyringFault::NotAscending { line, kind });
                }
                keys.push((id, key));
            }
        }
        Ok(Self {
            roots: Keys::new(Kind::Root, roots)?,
            peppers: Keys::new(Kind::Pepper, peppers)?,
        })
    }

    /// The text form, as [`Keyring::parse`] reads it.
    pub fn to_text(&self) -> Secret {
        // Room for everything at once: growing would leave copies of keys behind.
        let mut text = String::with_capacity(MAX_TEXT_BYTES);
        text.push_str(HEADER);
        for kind in [Kind::Root, Kind::Pepper] {
            for (id, key) in self.keys(kind).all() {
                push_line(&mut text, kind, *id, key);
                text.push('\n');
            }
        }
        Secret::new(text)
    }

    /// The line of one key, for an operator who keeps the keyring in the environment or a vault.
    pub fn line(&self, kind: Kind, id: u32) -> Option<Secret> {
        let mut line = String::with_capacity(MAX_LINE_BYTES);
        push_line(&mut line, kind, id, self.keys(kind).get(id)?);
        Some(Secret::new(line))
    }

    /// A keyring with one more root key, which is then the current one.
    ///
    /// # Errors
    /// [`KeyringFault::TooMany`].
    pub fn add_root(&self) -> Result<Self, KeyringFault> {
        Ok(Self {
            roots: self.roots.add(Kind::Root)?,
            peppers: self.peppers.clone(),
        })
    }

    /// A keyring with one more pepper, which is then the current one.
    ///
    /// # Errors
    /// [`KeyringFault::TooMany`].
    pub fn add_pepper(&self) -> Result<Self, KeyringFault> {
        Ok(Self {
            roots: self.roots.clone(),
            peppers: self.peppers.add(Kind::Pepper)?,
        })
    }

    /// A keyring without that former root key. What it sealed and nobody re-wrapped is lost.
    ///
    /// # Errors
    /// [`KeyringFault::Unknown`] or [`KeyringFault::Current`].
    pub fn drop_root(&self, id: u32) -> Result<Self, KeyringFault> {
        Ok(Self {
            roots: self.roots.without(Kind::Root, id)?,
            peppers: self.peppers.clone(),
        })
    }

    /// A keyring without that former pepper. Keys and passwords still digested with it stop working.
    ///
    /// # Errors
    /// [`KeyringFault::Unknown`] or [`KeyringFault::Current`].
    pub fn drop_pepper(&self, id: u32) -> Result<Self, KeyringFault> {
        Ok(Self {
            roots: self.roots.clone(),
            peppers: self.peppers.without(Kind::Pepper, id)?,
        })
    }

    /// Id of the key of this kind that new values are made with.
    pub fn current_id(&self, kind: Kind) -> u32 {
        self.keys(kind).current.0
    }

    /// Ids of all usable keys of this kind, ascending.
    pub fn ids(&self, kind: Kind) -> Vec<u32> {
        self.keys(kind).all().map(|(id, _)| *id).collect()
    }

    /// The key for a purpose under one root key; nothing if the keyring lacks that root key.
    pub fn derive(&self, root_id: u32, purpose: Purpose) -> Option<DerivedKey> {
        self.roots
            .get(root_id)
            .map(|root| derive(root, purpose.label()))
    }

    /// The key for a purpose under the current root key.
    pub fn derive_current(&self, purpose: Purpose) -> DerivedKey {
        derive(&self.roots.current.1, purpose.label())
    }

    /// The keys for a purpose under every root key, newest first: to accept what was
    /// authenticated before the root key changed.
    pub fn derive_all(&self, purpose: Purpose) -> Vec<DerivedKey> {
        let mut keys: Vec<_> = self
            .roots
            .all()
            .map(|(_, root)| derive(root, purpose.label()))
            .collect();
        keys.reverse();
        keys
    }

    /// The peppers, as core's token digests want them.
    ///
    /// # Errors
    /// None that can happen: the ids of a keyring differ.
    pub fn peppers(&self) -> Result<PepperRing, SamePepperId> {
        let pepper = |(id, bytes): &(u32, DerivedKey)| Pepper::new(PepperId(*id), bytes);
        PepperRing::new(
            pepper(&self.peppers.current),
            self.peppers.former.last().map(pepper),
        )
    }

    /// The key that passwords are authenticated with before they are hashed, under one pepper.
    pub(crate) fn password_key(&self, pepper_id: u32) -> Option<DerivedKey> {
        self.peppers
            .get(pepper_id)
            .map(|pepper| derive(pepper, PASSWORD_LABEL))
    }

    /// As [`Keyring::password_key`], under the current pepper.
    pub(crate) fn current_password_key(&self) -> DerivedKey {
        derive(&self.peppers.current.1, PASSWORD_LABEL)
    }

    fn keys(&self, kind: Kind) -> &Keys {
        match kind {
            Kind::Root => &self.roots,
            Kind::Pepper => &self.peppers,
        }
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Keyring")
            .field("root_ids", &self.ids(Kind::Root))
            .field("pepper_ids", &self.ids(Kind::Pepper))
            .finish_non_exhaustive()
    }
}

impl Keys {
    fn generate() -> Self {
        Self {
            former: Vec::new(),
            current: (1, random_key()),
        }
    }

    fn new(kind: Kind, mut ascending: Vec<(u32, DerivedKey)>) -> Result<Self, KeyringFault> {
        if ascending.len() > kind.keys_max() {
            return Err(KeyringFault::TooMany(kind));
        }
        let current = ascending.pop().ok_or(KeyringFault::Missing(kind))?;
        Ok(Self {
            former: ascending,
            current,
        })
    }

    fn all(&self) -> impl Iterator<Item = &(u32, DerivedKey)> {
        self.former.iter().chain([&self.current])
    }

    fn get(&self, id: u32) -> Option<&DerivedKey> {
        self.all()
            .find(|(candidate, _)| *candidate == id)
            .map(|(_, key)| key)
    }

    fn add(&self, kind: Kind) -> Result<Self, KeyringFault> {
        let id = self
            .current
            .0
            .checked_add(1)
            .ok_or(KeyringFault::TooMany(kind))?;
        let mut keys: Vec<_> = self.all().cloned().collect();
        keys.push((id, random_key()));
        Self::new(kind, keys)
    }

    fn without(&self, kind: Kind, id: u32) -> Result<Self, KeyringFault> {
        if id == self.current.0 {
            return Err(KeyringFault::Current(kind, id));
        }
        self.get(id).ok_or(KeyringFault::Unknown(kind, id))?;
        Self::new(
            kind,
            self.all()
                .filter(|(candidate, _)| *candidate != id)
                .cloned()
                .collect(),
        )
    }
}

/// Longest line: kind, a 32-bit id, 64 hex digits, two spaces.
const MAX_LINE_BYTES: usize = 6 + 1 + 10 + 1 + 64;

fn parse_entry(entry: &str) -> Option<(Kind, u32, DerivedKey)> {
    let mut words = entry.split_ascii_whitespace();
    let (word, id, digits) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() {
        return None;
    }
    let kind = Kind::from_word(word)?;
    // `u32` would also accept `+1`, and two spellings of one id.
    let canonical = id.bytes().all(|byte| byte.is_ascii_digit()) && !id.starts_with('0');
    let id = id.parse().ok().filter(|_| canonical)?;
    let mut key = Zeroizing::new([0; 32]);
    hex::decode_to_slice(digits, key.as_mut_slice()).ok()?;
    Some((kind, id, key))
}

fn push_line(text: &mut String, kind: Kind, id: u32, key: &DerivedKey) {
    let mut digits = hex::encode(key.as_slice());
    text.push_str(kind.word());
    text.push(' ');
    text.push_str(&id.to_string());
    text.push(' ');
    text.push_str(&digits);
    digits.zeroize();
}

#[cfg(test)]
mod tests;
