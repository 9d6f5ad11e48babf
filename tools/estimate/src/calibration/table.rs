//! The calibration for people and for programs: `uniultra-tools estimate --calibration`.

use super::{Calibration, CoreFit, Predicted, SHARE};
use uniultra_report::number::fixed;
use uniultra_report::{Document, Table};

impl uniultra_schema::Report for Calibration {
    const SCHEMA: &'static str = "uniultra-calibration";
    const SCHEMA_VERSION: u32 = 1;
}

/// The report as a document, which is also what the command prints.
#[must_use]
pub fn calibration_document(calibration: &Calibration) -> Document {
    let Calibration { counted: [date, emulator, engine, setting], sources, cores } = calibration;
    let mut document = Document::new("The estimate against boards that others measured");
    document.paragraph(format!(
        "Counted {date} with {emulator}: {engine}, {setting}. A prediction without its network, board or \
         arithmetic (int8 or floats) knows no pair of it. A factor is how many times a prediction is above or below the measured time; the \
         range of an estimate is wide enough for {:.0} % of them.",
        SHARE * 100.0
    ));
    document.list(sources.iter().map(String::as_str));
    document.table(constants(cores));
    for core in cores {
        document.section(core.core.as_str());
        document.table(pairs(core));
    }
    document
}

fn constants(cores: &[CoreFit]) -> Table {
    let mut table = Table::new(
        2,
        [
            "core",
            "boards",
            "pairs",
            "cycles an instruction",
            "cycles a first miss",
            "ns a second miss",
            "median factor",
            "90 % factor",
            "largest",
        ],
    );
    for core in cores {
        let fit = &core.constants;
        let largest = core.pairs.iter().map(Predicted::off).fold(1.0, f64::max);
        table.row([
            core.core.clone(),
            core.boards.join(", "),
            core.pairs.len().to_string(),
            fixed(fit.cycles_per_instruction, 3),
            fixed(fit.cycles_per_first_miss, 2),
            fixed(fit.ns_per_second_miss, 2),
            fixed(core.median_factor, 2),
            fixed(core.factor, 2),
            fixed(largest, 2),
        ]);
    }
    table
}

fn pairs(core: &CoreFit) -> Table {
    let mut table = Table::new(
        2,
        [
            "network",
            "board",
            "M instructions",
            "M first misses",
            "M second misses",
            "measured ms",
            "fitted ms",
            "without network",
            "without board",
            "without arithmetic",
            "left out / measured",
        ],
    );
    for predicted in &core.pairs {
        let Predicted { pair, fitted_ms, without_network_ms, .. } = predicted;
        let known = |ms: Option<f64>| ms.map_or_else(String::new, |ms| fixed(ms, 1));
        let [first, second] = pair.misses.map(|count| fixed(count as f64 / 1e6, 2));
        table.row([
            pair.network.clone(),
            pair.board.clone(),
            fixed(pair.instructions as f64 / 1e6, 1),
            first,
            second,
            fixed(pair.measured_ms, 1),
            fixed(*fitted_ms, 1),
            fixed(*without_network_ms, 1),
            known(predicted.without_board_ms),
            known(predicted.without_arithmetic_ms),
            fixed(predicted.left_out(), 2),
        ]);
    }
    table
}
