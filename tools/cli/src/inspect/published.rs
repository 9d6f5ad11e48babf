//! The sizes that UniUltra and SAM 2 are known by (MODEL.md section 1), as sums over the inventory.

use super::table::{Align, Table, grouped, percent};
use std::fmt::Write;
use uniultra_checkpoint::{Architecture, Component};
use uniultra_manifest::Variant;

/// Headline figures, then every architecture's sizes.
pub(super) fn write(text: &mut String, architecture: Architecture) -> std::fmt::Result {
    let student = Architecture { variant: Variant::Mini, ch_adapters: true };
    let teacher = Architecture { variant: Variant::Large, ch_adapters: true };
    let stock = Architecture { variant: Variant::Large, ch_adapters: false };
    let whole = |of: Architecture| of.count(|_| true);
    let encoder = |of: Architecture| of.count(Component::is_image_encoder);
    let (small, large) = (whole(student), encoder(stock));
    let (trained, all) = (teacher.trainable_count(), whole(teacher));
    writeln!(text, "\nUniUltra's headline figures")?;
    writeln!(
        text,
        "  trained share   {teacher}: {} of {} parameters = {}",
        grouped(trained),
        grouped(all),
        percent(trained, all)
    )?;
    writeln!(
        text,
        "  compression     {student}, whole, against the image encoder of {stock}:\n\
         \x20                 1 - {} / {} = {}",
        grouped(small),
        grouped(large),
        percent(large - small, large)
    )?;
    if architecture != student {
        writeln!(text, "  encoder work    {student}: {}", work(student))?;
    }
    let mut table = Table::new(&[
        ("architecture", Align::Left),
        ("trunk", Align::Right),
        ("neck", Align::Right),
        ("image encoder", Align::Right),
        ("whole model", Align::Right),
        ("trained", Align::Right),
        ("share", Align::Right),
    ]);
    // Nobody has published a mini without adapters.
    let known = Architecture::all().filter(|a| a.ch_adapters || a.variant != Variant::Mini);
    for each in known {
        let (all, trained) = (whole(each), each.trainable_count());
        let counts = [
            each.count(|c| c == Component::Trunk),
            each.count(|c| c == Component::Neck),
            encoder(each),
            all,
            trained,
        ];
        let mut cells = vec![each.name()];
        cells.extend(counts.map(grouped));
        cells.push(percent(trained, all));
        table.row(cells);
    }
    write!(text, "\n{table}")
}

/// Multiply-accumulates of the image encoder at the common image sizes.
pub(super) fn work(architecture: Architecture) -> String {
    let giga = |macs: u64| macs as f64 / 1e9;
    let [large, medium, small] = [1024, 512, 256].map(|size| architecture.encoder_work(size));
    format!(
        "{:.2} GMAC at 1024 px (attention {:.2}), {:.2} at 512, {:.2} at 256",
        giga(large.total_macs),
        giga(large.attention_macs),
        giga(medium.total_macs),
        giga(small.total_macs)
    )
}
