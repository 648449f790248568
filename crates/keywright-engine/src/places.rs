//! Where an address is, from the operator's MaxMind databases: read whole into memory, replaced as
//! a whole when a file changes, and kept as they are when a new file is broken.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use keywright_core::restriction::place::{Country, NetworkNumber};
use maxminddb::{MaxMindDbError, PathElement, Reader};
use thiserror::Error;

/// Where databases have the country: MaxMind's own, flat ones, and those that nest nothing.
const COUNTRY_PATHS: [&[PathElement<'_>]; 3] = [
    &[PathElement::Key("country"), PathElement::Key("iso_code")],
    &[PathElement::Key("country_code")],
    &[PathElement::Key("country")],
];
/// Where databases have the number of the network.
const NETWORK_PATHS: [&[PathElement<'_>]; 3] = [
    &[PathElement::Key("autonomous_system_number")],
    &[PathElement::Key("asn")],
    &[PathElement::Key("as_number")],
];

/// The files. Several stand for one: the first that knows an address answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlaceFiles {
    /// With countries.
    pub country: Vec<PathBuf>,
    /// With numbers of networks.
    pub network: Vec<PathBuf>,
}

/// A file is no database, or cannot be read.
#[derive(Debug, Error)]
#[error("cannot use the database `{path}`")]
pub struct PlacesError {
    /// The file.
    pub path: PathBuf,
    /// Why not.
    #[source]
    pub cause: MaxMindDbError,
}

/// What the files say.
#[derive(Debug, Default)]
pub struct Places {
    country: Vec<Reader<Vec<u8>>>,
    network: Vec<Reader<Vec<u8>>>,
}

impl Places {
    /// Reads and checks the files. Blocks.
    ///
    /// # Errors
    /// The first file that cannot be used.
    pub fn load(files: &PlaceFiles) -> Result<Self, PlacesError> {
        let all = |paths: &[PathBuf]| {
            paths
                .iter()
                .map(|path| read(path))
                .collect::<Result<_, _>>()
        };
        Ok(Self {
            country: all(&files.country)?,
            network: all(&files.network)?,
        })
    }

    /// The country of an address.
    #[must_use]
    pub fn country(&self, address: IpAddr) -> Option<Country> {
        self.country
            .iter()
            .find_map(|reader| country(reader, address.to_canonical()))
    }

    /// The network of an address.
    #[must_use]
    pub fn network(&self, address: IpAddr) -> Option<NetworkNumber> {
        self.network
            .iter()
            .find_map(|reader| network(reader, address.to_canonical()))
    }
}

fn read(path: &Path) -> Result<Reader<Vec<u8>>, PlacesError> {
    let checked = Reader::open_readfile(path).and_then(|reader| {
        // A file that is damaged inside would fail in the middle of checks.
        reader.verify()?;
        Ok(reader)
    });
    checked.map_err(|cause| PlacesError {
        path: path.to_owned(),
        cause,
    })
}

/// What cannot be read is not known: an IPv6 address in a database of IPv4, a record of another kind.
fn country(reader: &Reader<Vec<u8>>, address: IpAddr) -> Option<Country> {
    let found = reader.lookup(address).ok()?;
    COUNTRY_PATHS
        .iter()
        .find_map(|path| found.decode_path::<&str>(path).ok().flatten())
        .and_then(|code| code.parse().ok())
}

fn network(reader: &Reader<Vec<u8>>, address: IpAddr) -> Option<NetworkNumber> {
    let found = reader.lookup(address).ok()?;
    let number = NETWORK_PATHS.iter().find_map(|path| {
        let number = found.decode_path::<u32>(path).ok().flatten();
        // Some print it, as `AS64496`.
        number.or_else(|| {
            let text = found.decode_path::<&str>(path).ok().flatten()?;
            text.strip_prefix("AS").unwrap_or(text).parse().ok()
        })
    });
    number.and_then(NetworkNumber::new)
}

/// How a file looked: when it was changed, and its size.
type Stamp = Option<(SystemTime, u64)>;

/// Notices when the files change.
#[derive(Debug)]
pub struct PlaceWatch {
    files: PlaceFiles,
    seen: Vec<Stamp>,
}

impl PlaceWatch {
    /// Watches the files from how they are now.
    #[must_use]
    pub fn new(files: PlaceFiles) -> Self {
        let seen = stamps(&files);
        Self { files, seen }
    }

    /// Whether there is anything to watch.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Reads the files now. Blocks.
    ///
    /// # Errors
    /// The first file that cannot be used.
    pub fn load(&self) -> Result<Places, PlacesError> {
        Places::load(&self.files)
    }

    /// Reads the files again if one has changed since the last look. What failed is tried again
    /// when a file changes again. Blocks.
    ///
    /// # Errors
    /// The first file that cannot be used.
    pub fn refresh(&mut self) -> Result<Option<Places>, PlacesError> {
        // Looked at before the reading, so that a change in the middle of it is a change still.
        let now = stamps(&self.files);
        if now == self.seen {
            return Ok(None);
        }
        self.seen = now;
        self.load().map(Some)
    }
}

fn stamps(files: &PlaceFiles) -> Vec<Stamp> {
    let stamp = |path: &PathBuf| {
        let about = std::fs::metadata(path).ok()?;
        Some((about.modified().ok()?, about.len()))
    };
    files
        .country
        .iter()
        .chain(&files.network)
        .map(stamp)
        .collect()
}

#[cfg(test)]
mod tests;
