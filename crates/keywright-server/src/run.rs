//! A running server: the listener, and the work beside requests.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::App;
use crate::cluster;
use crate::guard::cleartext::RefuseCleartext;
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
/// How long the follower may take to end: its round that is under way.
const FOLLOWING_END: Duration = Duration::from_secs(3);

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
        // Who answers has a lease already, or the log says why not.
        cluster::join(&self.app).await;
        let (stop, stopped) = watch::channel(());
        let (mut tasks, mut following) = (JoinSet::new(), JoinSet::new());
        following.spawn(cluster::follow(self.app.clone(), stopped.clone()));
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
            .layer(RefuseCleartext {
                trusted_proxies: self.app.options.trusted_proxies.clone().into(),
                insecure_http: self.app.options.insecure_http,
            })
            .service(router(self.app.clone()));
        let drained = listen::serve(self.listener, service, self.tls, limits, shutdown).await;
        drop(stop);
        tasks.abort_all();
        // A renewal under way would come after the farewell.
        let _ended = tokio::time::timeout(FOLLOWING_END, following.join_next()).await;
        cluster::leave(&self.app).await;
        if let Err(error) = self.app.engine.end(self.app.now()).await {
            tracing::warn!(error.cause = %error, "the last uses of keys were not written");
        }
        drained
    }
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
        if let Err(error) = app.store.purge_nodes().await {
            tracing::warn!(error.cause = %error, "nodes that are gone were not cleared away");
        }
    }
}

/// Waits; false when the server stops.
async fn pause(span: Duration, stopped: &mut watch::Receiver<()>) -> bool {
    tokio::time::timeout(span, stopped.changed()).await.is_err()
}
