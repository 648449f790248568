//! `keywright serve`: from settings to a running server. Whatever is wrong is said in one line.

use std::fs::{DirBuilder, File};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use keywright_core::restriction::Cidr;
use keywright_core::secret::Secret;
use keywright_core::tenant::Slug;
use keywright_engine::Engine;
use keywright_engine::clock::{Clock, SystemClock};
use keywright_engine::lease::{AVAILABLE_MAX, Consistency};
use keywright_engine::places::Places;
use keywright_seal::derive::Purpose;
use keywright_seal::keyring::{KeyCheck, Keyring, KeyringSource, Kind};
use keywright_server::Server;
use keywright_server::app::App;
use keywright_server::auth::set_up;
use keywright_server::options::Options;
use keywright_server::tls::{TlsAcceptorHandle, TlsFiles};
use keywright_store::{DatabaseUrl, KeyringCheck, Store};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use crate::places;
use crate::settings::Settings;

/// Longest name of a node: a host name with its port.
const NODE_NAME_MAX: usize = 80;

/// Serves until a signal asks to stop.
pub(crate) async fn serve(settings: &Settings) -> anyhow::Result<()> {
    keywright_seal::process::forbid_dumps().context("cannot forbid memory dumps")?;
    let data = PathBuf::from(settings.text("data"));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&data)
        .with_context(|| format!("cannot make the data folder `{}`", data.display()))?;
    let _lock = lock(&data)?;
    let app = open(settings, &data).await?;
    first_start(&app, settings).await?;
    let places = places::open(&app, settings).await?;
    let server = Server::bind(app.clone()).await?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        "listening on {}://{}",
        if app.options.tls.is_some() {
            "https"
        } else {
            "http"
        },
        server.address()
    );
    let mut tasks = JoinSet::new();
    tasks.spawn(reload_on_hangup(server.tls()));
    tasks.spawn(places::follow(app.clone(), places));
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let drained = server
        .run(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("stopping: finishing what is in flight");
        })
        .await;
    tasks.abort_all();
    app.store.close().await;
    if drained.cut_off > 0 {
        tracing::warn!(connections = drained.cut_off, "connections were cut off");
    }
    Ok(())
}

/// Reads the certificate anew when the operator says so. A bad one is reported and the old one stays.
async fn reload_on_hangup(tls: Option<TlsAcceptorHandle>) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else {
        return;
    };
    while hangup.recv().await.is_some() {
        match tls.as_ref().map(TlsAcceptorHandle::reload) {
            Some(Err(error)) => {
                tracing::error!(error.cause = %error, "the certificate was not reloaded");
            }
            Some(Ok(())) => tracing::info!("the certificate was reloaded"),
            None => {}
        }
    }
}

/// Two servers on one embedded database would each believe their own memory.
fn lock(data: &Path) -> anyhow::Result<File> {
    let path = data.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot write `{}`", path.display()))?;
    if file.try_lock().is_err() {
        bail!(
            "another server is using the data folder `{}`",
            data.display()
        );
    }
    Ok(file)
}

/// Opens keyring and database, and holds one against the other.
pub(crate) async fn open(settings: &Settings, data: &Path) -> anyhow::Result<App> {
    let options = options(settings)?;
    let source = keyring_source(settings, data);
    let keyring = Keyring::load(&source)?;
    let store = open_store(settings, data, &keyring).await?;
    check_keyring(&store, &keyring).await?;
    let peppers = keyring.peppers()?;
    let engine = Engine::new(
        store.clone(),
        peppers,
        settings.parsed("cache_keys")?,
        SystemClock::default().now(),
    )
    .await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    engine.accept_signatures_since(clock.now());
    Ok(App::new(store, engine, keyring, source, clock, options))
}

/// Opens the database with the keys of its audit trail.
pub(crate) async fn open_store(
    settings: &Settings,
    data: &Path,
    keyring: &Keyring,
) -> anyhow::Result<Store> {
    let url = match settings.given("database") {
        // The text may hold a password: an error must not repeat it.
        Some(text) => text
            .parse()
            .map_err(|error| anyhow::anyhow!("setting `database`: {error}"))?,
        None => DatabaseUrl::Sqlite(data.join("keywright.db")),
    };
    let keys: Vec<[u8; 32]> = keyring
        .derive_all(Purpose::AuditHead)
        .iter()
        .map(|key| **key)
        .collect();
    let audit_key = keys
        .first()
        .copied()
        .context("the keyring has no root key")?;
    let store = Store::open(keywright_store::Options {
        url,
        audit_key,
        connections_max: settings.parsed("database_connections")?,
    })
    .await
    .context("cannot open the database")?;
    store.set_audit_keys(keys);
    Ok(store)
}

