//! A deadline that holds even if the work never returns.

use crate::failure::{AppError, abandon};
use std::io;
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;

/// A thread that ends the process (exit code 5) if work takes too long.
#[derive(Debug)]
pub(crate) struct Watchdog(SyncSender<()>);

impl Watchdog {
    /// Starts the thread, which waits until the work begins. `what` names the work and its limit in
    /// the message.
    pub(crate) fn start(limit: Duration, what: String) -> io::Result<Self> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let watch = move || {
            // An error means that the other end is gone, and with it the work.
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

    /// Marks the beginning of the work. The returned value must be dropped before the limit is
    /// over.
    pub(crate) fn begin(&self) {
        // The thread waits for nothing but this message, so it is still there.
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
        // Its limit has passed, but its work has not begun.
        thread::sleep(Duration::from_millis(20));
        drop(idle);
    }
}
