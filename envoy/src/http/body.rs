//! Bodies that are sent piece by piece.

use std::fmt::Debug;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::channel::{Channel, Sender};
use http_body_util::{Either, Full};
use hyper::header::{CONTENT_LENGTH, HeaderMap, HeaderValue};
use weir_cases::Body;

/// How long after one piece the next one follows, so that the first is on its way by itself.
const GAP: Duration = Duration::from_millis(10);

/// What knows when a proxy has taken in all that was sent to it: only then does the next piece follow.
///
/// A time alone would have to be long, and on a busy machine would still be too short.
pub trait Pacer: Debug + Send + Sync {
    /// Waits until the proxy has taken in what is there.
    fn taken_in(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// Whose pace pieces are sent at; of nobody's, after a short while each.
pub type Pace = Option<Arc<dyn Pacer>>;

/// A body as hyper sends it.
pub(super) type Sent = Either<Full<Bytes>, Channel<Bytes, io::Error>>;

/// A body with what comes after it.
#[derive(Clone, Debug, Default)]
pub(super) struct Outgoing {
    pub(super) body: Body,
    pub(super) trailers: HeaderMap,
    /// Whether the stream is reset in place of its end.
    pub(super) reset: bool,
}

impl Outgoing {
    /// What hyper sends, with the length added to the headers where hyper does not see it; must be called inside a
    /// tokio runtime.
    pub(super) fn start(self, headers: &mut HeaderMap, pace: Pace) -> Sent {
        let pieces = match self.body {
            Body::Whole(bytes) if self.trailers.is_empty() => return Either::Left(Full::new(Bytes::from(bytes.0))),
            Body::Whole(bytes) if bytes.0.is_empty() => Vec::new(),
            Body::Whole(bytes) => {
                headers.entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(bytes.0.len()));
                vec![bytes]
            }
            Body::Chunks(chunks) => chunks,
        };
        let (sender, channel) = Channel::new(1);
        let pieces = pieces.into_iter().map(|it| Bytes::from(it.0)).collect();
        tokio::spawn(feed(sender, pieces, self.trailers, self.reset, pace));
        Either::Right(channel)
    }
}

/// Sends the pieces and the end; who is at the other end may be gone at any time.
async fn feed(mut sender: Sender<Bytes, io::Error>, pieces: Vec<Bytes>, trailers: HeaderMap, reset: bool, pace: Pace) {
    // The headers by themselves, too.
    pause(&pace).await;
    for piece in pieces {
        if sender.send_data(piece).await.is_err() {
            return;
        }
        pause(&pace).await;
    }
    if reset {
        sender.abort(io::Error::other("reset on purpose"));
    } else if !trailers.is_empty() {
        // Nobody is left to miss them.
        drop(sender.send_trailers(trailers).await);
    }
}

async fn pause(pace: &Pace) {
    tokio::time::sleep(GAP).await;
    if let Some(pacer) = pace {
        pacer.taken_in().await;
    }
}
