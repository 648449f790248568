//! Where the command line keeps what it is signed in to: a file of mode 0600 in the user's
//! configuration folder, with one section for each profile.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use anyhow::Context;
use keywright_engine::clock::{Clock, SystemClock};
use serde::{Deserialize, Serialize};

/// Seconds before its end from which an access token is renewed: longer than a slow call.
const MARGIN_SECONDS: i64 = 30;

/// One server, tenant and session.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Profile {
    #[serde(skip)]
    name: String,
    /// Base URL.
    pub(crate) server: String,
    /// Slug.
    pub(crate) tenant: String,
    /// The access token.
    #[serde(default)]
    pub(crate) access_token: Option<String>,
    /// The refresh token.
    #[serde(default)]
    pub(crate) refresh_token: Option<String>,
    /// When the access token ends, in Unix seconds.
    #[serde(default)]
    ends_at: i64,
}

#[derive(Default, Serialize, Deserialize)]
struct File {
    #[serde(default)]
    profiles: BTreeMap<String, Profile>,
}

impl Profile {
    /// The profile of this name, or a new one.
    pub(crate) fn load(name: &str) -> anyhow::Result<Self> {
        let mut file = read()?;
        let known = file.profiles.remove(name);
        let profile = known.unwrap_or_else(|| Self {
            name: String::new(),
            server: "http://127.0.0.1:3000".to_owned(),
            tenant: "default".to_owned(),
            access_token: None,
            refresh_token: None,
            ends_at: 0,
        });
        Ok(Self {
            name: name.to_owned(),
            ..profile
        })
    }

    /// Keeps the profile.
    pub(crate) fn save(&self) -> anyhow::Result<()> {
        let mut file = read()?;
        file.profiles.insert(self.name.clone(), self.clone());
        let path = path()?;
        if let Some(folder) = path.parent() {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
        }
        let text = toml::to_string(&file)?;
        let temporary = path.with_extension("new");
        let mut output = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)
            .with_context(|| format!("cannot write `{}`", temporary.display()))?;
        output.write_all(text.as_bytes())?;
        std::fs::rename(&temporary, &path)?;
        Ok(())
    }

    /// Whether the access token has run out, or will in a moment.
    pub(crate) fn has_run_out(&self) -> bool {
        now() + MARGIN_SECONDS >= self.ends_at
    }

    /// The access token lives so many seconds from now.
    pub(crate) fn set_life(&mut self, seconds: i64) {
        self.ends_at = now().saturating_add(seconds);
    }

    /// Forgets the session.
    pub(crate) fn sign_out(&mut self) {
        self.access_token = None;
        self.refresh_token = None;
    }
}

fn now() -> i64 {
    SystemClock::default().now().seconds()
}

fn read() -> anyhow::Result<File> {
    let path = path()?;
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            toml::from_str(&text).with_context(|| format!("`{}` is damaged", path.display()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(File::default()),
        Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    }
}

fn path() -> anyhow::Result<PathBuf> {
    let folder = match crate::variable("XDG_CONFIG_HOME").filter(|text| !text.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => {
            PathBuf::from(crate::variable("HOME").context("`HOME` is not set")?).join(".config")
        }
    };
    Ok(folder.join("keywright").join("cli.toml"))
}
