//! Bodies on their way in, which must come in time, and on their way out, which end a request.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::time::{Sleep, sleep, timeout};

use super::activity::{Activity, InFlight};

/// Bytes of a body that are read though nobody wants them: what a refusal of a management call leaves,
/// and little enough to cost less than another connection.
const DISCARDED_BYTES_MAX: u64 = 64 * 1024;
/// How long that may take: what was sent along with the head is there by then.
const DISCARD: Duration = Duration::from_secs(1);

/// Why the rest of a request body cannot be had.
#[derive(Debug, Error)]
pub enum RequestBodyError {
    /// It did not come within [`super::Limits::body_read`]. Whatever the handler answers, the client
    /// gets 408.
    #[error("the request body took too long")]
    TooLate,
    /// The connection broke, or the body's framing did.
    #[error("the request body broke off: {0}")]
    BrokenOff(#[source] hyper::Error),
}

/// Whether reading a body failed because it came too late, by any of `error`'s sources.
#[must_use]
pub fn body_came_too_late(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if matches!(error.downcast_ref(), Some(RequestBodyError::TooLate)) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// A request body with a time limit. The timer exists only while a reader waits.
#[derive(Debug)]
pub struct RequestBody {
    inner: Option<Incoming>,
    limit: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
    late: Option<Arc<AtomicBool>>,
    activity: Arc<Activity>,
    /// Whether the rest is read when the reader has enough.
    discards: bool,
}

impl RequestBody {
    pub(super) fn new(
        inner: Incoming,
        limit: Duration,
        late: Option<Arc<AtomicBool>>,
        activity: Arc<Activity>,
        discards: bool,
    ) -> Self {
        Self {
            inner: Some(inner),
            limit,
            deadline: None,
            late,
            activity,
            discards,
        }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = RequestBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestBodyError>>> {
        let Some(inner) = &mut self.inner else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(frame) = Pin::new(inner).poll_frame(cx) {
            if frame.is_none() {
                self.inner = None;
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(RequestBodyError::BrokenOff)));
        }
        let limit = self.limit;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(limit)));
        if deadline.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        if let Some(late) = &self.late {
            late.store(true, Relaxed);
        }
        Poll::Ready(Some(Err(RequestBodyError::TooLate)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let ended = || SizeHint::with_exact(0);
        self.inner.as_ref().map_or_else(ended, Incoming::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let unread = |body: &Incoming| !body.is_end_stream();
        let Some(body) = self.inner.take().filter(unread) else {
            return;
        };
        self.activity.left_body_unread();
        let small = body.size_hint().lower() <= DISCARDED_BYTES_MAX;
        match Handle::try_current() {
            Ok(runtime) if self.discards && small => {
                runtime.spawn(discard(body, self.activity.hold()));
            }
            _ => self.activity.ends_with_response(),
        }
    }
}

/// Reads what nobody wanted, beside the response, so that the connection can serve another request:
/// many clients have sent it already, and would be reset in the middle of the next one.
async fn discard(mut body: Incoming, _goes_on: InFlight) {
    let read = async {
        let mut left = DISCARDED_BYTES_MAX;
        while let Some(Ok(frame)) = body.frame().await {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(bytes as u64) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    // Dropping the body with something left ends the connection.
    let _in_time = timeout(DISCARD, read).await;
}

/// A response body; its end is the end of the request.
#[derive(Debug)]
pub(super) struct ResponseBody {
    inner: Body,
    _in_flight: InFlight,
}

impl ResponseBody {
    pub(super) fn new(inner: Body, in_flight: InFlight) -> Self {
        Self {
            inner,
            _in_flight: in_flight,
        }
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
