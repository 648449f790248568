//! A running server: the listener, and the work beside requests.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use keywright_store::{FeedListener, StoreError};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::App;
use crate::guard::headers::SecurityHeaders;
use crate::listen::{self, Drained, Exposed, Limits};
use crate::router::router;
use crate::tls::{TlsAcceptorHandle, TlsError};

/// How often last uses are written: a crash loses no more than this of them.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// How often what has run out is cleared away.
const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);
/// How often certificates are looked at.
const CERTIFICATES_EVERY: Duration = Duration::from_secs(30);
/// The pause after the feed could not be read.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a server does not start.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The address is taken, or is not ours.
    #[error("cannot listen on `{address}`")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Plain HTTP where others could read it.
    #[error(transparent)]
    Exposed(#[from] Exposed),
    /// The certificate or its key.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A server that holds its address and is ready to serve.
pub struct Server {
    app: App,
    listener: TcpListener,
    tls: Option<TlsAcceptorHandle>,
    address: SocketAddr,
}

impl Server {
    /// Takes the address and reads the certificate.
    ///
    /// # Errors
    /// [`ServerError`].
    pub async fn bind(app: App) -> Result<Self, ServerError> {
        let options = &app.options;
        listen::check_exposure(
            options.listen,
            options.tls.is_some(),
            options.insecure_http,
            &options.trusted_proxies,
        )?;
        let tls = options
            .tls
            .clone()
            .map(TlsAcceptorHandle::load)
            .transpose()?;
        let bind = |source| ServerError::Bind {
            address: options.listen,
            source,
        };
        let listener = TcpListener::bind(options.listen).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        Ok(Self {
            app,
            listener,
            tls,
            address,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate, for a reload on demand.
    #[must_use]
    pub fn tls(&self) -> Option<TlsAcceptorHandle> {
        self.tls.clone()
    }

    /// Serves until `shutdown`, then finishes what is in flight and writes what was put off.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Drained {
        let (stop, stopped) = watch::channel(());
        let mut tasks = JoinSet::new();
        tasks.spawn(follow(self.app.clone(), stopped.clone()));
        tasks.spawn(flush(self.app.clone(), stopped.clone()));
        tasks.spawn(sweep(self.app.clone(), stopped));
        if let Some(tls) = self.tls.clone() {
            tasks.spawn(tls.watch(CERTIFICATES_EVERY));
        }
        let headers = SecurityHeaders {
            behind_tls_proxy: self.app.options.public_url.starts_with("https://"),
            explorer_prefix: "/docs",
        };
        let limits = Limits {
            drain: self.app.options.drain,
            uncapped: self.app.options.trusted_proxies.clone(),
            ..Limits::default()
        };
        let service = tower::ServiceBuilder::new()
            .layer(headers)
            .service(router(self.app.clone()));
        let drained = listen::serve(self.listener, service, self.tls, limits, shutdown).await;
        drop(stop);
        tasks.abort_all();
        if let Err(error) = self.app.engine.flush(self.app.now()).await {
            tracing::warn!(error.cause = %error, "the last uses of keys were not written");
        }
        drained
    }
}

/// Follows the change feed: what other nodes change is in force here within the poll's interval.
async fn follow(app: App, mut stopped: watch::Receiver<()>) {
    let mut listener = None;
    loop {
        let waited = tokio::select! {
            _ = stopped.changed() => return,
            waited = next_wake_up(&app, &mut listener) => waited,
        };
        let followed = match waited {
            Ok(()) => app.engine.follow().await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(cause) = followed {
            tracing::warn!(error.cause = cause, "the change feed could not be read");
            // Its connection may be one that nobody answers any more.
            listener = None;
            if !pause(RETRY_AFTER, &mut stopped).await {
                return;
            }
        }
    }
}

async fn next_wake_up(app: &App, listener: &mut Option<FeedListener>) -> Result<(), StoreError> {
    let listener = match listener {
        Some(listener) => listener,
        None => listener.insert(app.store.feed_listener().await?),
    };
    listener.wait().await;
    Ok(())
}

async fn flush(app: App, mut stopped: watch::Receiver<()>) {
    while pause(FLUSH_EVERY, &mut stopped).await {
        if let Err(error) = app.engine.flush(app.now()).await {
            tracing::warn!(error.cause = %error, "the last uses of keys were not written");
        }
    }
}

async fn sweep(app: App, mut stopped: watch::Receiver<()>) {
    while pause(SWEEP_EVERY, &mut stopped).await {
        if let Err(error) = app.store.sweep(app.now()).await {
            tracing::warn!(error.cause = %error, "what has run out was not cleared away");
        }
    }
}

/// Waits; false when the server stops.
async fn pause(span: Duration, stopped: &mut watch::Receiver<()>) -> bool {
    tokio::time::timeout(span, stopped.changed()).await.is_err()
}
