//! Every setting, declared once: its name gives the TOML key, the environment variable and the flag,
//! and its line here is its line in the reference.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, bail};
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

/// A setting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// The TOML key; `KEYWRIGHT_` and this in capitals is the environment variable, and with hyphens
    /// it is the flag.
    pub(crate) name: &'static str,
    /// What holds when nobody sets it.
    pub(crate) default: &'static str,
    /// Never a flag, and never printed.
    pub(crate) secret: bool,
    /// What it does, for people.
    pub(crate) about: &'static str,
}

const fn setting(name: &'static str, default: &'static str, about: &'static str) -> Setting {
    Setting {
        name,
        default,
        secret: false,
        about,
    }
}

const fn secret(name: &'static str, about: &'static str) -> Setting {
    Setting {
        name,
        default: "",
        secret: true,
        about,
    }
}

/// Every setting, in the order of the reference.
pub(crate) const SETTINGS: [Setting; 29] = [
    setting("listen", "127.0.0.1:3000", "Address and port to listen on"),
    setting(
        "data",
        "./data",
        "Folder for the embedded database and the keyring; made with mode 0700",
    ),
    setting(
        "database",
        "",
        "`sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`; empty = SQLite in the data folder",
    ),
    setting(
        "database_connections",
        "8",
        "Connections to the database at most",
    ),
    setting(
        "public_url",
        "",
        "How users reach the server, such as `https://keys.example.com`; empty = from `listen`. It is the `iss` of JWT keys",
    ),
    setting(
        "tls_certificate",
        "",
        "PEM file with the certificate chain; reloaded when it changes",
    ),
    setting("tls_key", "", "PEM file with the certificate's private key"),
    setting(
        "insecure_http",
        "false",
        "Serve plain HTTP on an address that is not loopback, and take credentials over it",
    ),
    setting(
        "trusted_proxies",
        "",
        "Networks whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed, separated by commas; none by default",
    ),
    setting(
        "open_verify",
        "false",
        "Answer `POST /api/v1/verify` without a credential; only where nobody else can reach the port",
    ),
    setting(
        "geo_country_database",
        "",
        "`.mmdb` files that tell the country of an address, separated by commas; read again when they change",
    ),
    setting(
        "geo_network_database",
        "",
        "`.mmdb` files that tell the network (AS number) of an address, separated by commas; read again when they change",
    ),
    setting(
        "keyring_file",
        "",
        "File with root keys and peppers, made on first start with mode 0600; empty = `keyring` in the data folder",
    ),
    setting(
        "keyring_command",
        "",
        "Shell command that prints the keyring instead",
    ),
    secret(
        "keyring",
        "The keyring itself: `root 1 <hex>; pepper 1 <hex>`",
    ),
    setting(
        "cache_keys",
        "1000000",
        "Keys held in memory at most, about 400 bytes each",
    ),
    setting("access_token_minutes", "60", "Life of an access token"),
    setting(
        "session_days",
        "30",
        "Life of a sign-in, however often it is renewed",
    ),
    setting(
        "cookie_idle_minutes",
        "60",
        "A cookie unused for so long stops working",
    ),
    setting(
        "drain_seconds",
        "30",
        "How long requests in flight may take to finish at shutdown",
    ),
    setting(
        "cluster_consistency",
        "bounded",
        "What a node does that has lost touch with PostgreSQL, and with it word of revocations: `strict` = accepts no key; `bounded` = accepts what it knows for `cluster_max_stale_seconds`; `available` = for a day. Calls that take something back answer 202 while such a node may accept it",
    ),
    setting(
        "cluster_max_stale_seconds",
        "300",
        "How long a `bounded` node accepts what it knows, 0 to 86400",
    ),
    setting(
        "cluster_node",
        "",
        "This node's name in answers and logs, without spaces; empty = host name and port",
    ),
    setting(
        "log",
        "info",
        "What is logged: `error`, `warn`, `info`, `debug`, `trace`, or `target=level,...`",
    ),
    setting("log_format", "text", "`text` or `json`"),
    setting(
        "admin_email",
        "",
        "The first administrator, made at the first start",
    ),
    secret(
        "admin_password",
        "The first administrator's password, at least 15 characters",
    ),
    setting(
        "tenant",
        "default",
        "The first tenant, made at the first start",
    ),
    setting(
        "config",
        "keywright.toml",
        "TOML file with settings; read when it is there",
    ),
];

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Nobody set it.
    Default,
    /// The TOML file.
    File(String),
    /// The environment.
    Environment(String),
    /// The command line.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File(path) => write!(formatter, "{path}"),
            Self::Environment(name) | Self::Flag(name) => formatter.write_str(name),
        }
    }
}

