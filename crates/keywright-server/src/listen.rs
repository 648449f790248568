//! The listener: accepts connections, holds them to their limits, and drains them at shutdown.
//! It knows HTTP and TLS, and nothing of keys. `connection` times a connection, `stream` watches its
//! bytes, `request` refuses what no handler should see (`refusal` says so), `body` bounds the wait for a
//! body and reads what nobody wanted.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use keywright_core::restriction::Cidr;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tower::Service;

use crate::client_address;
use crate::tls::TlsAcceptorHandle;

mod activity;
mod admission;
mod body;
mod connection;
mod refusal;
mod request;
mod stream;

pub use body::{RequestBody, RequestBodyError, body_came_too_late};
pub use request::{OverTls, is_over_tls};

use admission::{Admission, Admitted};

/// The first pause after the operating system refuses to hand out a connection.
const ACCEPT_PAUSE_FIRST: Duration = Duration::from_millis(10);
/// The longest such pause: file descriptors come back when connections end, which takes seconds.
const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(1);

/// The bounds of a listener. [`Limits::default`] holds the numbers of a public one.
#[derive(Clone, Debug)]
pub struct Limits {
    /// From the first byte of a request to the end of its head, and for a TLS handshake.
    pub header_read: Duration,
    /// From the end of a response to the first byte of the next request.
    pub idle: Duration,
    /// For a whole request body, from the moment its reader has to wait.
    pub body_read: Duration,
    /// For a client that takes none of the bytes of an answer.
    pub write_blocked: Duration,
    /// For what is in flight at shutdown.
    pub drain: Duration,
    /// For a kept-alive connection at shutdown: a request that crosses the shutdown on the wire is
    /// answered (with `Connection: close`) instead of reset.
    pub drain_idle: Duration,
    /// Bytes of a request's head, request line included: more is answered 431.
    pub header_bytes: usize,
    /// Bytes of a request target: more is answered 414.
    pub uri_bytes: usize,
    /// Connections in all: further ones wait in the operating system's queue.
    pub connections: usize,
    /// Connections of one client address (IPv6: one /64): further ones are closed.
    pub connections_per_address: usize,
    /// Peers that speak for many clients and have no bound of their own: the trusted proxies.
    pub uncapped: Vec<Cidr>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_read: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            body_read: Duration::from_secs(30),
            write_blocked: Duration::from_secs(30),
            drain: Duration::from_secs(30),
            drain_idle: Duration::from_millis(500),
            header_bytes: 32 * 1024,
            uri_bytes: 8 * 1024,
            connections: 8192,
            connections_per_address: 256,
            uncapped: Vec::new(),
        }
    }
}

/// What a shutdown left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were still busy when [`Limits::drain`] was over, and were cut.
    pub cut_off: usize,
}

/// Why a listener may not open.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "refusing to listen on `{address}` without TLS, where anybody on the way could read the keys: \
     set a certificate, name the TLS proxy in front as trusted, listen on loopback, or say insecure_http"
)]
pub struct Exposed {
    address: SocketAddr,
}

/// Refuses to offer credentials in clear to a network: without TLS, only loopback will do, unless
/// the operator names the proxies in front, which end TLS, or says that plain HTTP is meant.
///
/// # Errors
/// [`Exposed`], one line for the operator.
pub fn check_exposure(
    address: SocketAddr,
    tls: bool,
    insecure_http: bool,
    trusted_proxies: &[Cidr],
) -> Result<(), Exposed> {
    let private = address.ip().to_canonical().is_loopback();
    if tls || private || insecure_http || !trusted_proxies.is_empty() {
        return Ok(());
    }
    Err(Exposed { address })
}

/// Serves `service` (a router, or a router inside layers) on `listener` until `shutdown` resolves,
/// then lets in-flight requests finish. Requests carry `ConnectInfo<SocketAddr>` of the peer, and
/// [`OverTls`] when TLS was used.
pub async fn serve<S>(
    listener: TcpListener,
    service: S,
    tls: Option<TlsAcceptorHandle>,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> Drained
where
    S: Service<Request<RequestBody>, Response = Response<Body>, Error = std::convert::Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let slots = Arc::new(Semaphore::new(limits.connections));
    let admission = Admission::new(limits.connections_per_address);
    let (drain, draining) = watch::channel(());
    let server = Server {
        service,
        tls,
        limits: Arc::new(limits),
        draining,
    };
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let arrival = next_arrival(&listener, &slots);
        let (stream, peer, slot) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            arrival = arrival => arrival,
        };
        reap(&mut connections);
        server.start(&mut connections, &admission, stream, peer, slot);
    }
    take_queue(&listener, &slots, |stream, peer, slot| {
        server.start(&mut connections, &admission, stream, peer, slot);
    })
    .await;
    drop(listener);
    drain.send_replace(());
    finish(connections, server.limits.drain).await
}

