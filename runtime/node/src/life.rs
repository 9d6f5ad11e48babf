//! Signs of life: to systemd's watchdog, and to that of a board.

use crate::options::Watchdog;
use crate::shared::Shared;
use sd_notify::NotifyState;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often the session is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// A session that was silent for so long hangs, and systemd hears nothing more of it. Longer than the slowest
/// board needs for a frame with eight objects.
const HANGS: Duration = Duration::from_secs(5);

/// A look that takes so long was not a look: the process was stopped, or the machine asleep.
const PAUSED: Duration = Duration::from_millis(500);

/// Tells systemd that the node is ready and alive, until the session's thread ends. Outside systemd, does the
/// board's part only.
pub(crate) fn watch<T>(shared: &Shared, session: &JoinHandle<T>, watchdog: Option<Watchdog>) {
    notify(&[NotifyState::Ready]);
    // Twice as often as systemd asks for.
    let interval = sd_notify::watchdog_enabled().map(|limit| limit / 2);
    let mut since_notice = Duration::ZERO;
    while !session.is_finished() {
        let before = Instant::now();
        thread::sleep(LOOK);
        since_notice += LOOK;
        // The whole process or machine was stopped: that says nothing of the session.
        if before.elapsed() > PAUSED {
            shared.alive();
        }
        let silent = shared.silent();
        if interval.is_some_and(|interval| since_notice >= interval) && silent < HANGS {
            notify(&[NotifyState::Watchdog]);
            since_notice = Duration::ZERO;
        }
        if let Some(watchdog) = watchdog.filter(|watchdog| silent > watchdog.limit) {
            (watchdog.barks)(silent);
        }
    }
    notify(&[NotifyState::Stopping]);
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::debug!("systemd: {error}");
    }
}