impl Setting {
    /// The environment variable.
    pub(crate) fn variable(&self) -> String {
        format!("KEYWRIGHT_{}", self.name.to_uppercase())
    }

    /// The flag, without its hyphens.
    pub(crate) fn flag(&self) -> String {
        self.name.replace('_', "-")
    }
}

/// The settings that were given as flags.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags(BTreeMap<&'static str, String>);

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |setting: &Setting| {
            let value = matches.get_one::<String>(setting.name)?;
            Some((setting.name, value.clone()))
        };
        Ok(Self(
            SETTINGS
                .iter()
                .filter(|it| !it.secret)
                .filter_map(given)
                .collect(),
        ))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        command.args(
            SETTINGS
                .iter()
                .filter(|setting| !setting.secret)
                .map(|setting| {
                    Arg::new(setting.name)
                        .long(setting.flag())
                        .value_name("VALUE")
                        .help(setting.about)
                }),
        )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// Every setting with its value.
#[derive(Clone, Debug)]
pub(crate) struct Settings(BTreeMap<&'static str, (String, Source)>);

impl Settings {
    /// Defaults, then the file, then the environment, then flags.
    pub(crate) fn load(
        flags: &Flags,
        environment: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let mut settings = Self(
            SETTINGS
                .iter()
                .map(|setting| (setting.name, (setting.default.to_owned(), Source::Default)))
                .collect(),
        );
        let variable = environment("KEYWRIGHT_CONFIG");
        let named = flags.0.get("config").cloned().or(variable);
        let path = named.clone().unwrap_or_else(|| "keywright.toml".to_owned());
        if named.is_some() || Path::new(&path).exists() {
            settings.read_file(&path)?;
        }
        for setting in &SETTINGS {
            if let Some(value) = environment(&setting.variable()) {
                settings.set(setting, value, Source::Environment(setting.variable()));
            }
            if let Some(value) = flags.0.get(setting.name) {
                let source = Source::Flag(format!("--{}", setting.flag()));
                settings.set(setting, value.clone(), source);
            }
        }
        Ok(settings)
    }

    /// Variables that begin like ours and name no setting: most are slips of the pen.
    pub(crate) fn unknown_variables(names: impl Iterator<Item = String>) -> Vec<String> {
        /// Read by the command line, not by the server.
        const OF_COMMANDS: [&str; 7] = [
            "KEYWRIGHT_SERVER",
            "KEYWRIGHT_TOKEN",
            "KEYWRIGHT_PASSWORD",
            "KEYWRIGHT_NEW_PASSWORD",
            "KEYWRIGHT_KEY",
            "KEYWRIGHT_SECRET",
            "KEYWRIGHT_BIN",
        ];
        let known = |name: &String| {
            OF_COMMANDS.contains(&name.as_str())
                || SETTINGS.iter().any(|setting| setting.variable() == *name)
        };
        names
            .filter(|name| name.starts_with("KEYWRIGHT_") && !known(name))
            .collect()
    }

    fn read_file(&mut self, path: &str) -> anyhow::Result<()> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration file `{path}`"))?;
        let table: toml::Table = text
            .parse()
            .with_context(|| format!("`{path}` is not valid TOML"))?;
        for (name, value) in table {
            let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) else {
                bail!(
                    "`{path}` sets `{name}`, which is not a setting; see `keywright config print`"
                );
            };
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(flag) => flag.to_string(),
                toml::Value::Array(items) => {
                    let texts: Option<Vec<_>> = items.iter().map(|item| item.as_str()).collect();
                    let problem = || format!("`{name}` in `{path}` is a list of texts");
                    texts.with_context(problem)?.join(",")
                }
                _ => bail!("`{name}` in `{path}` is a text, a number, true, false or a list"),
            };
            self.set(setting, text, Source::File(path.to_owned()));
        }
        Ok(())
    }

    fn set(&mut self, setting: &Setting, value: String, source: Source) {
        self.0.insert(setting.name, (value, source));
    }

    /// The text of a setting; empty when it is not set.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |(value, _)| value.as_str())
    }

    /// The text of a setting that is set.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// Where a setting came from.
    pub(crate) fn source(&self, name: &str) -> &Source {
        self.0
            .get(name)
            .map_or(&Source::Default, |(_, source)| source)
    }

    /// A setting of another type than text.
    ///
    /// # Errors
    /// One line that names the setting, where it came from, and what is wrong. Secrets are never
    /// parsed, so the value may be shown.
    pub(crate) fn parsed<T: FromStr>(&self, name: &str) -> anyhow::Result<T>
    where
        T::Err: fmt::Display,
    {
        let text = self.text(name);
        text.trim().parse().map_err(|error| {
            anyhow::anyhow!(
                "setting `{name}` (from {}) is `{text}`: {error}",
                self.source(name)
            )
        })
    }
}

