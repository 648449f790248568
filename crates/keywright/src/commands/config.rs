//! `keywright config`: what holds, and where it came from.

use clap::Subcommand;
use serde_json::{Map, json};

use super::Target;
use crate::output;
use crate::serve;
use crate::settings::{Flags, SETTINGS, Settings};

/// What to do with the configuration.
#[derive(Subcommand)]
pub(crate) enum Config {
    /// Prints every setting with its source; secrets as `(set)`
    Print {
        #[command(flatten)]
        flags: Box<Flags>,
    },
    /// Says whether a server could start with it
    Check {
        #[command(flatten)]
        flags: Box<Flags>,
    },
}

/// Does it.
pub(crate) fn run(target: &Target, config: Config) -> anyhow::Result<()> {
    match config {
        Config::Print { flags } => {
            print(target, &Settings::load(&flags, crate::variable)?);
            Ok(())
        }
        Config::Check { flags } => {
            let settings = Settings::load(&flags, crate::variable)?;
            serve::check(&settings)?;
            output::line("the configuration is sound");
            Ok(())
        }
    }
}

fn print(target: &Target, settings: &Settings) {
    let shown = |name: &str, secret: bool| match settings.given(name) {
        Some(_) if secret => "(set)".to_owned(),
        Some(value) if name == "database" => without_password(value),
        Some(value) => value.to_owned(),
        None => String::new(),
    };
    if target.json {
        let all: Map<_, _> = SETTINGS
            .iter()
            .map(|setting| {
                let source = settings.source(setting.name).to_string();
                let value = shown(setting.name, setting.secret);
                (
                    setting.name.to_owned(),
                    json!({"value": value, "source": source}),
                )
            })
            .collect();
        output::line(&serde_json::Value::Object(all).to_string());
        return;
    }
    for setting in &SETTINGS {
        let value = shown(setting.name, setting.secret);
        output::line(&format!(
            "{} = {value}  ({})",
            setting.name,
            settings.source(setting.name)
        ));
    }
}

fn without_password(database: &str) -> String {
    match url::Url::parse(database) {
        Ok(mut url) if url.password().is_some() => {
            let _ = url.set_password(Some("***"));
            url.to_string()
        }
        _ => database.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_password_is_not_printed() {
        let shown = without_password("postgres://kw:hunter2@db/keywright");
        assert_eq!(shown, "postgres://kw:***@db/keywright");
        assert_eq!(without_password("sqlite:./x.db"), "sqlite:./x.db");
    }
}