/// Where the keyring comes from.
pub(crate) fn keyring_source(settings: &Settings, data: &Path) -> KeyringSource {
    if let Some(text) = settings.given("keyring") {
        return KeyringSource::Text(Secret::new(text.to_owned()));
    }
    if let Some(command) = settings.given("keyring_command") {
        return KeyringSource::Command(command.to_owned());
    }
    let file = settings
        .given("keyring_file")
        .map_or_else(|| data.join("keyring"), PathBuf::from);
    KeyringSource::File(file)
}

/// Refuses a keyring that is not this database's, and remembers the keys that are new.
async fn check_keyring(store: &Store, keyring: &Keyring) -> anyhow::Result<()> {
    let stored = stored_checks(store).await?;
    keyring.verify_checks(&stored)?;
    let mut tx = store.begin().await?;
    for check in keyring.checks() {
        if !stored.contains(&check) {
            let (kind, id) = (check.kind.word().to_owned(), check.id);
            let check = KeyringCheck {
                kind,
                id,
                check: check.value.to_vec(),
            };
            tx.put_keyring_check(&check).await?;
        }
    }
    let operator = keywright_core::change::Actor::operator();
    tx.commit(&operator, SystemClock::default().now()).await?;
    Ok(())
}

/// What the database remembers of the keyring.
pub(crate) async fn stored_checks(store: &Store) -> anyhow::Result<Vec<KeyCheck>> {
    let rows = store.keyring_checks().await?;
    let known = |row: &KeyringCheck| {
        Some(KeyCheck {
            kind: Kind::from_word(&row.kind)?,
            id: row.id,
            value: row.check.as_slice().try_into().ok()?,
        })
    };
    rows.iter()
        .map(|row| known(row).context("a check value of the keyring is damaged"))
        .collect()
}

/// Makes the administrator that the operator named, or prints a one-time link.
async fn first_start(app: &App, settings: &Settings) -> anyhow::Result<()> {
    let slug: Slug = settings.parsed("tenant")?;
    let (email, password) = (
        settings.given("admin_email"),
        settings.given("admin_password"),
    );
    match (email, password) {
        (Some(email), Some(password)) => {
            let password = Secret::new(password.to_owned());
            set_up::first_start(app, email, password, &slug)
                .await
                .map_err(|error| anyhow::anyhow!("the first administrator: {}", error.explained()))
        }
        (Some(_), None) => bail!("`admin_email` is set without `admin_password`"),
        (None, Some(_)) => bail!("`admin_password` is set without `admin_email`"),
        (None, None) => {
            let link = set_up::setup_link(app)
                .await
                .map_err(|error| anyhow::anyhow!("the set-up link: {}", error.explained()))?;
            if let Some(link) = link {
                // Printed, not logged: a log is kept, and whoever reads it could be first.
                crate::output::line(&format!(
                    "First start: open {} within a day, or set KEYWRIGHT_ADMIN_EMAIL and KEYWRIGHT_ADMIN_PASSWORD",
                    link.expose()
                ));
            }
            Ok(())
        }
    }
}

/// Whether a server could start with these settings, as far as that can be said without starting.
pub(crate) fn check(settings: &Settings) -> anyhow::Result<()> {
    let options = options(settings)?;
    keywright_server::listen::check_exposure(
        options.listen,
        options.tls.is_some(),
        options.insecure_http,
        &options.trusted_proxies,
    )?;
    settings.parsed::<Slug>("tenant")?;
    settings.parsed::<usize>("cache_keys")?;
    settings.parsed::<u32>("database_connections")?;
    Places::load(&places::files(settings))?;
    if settings.given("database").is_some() {
        // The text may hold a password: it is not repeated.
        let parsed = settings.text("database").parse::<DatabaseUrl>();
        parsed.map_err(|error| anyhow::anyhow!("setting `database`: {error}"))?;
    }
    Ok(())
}