/// What each connection of a listener shares.
struct Server<S> {
    service: S,
    tls: Option<TlsAcceptorHandle>,
    limits: Arc<Limits>,
    draining: watch::Receiver<()>,
}

impl<S> Server<S>
where
    S: Service<Request<RequestBody>, Response = Response<Body>, Error = std::convert::Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
{
    fn start(
        &self,
        connections: &mut JoinSet<()>,
        admission: &Arc<Admission>,
        stream: TcpStream,
        peer: SocketAddr,
        slot: OwnedSemaphorePermit,
    ) {
        let Some(admitted) = self.admit(admission, peer.ip()) else {
            tracing::debug!(%peer, "connection refused: too many from this address");
            return;
        };
        // Answers are small and written whole, so waiting to fill a packet only adds delay.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "TCP_NODELAY refused");
        }
        let service = self.service.clone();
        let tls = self.tls.as_ref().map(TlsAcceptorHandle::acceptor);
        let limits = Arc::clone(&self.limits);
        let draining = self.draining.clone();
        connections.spawn(async move {
            let _held = (slot, admitted);
            let Some(acceptor) = tls else {
                return connection::run(stream, peer, false, service, limits, draining).await;
            };
            match tokio::time::timeout(limits.header_read, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => {
                    connection::run(stream, peer, true, service, limits, draining).await
                }
                Ok(Err(error)) => tracing::debug!(%peer, %error, "TLS handshake failed"),
                Err(_) => tracing::debug!(%peer, "TLS handshake took too long"),
            }
        });
    }

    fn admit(&self, admission: &Arc<Admission>, peer: IpAddr) -> Option<Option<Admitted>> {
        if client_address::is_trusted(peer, &self.limits.uncapped) {
            return Some(None);
        }
        admission.admit(peer).map(Some)
    }
}

/// The next connection, once there is a slot for it.
async fn next_arrival(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let mut pause = ACCEPT_PAUSE_FIRST;
    loop {
        let Ok(slot) = Arc::clone(slots).acquire_owned().await else {
            // The semaphore is never closed; waiting for ever is what a closed one would mean.
            return std::future::pending().await;
        };
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, slot),
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections; trying again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(ACCEPT_PAUSE_MAX);
            }
        }
    }
}

fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

/// Takes the connections that the operating system has accepted for us: closing the listener would
/// reset them, requests and all.
async fn take_queue(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    mut start: impl FnMut(TcpStream, SocketAddr, OwnedSemaphorePermit),
) {
    while let Ok(slot) = Arc::clone(slots).try_acquire_owned() {
        tokio::select! {
            biased;
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => start(stream, peer, slot),
                Err(error) if concerns_one_connection(&error) => {}
                Err(_) => return,
            },
            () = std::future::ready(()) => return,
        }
    }
}

fn reap(connections: &mut JoinSet<()>) {
    while let Some(ended) = connections.try_join_next() {
        report(ended);
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("a handler panicked, and its connection was closed");
    }
}

async fn finish(mut connections: JoinSet<()>, limit: Duration) -> Drained {
    let all = async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    };
    if tokio::time::timeout(limit, all).await.is_ok() {
        return Drained { cut_off: 0 };
    }
    let cut_off = connections.len();
    connections.shutdown().await;
    tracing::warn!(
        cut_off,
        "connections were still busy at the end of the drain, and were cut"
    );
    Drained { cut_off }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    fn exposure(address: &str, tls: bool, insecure: bool, proxies: &[Cidr]) -> bool {
        check_exposure(address.parse().unwrap(), tls, insecure, proxies).is_ok()
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        for address in [
            "127.0.0.1:3000",
            "127.9.9.9:1",
            "[::1]:3000",
            "[::ffff:127.0.0.1]:80",
        ] {
            assert!(exposure(address, false, false, &[]), "{address}");
        }
        for address in [
            "0.0.0.0:3000",
            "[::]:3000",
            "10.0.0.1:80",
            "203.0.113.7:80",
            "[fe80::1]:80",
        ] {
            assert!(!exposure(address, false, false, &[]), "{address}");
        }
    }

    #[test]
    fn tls_a_named_proxy_or_the_flag_open_a_public_address() {
        let proxies = ["10.0.0.0/8".parse::<Cidr>().unwrap()];
        assert!(exposure("0.0.0.0:443", true, false, &[]));
        assert!(exposure("0.0.0.0:80", false, true, &[]));
        assert!(exposure("0.0.0.0:80", false, false, &proxies));
    }

    #[test]
    fn the_refusal_is_one_line_and_names_the_address() {
        let refusal = check_exposure("0.0.0.0:80".parse().unwrap(), false, false, &[])
            .unwrap_err()
            .to_string();
        assert!(
            refusal.contains("`0.0.0.0:80`") && !refusal.contains('\n'),
            "{refusal}"
        );
    }
}
