//! Where the database is, in one line of text that may hold a password.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use thiserror::Error;

/// Where the database is: `sqlite:PATH` or `postgres://...`. Neither `Debug` nor `Display` shows a password.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file, made with its folder when it is not there.
    Sqlite(PathBuf),
    /// A PostgreSQL URL, password and all.
    Postgres(String),
}

/// The text is no database's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a database is given as `sqlite:PATH` or `postgres://USER@HOST/NAME`")]
pub struct InvalidDatabaseUrl;

impl FromStr for DatabaseUrl {
    type Err = InvalidDatabaseUrl;

    fn from_str(text: &str) -> Result<Self, InvalidDatabaseUrl> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() || path.contains(['?', '\0']) {
                Err(InvalidDatabaseUrl)
            } else {
                Ok(Self::Sqlite(path.into()))
            };
        }
        let postgres = text.starts_with("postgres://") || text.starts_with("postgresql://");
        if postgres && PgConnectOptions::from_str(text).is_ok() {
            Ok(Self::Postgres(text.into()))
        } else {
            Err(InvalidDatabaseUrl)
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(formatter, "sqlite:{}", path.display()),
            Self::Postgres(url) => match PgConnectOptions::from_str(url) {
                Ok(options) => write!(
                    formatter,
                    "postgres://{}:{}/{}",
                    options.get_host(),
                    options.get_port(),
                    options.get_database().unwrap_or_default()
                ),
                Err(_) => formatter.write_str("postgres://"),
            },
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn a_url_never_shows_its_password() {
        let url: DatabaseUrl = "postgres://me:hunter2@db.example.com:5433/keys"
            .parse()
            .unwrap();
        assert_eq!(url.to_string(), "postgres://db.example.com:5433/keys");
        assert!(!format!("{url:?}").contains("hunter2"));
        assert_eq!(
            "sqlite:/a/b.db".parse(),
            Ok(DatabaseUrl::Sqlite("/a/b.db".into()))
        );
        assert_eq!(
            "sqlite:///a/b.db".parse(),
            Ok(DatabaseUrl::Sqlite("/a/b.db".into()))
        );
        for bad in [
            "",
            "sqlite:",
            "mysql://x",
            "/a/b.db",
            "postgres",
            "sqlite:a?mode=ro",
        ] {
            assert_eq!(bad.parse::<DatabaseUrl>(), Err(InvalidDatabaseUrl), "{bad}");
        }
    }
}
