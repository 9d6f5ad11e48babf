//! Figures in the text form that Prometheus reads.

use super::Site;
use crate::state::State as SessionState;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::fmt::Write;
use std::sync::atomic::Ordering;

pub(super) async fn metrics(State(site): State<Site>) -> Response {
    let snapshot = site.snapshots.borrow().clone();
    let headers = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    // Read now: a state is published only when a frame or a command comes.
    let wrong_tokens = site.shared.wrong_tokens.load(Ordering::Relaxed);
    (headers, text(&snapshot.state, wrong_tokens)).into_response()
}

fn text(state: &SessionState, wrong_tokens: u64) -> String {
    let stats = &state.stats;
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, help: &str, samples: &[(&str, f64)]| {
        // Writing to a string cannot fail.
        let _ = write!(text, "# HELP uniultra_{name} {help}\n# TYPE uniultra_{name} {kind}\n");
        for (labels, value) in samples {
            let _ = writeln!(text, "uniultra_{name}{labels} {value}");
        }
    };
    for (name, help, count) in [
        ("frames_received_total", "Frames that came from the source.", stats.received),
        ("frames_processed_total", "Frames with an answer.", stats.processed),
        ("frames_moved_total", "Frames to which outlines were only moved.", stats.moved),
        (
            "frames_dropped_total",
            "Frames replaced by a newer one, left out for a lower rate, or frozen out.",
            stats.dropped,
        ),
        ("deadline_misses_total", "Answers later than the deadline.", stats.deadline_misses),
        ("frame_failures_total", "Frames that the model could not process.", stats.failures),
        ("source_errors_total", "Streams and frames that could not be read.", state.source.errors),
        ("clients_dropped_total", "Clients that were too slow.", stats.clients_dropped),
        ("wrong_tokens_total", "Requests with a wrong token.", wrong_tokens),
        ("frames_recorded_total", "Frames written by the recording.", stats.recorded),
        ("record_dropped_total", "Frames the recording was too slow for.", stats.record_dropped),
    ] {
        family(name, "counter", help, &[("", count as f64)]);
    }
    family("clients", "gauge", "Clients of the page.", &[("", f64::from(stats.clients))]);
    family(
        "model_every",
        "gauge",
        "The model gets every n-th frame; 1 without overload.",
        &[("", f64::from(stats.model_every))],
    );
    family(
        "frozen",
        "gauge",
        "Whether the picture is frozen.",
        &[("", f64::from(u8::from(state.frozen)))],
    );
    let ages: Vec<_> = [
        ("{quantile=\"0.5\"}", stats.age_p50_ms),
        ("{quantile=\"0.9\"}", stats.age_p90_ms),
        ("{quantile=\"0.99\"}", stats.age_p99_ms),
    ]
    .into_iter()
    .filter_map(|(label, age_ms)| Some((label, f64::from(age_ms?) / 1e3)))
    .collect();
    family("age_seconds", "gauge", "Capture to mask, over the last 256 answers.", &ages);
    let states = ["waiting", "tracking", "uncertain", "lost"].map(|name| {
        let count = state.objects.iter().filter(|object| object.state == name).count();
        (format!("{{state=\"{name}\"}}"), count as f64)
    });
    let states = states.each_ref().map(|(label, count)| (label.as_str(), *count));
    family("objects", "gauge", "Objects by state.", &states);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_has_help_type_and_samples_with_a_value() {
        let mut state = SessionState::default();
        state.stats.age_p50_ms = Some(50.0);
        state.stats.received = 7;
        state.stats.model_every = 3;
        let text = text(&state, 5);
        assert!(text.contains(
            "# TYPE uniultra_frames_received_total counter\nuniultra_frames_received_total 7\n"
        ));
        assert!(text.contains("uniultra_wrong_tokens_total 5\n"));
        assert!(text.contains("uniultra_age_seconds{quantile=\"0.5\"} 0.05\n"));
        assert!(!text.contains("quantile=\"0.9\""));
        assert!(text.contains("# TYPE uniultra_model_every gauge\nuniultra_model_every 3\n"));
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let family = name.split('{').next().unwrap();
            assert!(text.contains(&format!("# HELP {family} ")), "{line}");
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
}
