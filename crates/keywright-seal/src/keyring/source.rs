//! Where a keyring's text comes from, and the errors an operator sees when it does not.

use std::fmt;
use std::io;
use std::path::PathBuf;

use keywright_core::secret::Secret;

use crate::keyring::command::{TIME_LIMIT, run};
use crate::keyring::file;
use crate::keyring::{Keyring, KeyringFault};

/// Where the keyring is kept.
pub enum KeyringSource {
    /// A file that only we may read; made on first start.
    File(PathBuf),
    /// The text itself, from an environment variable (which the caller removes after reading).
    Text(Secret),
    /// A shell command that prints the text, such as a vault's client.
    Command(String),
}

/// The keyring cannot be read or written: one line for the operator, without any key.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The text is not a keyring.
    #[error("keyring {origin}: {fault}")]
    Invalid {
        /// Where the text came from.
        origin: String,
        /// What is wrong with it.
        fault: KeyringFault,
    },
    /// The file cannot be read or written.
    #[error("keyring {origin}: {cause}")]
    Io {
        /// Which file.
        origin: String,
        /// What the operating system said.
        cause: io::Error,
    },
    /// Others may read or write the file.
    #[error("keyring {origin}: others may access it (mode {mode:04o}): run `chmod 600` on it")]
    Exposed {
        /// Which file.
        origin: String,
        /// Permission bits of the file.
        mode: u32,
    },
    /// The file belongs to somebody who could change it under our feet.
    #[error(
        "keyring {origin}: it belongs to user {owner}, but we run as user {user}: run `chown {user}` on it"
    )]
    Foreign {
        /// Which file.
        origin: String,
        /// Numeric id of the owner.
        owner: u32,
        /// Numeric id of the user we run as.
        user: u32,
    },
    /// The command could not be run, failed, or said too much.
    #[error("keyring {origin}: the command {problem}")]
    Command {
        /// Always `from the command`: the command line itself may hold a credential.
        origin: String,
        /// What went wrong.
        problem: CommandProblem,
    },
    /// Only a file can be saved; the operator changes the others at their source.
    #[error(
        "keyring {origin}: it cannot be changed from here: change the line at its source, then start again"
    )]
    NotWritable {
        /// Where the keyring comes from.
        origin: String,
    },
}

/// What went wrong with a keyring command.
#[derive(Debug, thiserror::Error)]
pub enum CommandProblem {
    /// `sh` could not be started or read.
    #[error("could not be run: {0}")]
    Io(#[from] io::Error),
    /// It ended with an error.
    #[error("ended with {0}")]
    Failed(std::process::ExitStatus),
    /// It took too long.
    #[error("did not end within {} s", TIME_LIMIT.as_secs())]
    TimeLimit,
}

impl fmt::Debug for KeyringSource {
    /// As `Display`: a command line may hold a vault's credential.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyringSource({self})")
    }
}

impl fmt::Display for KeyringSource {
    /// Names the source without anything secret in it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "`{}`", path.display()),
            Self::Text(_) => formatter.write_str("from the environment"),
            Self::Command(_) => formatter.write_str("from the command"),
        }
    }
}

impl Keyring {
    /// Reads the keyring. A file that does not exist is made, with new keys and mode 0600.
    ///
    /// # Errors
    /// [`KeyringError`] with one clear line; the server must not start.
    pub fn load(source: &KeyringSource) -> Result<Self, KeyringError> {
        let origin = || source.to_string();
        let parse = |text: &str| {
            Self::parse(text).map_err(|fault| KeyringError::Invalid {
                origin: origin(),
                fault,
            })
        };
        let from_bytes = |bytes: &[u8]| match std::str::from_utf8(bytes) {
            Ok(text) => parse(text),
            Err(_) => Err(KeyringError::Invalid {
                origin: origin(),
                fault: KeyringFault::NotText,
            }),
        };
        match source {
            KeyringSource::Text(text) => parse(text.expose()),
            KeyringSource::Command(command) => match run(command, TIME_LIMIT) {
                Ok(output) => from_bytes(&output),
                Err(problem) => Err(KeyringError::Command {
                    origin: origin(),
                    problem,
                }),
            },
            KeyringSource::File(path) => {
                if let Some(bytes) = file::read(path)? {
                    return from_bytes(&bytes);
                }
                file::create(path, &Self::generate().to_text())?;
                // Read back: another process may have been first, and its keys are the ones that count.
                match file::read(path)? {
                    Some(bytes) => from_bytes(&bytes),
                    None => Err(KeyringError::Io {
                        origin: origin(),
                        cause: io::ErrorKind::NotFound.into(),
                    }),
                }
            }
        }
    }

    /// Replaces the file with this keyring, all or nothing.
    ///
    /// # Errors
    /// [`KeyringError::NotWritable`] for the environment and commands (show the operator
    /// [`Keyring::line`] instead), [`KeyringError::Io`] for a file.
    pub fn save(&self, source: &KeyringSource) -> Result<(), KeyringError> {
        match source {
            KeyringSource::File(path) => file::replace(path, &self.to_text()),
            KeyringSource::Text(_) | KeyringSource::Command(_) => Err(KeyringError::NotWritable {
                origin: source.to_string(),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
