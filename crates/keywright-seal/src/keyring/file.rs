//! The keyring's file: read only when nobody else can have touched it, written so that
//! a power cut leaves the old file or the new one, never half of either.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use keywright_core::secret::Secret;
use zeroize::Zeroizing;

use crate::entropy::random_bytes;
use crate::keyring::{KeyringError, MAX_TEXT_BYTES};

/// Reads the whole file, or nothing if there is none.
pub(super) fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(failed(path, cause)),
    };
    // Asked of the open file, not of the path: the path may change in between.
    let metadata = file.metadata().map_err(|cause| failed(path, cause))?;
    if !metadata.is_file() {
        return Err(failed(path, io::Error::other("it is not a file")));
    }
    check_access(path, &metadata)?;
    // One byte more than allowed, so that parsing sees that it is too long.
    let limit = MAX_TEXT_BYTES.saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit));
    file.take(limit as u64)
        .read_to_end(&mut bytes)
        .map_err(|cause| failed(path, cause))?;
    Ok(Some(bytes))
}

/// Makes the file. If another process makes it at the same time, its file stands.
pub(super) fn create(path: &Path, text: &Secret) -> Result<(), KeyringError> {
    let outcome = (|| {
        private_directory(parent(path))?;
        let temporary = write_temporary(path, text)?;
        // Unlike a rename, a link never replaces a keyring that is already there.
        let linked = fs::hard_link(&temporary, path);
        fs::remove_file(&temporary)?;
        match linked {
            Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => Err(cause),
            _ => sync_directory(parent(path)),
        }
    })();
    outcome.map_err(|cause| failed(path, cause))
}

/// Replaces the file, all or nothing.
pub(super) fn replace(path: &Path, text: &Secret) -> Result<(), KeyringError> {
    let outcome = write_temporary(path, text).and_then(|temporary| {
        if let Err(cause) = fs::rename(&temporary, path) {
            // Keys must not lie about in a forgotten file; the first cause matters more than this one.
            let _ = fs::remove_file(&temporary);
            return Err(cause);
        }
        sync_directory(parent(path))
    });
    outcome.map_err(|cause| failed(path, cause))
}

fn write_temporary(path: &Path, text: &Secret) -> io::Result<PathBuf> {
    let mut name = path
        .file_name()
        .ok_or(io::ErrorKind::InvalidFilename)?
        .to_os_string();
    name.push(format!(".{}.tmp", hex::encode(random_bytes::<8>())));
    let temporary = path.with_file_name(name);
    let mut file = private_options().open(&temporary)?;
    let written = file
        .write_all(text.expose().as_bytes())
        .and_then(|()| file.sync_all());
    if let Err(cause) = written {
        // As above: nothing may be left behind.
        let _ = fs::remove_file(&temporary);
        return Err(cause);
    }
    Ok(temporary)
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn failed(path: &Path, cause: io::Error) -> KeyringError {
    KeyringError::Io {
        origin: format!("`{}`", path.display()),
        cause,
    }
}

#[cfg(unix)]
fn private_options() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options
}

#[cfg(unix)]
fn private_directory(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
}

/// Refuses a file that somebody other than us and the administrator can read or write.
#[cfg(unix)]
fn check_access(path: &Path, metadata: &fs::Metadata) -> Result<(), KeyringError> {
    use std::os::unix::fs::MetadataExt;
    const ROOT: u32 = 0;
    const GROUP_AND_OTHERS: u32 = 0o077;
    /// A systemd credential belongs to root; the service gets in by an access list whose mask
    /// shows up in the group bits.
    const SYSTEMD_CREDENTIAL: u32 = 0o440;
    let origin = || format!("`{}`", path.display());
    let user = rustix::process::geteuid().as_raw();
    let owner = metadata.uid();
    if owner != user && owner != ROOT {
        return Err(KeyringError::Foreign {
            origin: origin(),
            owner,
            user,
        });
    }
    let mode = metadata.mode() & 0o777;
    let is_credential =
        owner == ROOT && metadata.gid() == ROOT && user != ROOT && mode == SYSTEMD_CREDENTIAL;
    if mode & GROUP_AND_OTHERS != 0 && !is_credential {
        return Err(KeyringError::Exposed {
            origin: origin(),
            mode,
        });
    }
    Ok(())
}

#[cfg(not(unix))]
fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    options
}

#[cfg(not(unix))]
fn private_directory(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).create(directory)
}

#[cfg(not(unix))]
fn check_access(_: &Path, _: &fs::Metadata) -> Result<(), KeyringError> {
    Ok(())
}