fn options(settings: &Settings) -> anyhow::Result<Options> {
    let listen = settings.parsed("listen")?;
    let tls = match (settings.given("tls_certificate"), settings.given("tls_key")) {
        (Some(certificate), Some(key)) => Some(TlsFiles {
            certificates: certificate.into(),
            private_key: key.into(),
            client_authorities: None,
        }),
        (None, None) => None,
        _ => bail!("`tls_certificate` and `tls_key` are set together or not at all"),
    };
    let scheme = if tls.is_some() { "https" } else { "http" };
    let public_url = match settings.given("public_url") {
        Some(url) => {
            let url = url::Url::parse(url).context("`public_url` is not a URL")?;
            url.as_str().trim_end_matches('/').to_owned()
        }
        None => format!("{scheme}://{listen}"),
    };
    let minutes = |name| {
        settings
            .parsed::<u64>(name)
            .map(|n| Duration::from_secs(n.saturating_mul(60)))
    };
    Ok(Options {
        listen,
        public_url,
        trusted_proxies: networks(settings)?,
        open_verify: settings.parsed("open_verify")?,
        tls,
        insecure_http: settings.parsed("insecure_http")?,
        access_token_life: minutes("access_token_minutes")?,
        session_life: Duration::from_secs(
            settings
                .parsed::<u64>("session_days")?
                .saturating_mul(24 * 60 * 60),
        ),
        cookie_idle: minutes("cookie_idle_minutes")?,
        drain: Duration::from_secs(settings.parsed("drain_seconds")?),
        node: node_name(settings, listen)?,
        consistency: consistency(settings)?,
    })
}

/// What this node does when it has lost touch.
fn consistency(settings: &Settings) -> anyhow::Result<Consistency> {
    let max_stale = Duration::from_secs(settings.parsed("cluster_max_stale_seconds")?);
    if max_stale > AVAILABLE_MAX {
        bail!("setting `cluster_max_stale_seconds` is 86400 at most");
    }
    match settings.text("cluster_consistency").trim() {
        "strict" => Ok(Consistency::Strict),
        "bounded" => Ok(Consistency::Bounded(max_stale)),
        "available" => Ok(Consistency::Available),
        other => bail!(
            "setting `cluster_consistency` is `{other}`, and is one of `strict`, `bounded`, `available`"
        ),
    }
}

/// This node's name. It stands in a header, between quotes and beside other names.
fn node_name(settings: &Settings, listen: SocketAddr) -> anyhow::Result<String> {
    let fits = |name: &str| {
        (1..=NODE_NAME_MAX).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'"')
    };
    match settings.given("cluster_node") {
        Some(name) if fits(name) => Ok(name.to_owned()),
        Some(_) => bail!(
            "setting `cluster_node` is at most {NODE_NAME_MAX} visible ASCII characters without quotes"
        ),
        None => {
            // Linux only; elsewhere the address has to do.
            let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
            let name = format!("{}:{}", host.trim(), listen.port());
            Ok(if fits(&name) {
                name
            } else {
                listen.to_string()
            })
        }
    }
}

fn networks(settings: &Settings) -> anyhow::Result<Vec<Cidr>> {
    let text = settings.text("trusted_proxies");
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| {
            part.parse().map_err(|error| {
                anyhow::anyhow!("setting `trusted_proxies` has `{part}`, which {error}")
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use crate::settings::Flags;

    fn settings(given: &[(&str, &str)]) -> Settings {
        let variable = |name: &str| {
            let found = given
                .iter()
                .find(|(it, _)| format!("KEYWRIGHT_{it}") == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Settings::load(&Flags::default(), variable).unwrap()
    }

    #[test]
    fn the_consistency_of_a_cluster_is_read_with_its_bound() {
        let read = |given: &[(&str, &str)]| consistency(&settings(given));
        let bounded = |seconds| Consistency::Bounded(Duration::from_secs(seconds));
        assert_eq!(read(&[]).unwrap(), bounded(300));
        let (mode, bound) = ("CLUSTER_CONSISTENCY", "CLUSTER_MAX_STALE_SECONDS");
        assert_eq!(read(&[(bound, "86400")]).unwrap(), bounded(86_400));
        assert_eq!(read(&[(bound, "0")]).unwrap(), bounded(0));
        assert_eq!(read(&[(mode, "strict")]).unwrap(), Consistency::Strict);
        assert_eq!(
            read(&[(mode, "available")]).unwrap(),
            Consistency::Available
        );
        for wrong in [(mode, "lax"), (bound, "86401"), (bound, "-1")] {
            let name = wrong.0.to_lowercase();
            assert!(read(&[wrong]).unwrap_err().to_string().contains(&name));
        }
    }

    #[test]
    fn a_nodes_name_fits_between_the_quotes_of_a_header() {
        let listen = SocketAddr::from(([127, 0, 0, 1], 3000));
        let name = |text: &str| node_name(&settings(&[("CLUSTER_NODE", text)]), listen);
        assert!(name("").unwrap().ends_with(":3000"));
        let longest = "n".repeat(NODE_NAME_MAX);
        assert_eq!(name(&longest).unwrap(), longest);
        for wrong in ["two words", "a\"b", "späh", &"n".repeat(NODE_NAME_MAX + 1)] {
            assert!(name(wrong).is_err(), "{wrong}");
        }
    }
}
