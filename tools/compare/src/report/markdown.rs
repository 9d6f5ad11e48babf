//! `report.md`, and what is printed.

use super::Comparison;
use super::contents::contents;
use super::document::{Block, Table};
use crate::Picture;
use std::fmt::Write;
use uniultra_evaluate::markdown_cell;

/// The report as Markdown; pictures are named in a table.
#[must_use]
pub fn markdown(comparison: &Comparison) -> String {
    let mut text = String::from("# Comparison of two model packs\n");
    // Writing to a string cannot fail.
    let _ = contents(comparison).iter().try_for_each(|block| write_block(&mut text, block));
    text
}

fn write_block(text: &mut String, block: &Block<'_>) -> std::fmt::Result {
    match block {
        Block::Heading(heading) => writeln!(text, "\n## {heading}"),
        Block::Text(paragraph) => writeln!(text, "\n{}", paragraph.replace('\n', " ")),
        Block::Table(table) => write_table(text, table),
        Block::List(items) => {
            writeln!(text)?;
            items.iter().try_for_each(|item| writeln!(text, "- {}", item.replace('\n', " ")))
        }
        Block::Pictures(pictures) => write_table(text, &list(pictures)),
    }
}

fn write_table(text: &mut String, table: &Table) -> std::fmt::Result {
    writeln!(text, "\n| {} |", table.heads.join(" | "))?;
    let rules = (0..table.heads.len()).map(|i| if i < table.words { " --- |" } else { " ---: |" });
    writeln!(text, "|{}", rules.collect::<String>())?;
    for row in &table.rows {
        let cells: Vec<String> = row.iter().map(|cell| markdown_cell(cell)).collect();
        writeln!(text, "| {} |", cells.join(" | "))?;
    }
    Ok(())
}

fn list(pictures: &[Picture]) -> Table {
    let mut table =
        Table::new(4, &["set", "prompt", "image", "picture", "agreement", "Dice A", "Dice B"]);
    for picture in pictures {
        let Picture { set, prompt, stem, path, agreement, .. } = picture;
        let dice = |dice: Option<f32>| dice.map_or_else(String::new, |dice| format!("{dice:.4}"));
        let names = [set, prompt, stem, path].map(String::clone).into_iter();
        let figures = [format!("{agreement:.4}"), dice(picture.dice.a), dice(picture.dice.b)];
        table.row(names.chain(figures));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_stays_one() {
        let mut table = Table::new(1, &["name", "n"]);
        table.row(["a|b\nc".to_string(), "1".to_string()]);
        let mut text = String::new();
        write_block(&mut text, &Block::Table(table)).unwrap();
        assert_eq!(text, "\n| name | n |\n| --- | ---: |\n| a\\|b c | 1 |\n");
    }
}
