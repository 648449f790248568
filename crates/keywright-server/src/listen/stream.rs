//! The bytes of a connection on their way through: tells `Activity` when they come and when the
//! client takes none, puts words to hyper's own refusals, and reads on for a moment before it closes on
//! a client that still sends.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::activity::Activity;
use super::refusal::instead_of_automatic;

/// How long a closing connection reads on. Closing with bytes unread makes the kernel send a reset,
/// which can destroy the answer (400, 408, 413, 431) on its way to the client.
const LINGER: Duration = Duration::from_secs(1);
/// Bytes discarded at a time while lingering.
const DISCARD_BYTES: usize = 4096;

pub(super) struct Watched<T> {
    inner: T,
    activity: Arc<Activity>,
    over_tls: bool,
    /// What is written in place of what hyper wants to write, and how much of it is.
    instead: Option<(Vec<u8>, usize)>,
    linger: Option<Pin<Box<Sleep>>>,
}

impl<T> Watched<T> {
    pub(super) fn new(inner: T, activity: Arc<Activity>, over_tls: bool) -> Self {
        Self {
            inner,
            activity,
            over_tls,
            instead: None,
            linger: None,
        }
    }
}

impl<T: AsyncRead + Unpin> Watched<T> {
    fn poll_discard(&mut self, cx: &mut Context<'_>, linger: &mut Pin<Box<Sleep>>) -> Poll<()> {
        let mut bytes = [0; DISCARD_BYTES];
        loop {
            // The time first: a client that sends without end must not hold us here.
            if linger.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = ready!(Pin::new(&mut self.inner).poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(());
            }
        }
    }
}

impl<T: AsyncWrite + Unpin> Watched<T> {
    /// Writes the words that belong in place of `bytes`, if any; says then that `bytes` are written.
    fn poll_instead(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Option<Poll<io::Result<usize>>> {
        if self.instead.is_none() {
            self.instead = instead_of_automatic(bytes, self.over_tls).map(|text| (text, 0));
        }
        let (text, written) = self.instead.as_mut()?;
        while let Some(rest) = text.get(*written..).filter(|rest| !rest.is_empty()) {
            match Pin::new(&mut self.inner).poll_write(cx, rest) {
                Poll::Ready(Ok(0)) => return Some(Poll::Ready(Ok(0))),
                Poll::Ready(Ok(count)) => *written += count,
                // The same bytes come again.
                other => return Some(other),
            }
        }
        self.instead = None;
        Some(Poll::Ready(Ok(bytes.len())))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if let Some(read) = buffer.filled().get(before..)
            && !read.is_empty()
        {
            self.activity.received(read);
        }
        result
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = match self.poll_instead(cx, bytes) {
            Some(result) => result,
            None => Pin::new(&mut self.inner).poll_write(cx, bytes),
        };
        self.activity.wrote(result.is_pending());
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let only = match pieces {
            [only] => self.poll_instead(cx, only),
            _ => None,
        };
        let result = match only {
            Some(result) => result,
            None => Pin::new(&mut self.inner).poll_write_vectored(cx, pieces),
        };
        self.activity.wrote(result.is_pending());
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.inner).poll_flush(cx);
        self.activity.wrote(result.is_pending());
        result
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut linger = match self.linger.take() {
            Some(linger) => linger,
            None => {
                ready!(Pin::new(&mut self.inner).poll_shutdown(cx))?;
                if !self.activity.has_unread_input() {
                    return Poll::Ready(Ok(()));
                }
                Box::pin(sleep(LINGER))
            }
        };
        if self.poll_discard(cx, &mut linger).is_pending() {
            self.linger = Some(linger);
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}
