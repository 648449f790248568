//! Bodies on their way in, which must come in time, and on their way out, which end a request.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use thiserror::Error;
use tokio::time::{Sleep, sleep};

use super::activity::{Activity, InFlight};

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
    inner: Incoming,
    limit: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
    late: Option<Arc<AtomicBool>>,
    activity: Arc<Activity>,
}

impl RequestBody {
    pub(super) fn new(
        inner: Incoming,
        limit: Duration,
        late: Option<Arc<AtomicBool>>,
        activity: Arc<Activity>,
    ) -> Self {
        Self {
            inner,
            limit,
            deadline: None,
            late,
            activity,
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
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) {
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
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if !self.inner.is_end_stream() {
            self.activity.left_body_unread();
        }
    }
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