/// The reference page.
pub(crate) fn reference() -> String {
    let mut page = String::from(concat!(
        "# Configuration\n\n",
        "Generated by `cargo xtask generate` from the declaration of the settings. A flag outranks the\n",
        "environment, which outranks the TOML file (`keywright.toml`, or the one that `config` names).\n",
        "`keywright config print` shows every value and where it came from.\n\n",
        "| TOML key | environment | flag | default | what it does |\n|---|---|---|---|---|\n",
    ));
    for setting in &SETTINGS {
        let flag = if setting.secret {
            "none: it is a secret".to_owned()
        } else {
            format!("`--{}`", setting.flag())
        };
        let default = match setting.default {
            "" => String::new(),
            default => format!("`{default}`"),
        };
        let about = setting.about.replace('|', "\\|");
        page.push_str(&format!(
            "| `{}` | `{}` | {flag} | {default} | {about} |\n",
            setting.name,
            setting.variable()
        ));
    }
    page
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    fn flags(given: &[(&'static str, &str)]) -> Flags {
        Flags(
            given
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn a_flag_outranks_the_environment_and_that_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.toml");
        std::fs::write(&path, "listen = \"1.1.1.1:1\"\ncache_keys = 7\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\ndata = \"/file\"").unwrap();
        let path = path.to_str().unwrap().to_owned();
        let environment = |name: &str| match name {
            "KEYWRIGHT_CONFIG" => Some(path.clone()),
            "KEYWRIGHT_LISTEN" => Some("2.2.2.2:2".to_owned()),
            "KEYWRIGHT_DATA" => Some("/environment".to_owned()),
            _ => None,
        };
        let settings = Settings::load(&flags(&[("listen", "3.3.3.3:3")]), environment).unwrap();
        assert_eq!(settings.text("listen"), "3.3.3.3:3");
        assert_eq!(settings.source("listen"), &Source::Flag("--listen".into()));
        assert_eq!(settings.text("data"), "/environment");
        assert_eq!(settings.parsed::<usize>("cache_keys").unwrap(), 7);
        assert_eq!(settings.text("trusted_proxies"), "10.0.0.0/8,::1");
        assert_eq!(settings.source("log"), &Source::Default);
    }

    #[test]
    fn what_cannot_be_meant_is_named_with_its_source() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.toml");
        let load = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let path = path.to_str().unwrap();
            Settings::load(&flags(&[("config", path)]), |_| None)
        };
        let error = load("lisen = 1").unwrap_err().to_string();
        assert!(error.contains("`lisen`, which is not a setting"), "{error}");
        assert!(load("listen = {}").is_err() && load("listen = ").is_err());
        let settings = load("cache_keys = \"many\"").unwrap();
        let error = settings
            .parsed::<usize>("cache_keys")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("`cache_keys`") && error.contains("test.toml"),
            "{error}"
        );
        let missing = Settings::load(&flags(&[("config", "/nowhere.toml")]), |_| None);
        assert!(missing.unwrap_err().to_string().contains("/nowhere.toml"));
    }

    #[test]
    fn a_misspelt_variable_is_found() {
        let names = [
            "KEYWRIGHT_LISTEN",
            "KEYWRIGHT_LISEN",
            "KEYWRIGHT_TOKEN",
            "PATH",
        ];
        let unknown = Settings::unknown_variables(names.into_iter().map(ToOwned::to_owned));
        assert_eq!(unknown, ["KEYWRIGHT_LISEN"]);
    }

    #[test]
    fn every_setting_stands_in_the_reference_and_no_secret_is_a_flag() {
        let page = reference();
        let command = Flags::augment_args(Command::new("test"));
        for setting in &SETTINGS {
            assert!(page.contains(&setting.variable()), "{}", setting.name);
            let flag = command
                .get_arguments()
                .any(|arg| arg.get_id() == setting.name);
            assert_eq!(flag, !setting.secret, "{}", setting.name);
        }
    }
}
