//! What part of its life a server is in.

use std::time::Duration;

use tokio::sync::watch;

/// A part of a server's life, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Everybody is served.
    Serving,
    /// Everybody is served, and told to go elsewhere: not ready, and each answer is the last one of its connection.
    Draining,
    /// Nobody new is let in; what is under way is finished.
    Closing,
}

/// The phase as accept loops and connections see it. Cheap to clone.
#[derive(Clone)]
pub(super) struct Life(watch::Receiver<Phase>);

// === impl Life ===

impl Life {
    pub(super) fn begin() -> (watch::Sender<Phase>, Self) {
        let (sender, receiver) = watch::channel(Phase::Serving);
        (sender, Self(receiver))
    }

    /// Whether an answer is to be the last one of its connection.
    pub(super) fn is_ending(&self) -> bool {
        *self.0.borrow() != Phase::Serving
    }

    /// Waits until nobody new is let in.
    pub(super) async fn closing(&mut self) {
        // Whoever ends the server may be gone before this looks.
        let _ = self.0.wait_for(|phase| *phase == Phase::Closing).await;
    }
}

/// A connection that said nothing yet when the listener closed is heard for so long: what it asks may be on the way.
pub(super) const LAST_WORD: Duration = Duration::from_millis(500);
