//! `keywright secrets`: rotation of root keys and peppers while the server runs.

use clap::{Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::Value;

use super::Target;
use crate::output;
use crate::table;

/// What to do with the keyring.
#[derive(Subcommand)]
pub(crate) enum Secrets {
    /// Shows which root keys and peppers there are, and what still needs each
    Status,
    /// Adds a key and uses it from now on
    Rotate {
        /// Of which kind
        kind: Kind,
    },
    /// Drops a former key that nothing needs any more
    Drop {
        /// Of which kind
        kind: Kind,
        /// Which one
        id: u32,
    },
}

/// A kind of key in the keyring.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Kind {
    /// Seals values at rest
    Root,
    /// Digests keys and passwords
    Pepper,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Pepper => "pepper",
        }
    }
}

/// Does it.
pub(crate) async fn run(target: &Target, secrets: Secrets) -> anyhow::Result<()> {
    let (method, path) = match secrets {
        Secrets::Status => (Method::GET, "/api/v1/secrets".to_owned()),
        Secrets::Rotate { kind } => (
            Method::POST,
            format!("/api/v1/secrets/{}/rotate", kind.word()),
        ),
        Secrets::Drop { kind, id } => (
            Method::POST,
            format!("/api/v1/secrets/{}/{id}/drop", kind.word()),
        ),
    };
    let answer = target.api()?.call(method, &path, &[], None).await?;
    if target.json {
        output::line(&answer.body.to_string());
        return Ok(());
    }
    for (title, name) in [("Root keys", "roots"), ("Peppers", "peppers")] {
        let keys = answer.body.get(name).unwrap_or(&Value::Null);
        output::line(title);
        output::line(&table::list(keys, &["id", "current", "needed_by"]));
    }
    Ok(())
}
