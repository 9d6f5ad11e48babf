//! A deadline that is kept even if the work never returns.

use crate::failure::{AppError, abandon};
use std::io;
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;

/// A thread that ends the process (exit code 5) when work takes longer than it may.
#[derive(Debug)]
pub(crate) struct Watchdog(SyncSender<()>);

impl Watchdog {
    /// Starts the thread, which waits until the work begins. `what` is the work and whose limit it is.
    pub(crate) fn start(limit: Duration, what: String) -> io::Result<Self> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let watch = move || {
            // An error says that the other end is gone, and so is the work.
            if receiver.recv().is_ok()
                && receiver.recv_timeout(limit) == Err(RecvTimeoutError::Timeout)
            {
                let ms = limit.as_millis();
                let message = format!("{what}: expected a mask within {ms} ms, found none");
                abandon(&AppError::Missed(message).into());
            }
        };
        thread::Builder::new().name("watchdog".to_string()).spawn(watch)?;
        Ok(Self(sender))
    }

    /// The work begins. It has to be over, and this value gone, before the limit.
    pub(crate) fn begin(&self) {
        // The thread waits for this and nothing else, so it is there.
        let _ = self.0.send(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_in_time_is_left_alone() {
        let idle = Watchdog::start(Duration::from_millis(1), "idle".to_string()).unwrap();
        let quick = Watchdog::start(Duration::from_secs(60), "quick".to_string()).unwrap();
        quick.begin();
        drop(quick);
        // Its limit is over, but its work has not begun.
        thread::sleep(Duration::from_millis(20));
        drop(idle);
    }
}
