//! Progress of an epoch on stderr: a bar on a terminal, now and then a line elsewhere.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The content of a bar and a line.
#[derive(Clone, Debug, Default)]
struct Figures {
    /// Epoch, counted from 1 as people do, and their number.
    epoch: (u64, u64),
    /// Steps of this epoch done and in all.
    step: (u64, u64),
    loss: f64,
    parts: Vec<(String, f64)>,
    images_per_second: f64,
    /// Time to the end of the epoch; unknown before the first step.
    eta: Option<Duration>,
    /// Dice of the last validation.
    dice: Option<f64>,
}

impl Figures {
    /// `loss 0.412 (seg 0.31 iou 0.02) 3.1 images/s`.
    fn short(&self) -> String {
        let mut text = format!("loss {}", figure(self.loss));
        if !self.parts.is_empty() {
            let parts: Vec<String> = self
                .parts
                .iter()
                .map(|(name, value)| format!("{name} {}", figure(*value)))
                .collect();
            let _ = write!(text, " ({})", parts.join(" "));
        }
        let _ = write!(text, " {} images/s", figure(self.images_per_second));
        text
    }

    /// `epoch 3/20 step 120/358 loss ... eta 0:12:33`.
    fn line(&self) -> String {
        let (epoch, epochs) = self.epoch;
        let (step, steps) = self.step;
        let mut text = format!("epoch {epoch}/{epochs} step {step}/{steps} {}", self.short());
        if let Some(eta) = self.eta {
            let _ = write!(text, " eta {}", clock(eta));
        }
        if let Some(dice) = self.dice {
            let _ = write!(text, " val dice {dice:.4}");
        }
        text
    }
}

/// Progress of one epoch.
#[derive(Debug)]
pub struct EpochProgress {
    figures: Figures,
    /// `None` if stderr is not a terminal.
    bar: Option<ProgressBar>,
    started: Instant,
    /// Steps that an earlier session did; they tell nothing about this one's speed.
    first_step: u64,
    images: u64,
    interval: Duration,
    last_line: Option<Instant>,
}

impl EpochProgress {
    /// Begins epoch `epoch` of `epochs` (counted from 0) at step `first_step` of `steps` (more
    /// than 0 after resuming within an epoch). `dice` is the last validation's.
    ///
    /// If stderr is not a terminal, a line appears at the first step, then every `interval`, and at
    /// the last step.
    pub fn new(
        (epoch, epochs): (u64, u64),
        (first_step, steps): (u64, u64),
        dice: Option<f64>,
        interval: Duration,
    ) -> Self {
        let figures = Figures {
            epoch: (epoch + 1, epochs),
            step: (first_step, steps),
            dice,
            ..Figures::default()
        };
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr());
            let template = "{prefix} {bar:24} {pos}/{len} {msg}";
            bar.set_style(
                ProgressStyle::with_template(template)
                    .unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            bar.set_prefix(format!("epoch {}/{epochs}", epoch + 1));
            bar.set_position(first_step);
            bar
        });
        let started = Instant::now();
        Self { figures, bar, started, first_step, images: 0, interval, last_line: None }
    }

    /// One optimiser step over `images` images is done.
    pub fn step(&mut self, images: u64, loss: f64, parts: &[(&str, f64)]) {
        self.figures.step.0 += 1;
        self.images += images;
        self.figures.loss = loss;
        self.figures.parts = parts.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
        let elapsed = self.started.elapsed();
        let (done, steps) = self.figures.step;
        self.figures.images_per_second = self.images as f64 / elapsed.as_secs_f64().max(1e-9);
        self.figures.eta = eta(elapsed, done - self.first_step, steps.saturating_sub(done));
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            bar.set_message(self.message());
        } else {
            let due = self.last_line.is_none_or(|last| last.elapsed() >= self.interval);
            if due || done == steps {
                self.last_line = Some(Instant::now());
                eprintln!("{}", self.figures.line());
            }
        }
    }

    /// Shows the Dice of a validation that has just ended, in [0, 1].
    pub fn validation(&mut self, dice: f64) {
        self.figures.dice = Some(dice);
        if let Some(bar) = &self.bar {
            bar.set_message(self.message());
        }
    }

    /// Says something without tearing the bar apart.
    pub fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }

    /// Ends the epoch: the bar gives way to its last line.
    pub fn finish(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
            eprintln!("{}", self.figures.line());
        }
    }

    fn message(&self) -> String {
        let mut text = self.figures.short();
        if let Some(eta) = self.figures.eta {
            let _ = write!(text, " eta {}", clock(eta));
        }
        if let Some(dice) = self.figures.dice {
            let _ = write!(text, " val dice {dice:.4}");
        }
        text
    }
}

/// Time for the steps that are `left`, at the speed of those `done`.
fn eta(elapsed: Duration, done: u64, left: u64) -> Option<Duration> {
    if done == 0 {
        return None;
    }
    Duration::try_from_secs_f64(elapsed.as_secs_f64() / done as f64 * left as f64).ok()
}

/// Three significant digits, which is what changes from step to step.
fn figure(value: f64) -> String {
    match value.abs() {
        size if !size.is_finite() => value.to_string(),
        0.0 => "0".to_owned(),
        size if size < 1e-3 => format!("{value:.1e}"),
        size if size < 0.1 => format!("{value:.4}"),
        size if size < 1.0 => format!("{value:.3}"),
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 1000.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// `h:mm:ss`.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_it_all() {
        let mut figures = Figures {
            epoch: (3, 20),
            step: (120, 358),
            loss: 0.4123,
            parts: vec![("seg".into(), 0.31), ("iou".into(), 0.0213)],
            images_per_second: 3.1,
            eta: Some(Duration::from_secs(753)),
            dice: None,
        };
        let expected = "epoch 3/20 step 120/358 loss 0.412 (seg 0.310 iou 0.0213) 3.10 images/s \
                        eta 0:12:33";
        assert_eq!(figures.line(), expected);
        figures.dice = Some(0.91);
        assert_eq!(figures.line(), format!("{expected} val dice 0.9100"));
    }

    #[test]
    fn time_left_follows_this_sessions_speed() {
        assert_eq!(eta(Duration::from_secs(10), 0, 5), None);
        assert_eq!(eta(Duration::from_secs(10), 5, 50), Some(Duration::from_secs(100)));
        assert_eq!(clock(Duration::from_secs(100 * 3600 + 61)), "100:01:01");
    }

    #[test]
    fn figures_stay_short() {
        for (value, text) in [
            (0.0, "0"),
            (1.5e-5, "1.5e-5"),
            (0.0213, "0.0213"),
            (12.34, "12.3"),
            (f64::NAN, "NaN"),
            (123_456.0, "123456"),
        ] {
            assert_eq!(figure(value), text);
        }
    }

    #[test]
    fn steps_are_counted_from_where_the_epoch_was_left() {
        let mut progress = EpochProgress::new((1, 2), (8, 10), None, Duration::from_secs(3600));
        progress.step(4, 1.0, &[("seg", 1.0)]);
        progress.validation(0.5);
        progress.step(4, 1.0, &[]);
        assert_eq!(progress.figures.step, (10, 10));
        assert_eq!(progress.figures.eta, Some(Duration::ZERO));
        progress.finish();
    }
}
