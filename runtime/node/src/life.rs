//! Signs of life: to systemd's watchdog, and to that of a board.

use crate::options::Watchdog;
use crate::shared::Shared;
use sd_notify::NotifyState;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often the session is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// A session that was silent for so long hangs, and systemd hears nothing more of it. Longer than the slowest
/// board needs for a frame with eight objects.
const HANGS: Duration = Duration::from_secs(5);

/// Tells systemd that the node is ready and alive, until the session's thread ends. Outside systemd, does the
/// board's part only.
pub(crate) fn watch(shared: &Shared, session: &JoinHandle<()>, watchdog: Option<Watchdog>) {
    notify(&[NotifyState::Ready]);
    // Twice as often as systemd asks for.
    let interval = sd_notify::watchdog_enabled().map(|limit| limit / 2);
    let mut since_notice = Duration::ZERO;
    while !session.is_finished() {
        thread::sleep(LOOK);
        since_notice += LOOK;
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
