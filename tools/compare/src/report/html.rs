//! `report.html`: one page that needs no network; pictures lie in the folder beside it.

use super::Comparison;
use super::contents::contents;
use super::document::{Block, Table};
use crate::Picture;
use crate::picture::{A_ONLY, B_ONLY, BOTH};
use std::fmt::Write;
use uniultra_evaluate::{PAGE_STYLE, PROMPT, TRUTH, html_address, html_text};

/// Cells of words, which stand to the left, and the legend's samples of colour.
const STYLE: &str = ".w{text-align:left;word-break:break-word}\
.c{display:inline-block;width:1em;height:1em;margin:0 .3em 0 1em;vertical-align:-.15em}";

/// The page.
pub(super) fn html(comparison: &Comparison) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = page(&mut text, comparison);
    text
}

fn page(text: &mut String, comparison: &Comparison) -> std::fmt::Result {
    let title = "Comparison of two model packs";
    writeln!(text, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")?;
    writeln!(text, "<title>{title}</title><style>{PAGE_STYLE}{STYLE}</style></head><body>")?;
    writeln!(text, "<h1>{title}</h1>")?;
    contents(comparison).iter().try_for_each(|block| write_block(text, block))?;
    writeln!(text, "</body></html>")
}

fn write_block(text: &mut String, block: &Block<'_>) -> std::fmt::Result {
    match block {
        Block::Heading(heading) => writeln!(text, "<h2>{}</h2>", html_text(heading)),
        Block::Text(paragraph) => writeln!(text, "<p>{}</p>", html_text(paragraph)),
        Block::Table(table) => write_table(text, table),
        Block::List(items) => {
            let items = items.iter().map(|item| format!("<li>{}</li>", html_text(item)));
            writeln!(text, "<ul>{}</ul>", items.collect::<String>())
        }
        Block::Pictures(pictures) => write_pictures(text, pictures),
    }
}

fn write_table(text: &mut String, table: &Table) -> std::fmt::Result {
    let line = |cells: Vec<&str>, tag: &str| {
        let cells = cells.into_iter().enumerate().map(|(column, cell)| {
            let class = if column < table.words { " class=\"w\"" } else { "" };
            format!("<{tag}{class}>{}</{tag}>", html_text(cell))
        });
        format!("<tr>{}</tr>", cells.collect::<String>())
    };
    writeln!(text, "<table>{}", line(table.heads.clone(), "th"))?;
    for row in &table.rows {
        writeln!(text, "{}", line(row.iter().map(String::as_str).collect(), "td"))?;
    }
    writeln!(text, "</table>")
}

fn write_pictures(text: &mut String, pictures: &[Picture]) -> std::fmt::Result {
    let legend = [
        (A_ONLY, "A only"),
        (B_ONLY, "B only"),
        (BOTH, "both"),
        (TRUTH, "outline of the truth"),
        (PROMPT, "prompt"),
    ];
    write!(text, "<p>")?;
    for ([red, green, blue], name) in legend {
        let color = format!("#{red:02x}{green:02x}{blue:02x}");
        write!(text, "<span class=\"c\" style=\"background:{color}\"></span>{name}")?;
    }
    writeln!(text, "</p>")?;
    for picture in pictures {
        let Picture { set, prompt, stem, path, agreement, dice } = picture;
        let mut caption = format!("{set}/{stem}, {prompt}: agreement {agreement:.3}");
        if let (Some(a), Some(b)) = (dice.a, dice.b) {
            let _ = write!(caption, "; Dice A {a:.3}, B {b:.3}");
        }
        let (path, caption) = (html_address(path), html_text(&caption));
        writeln!(
            text,
            "<figure><img src=\"{path}\" alt=\"{caption}\"><figcaption>{caption}</figcaption></figure>"
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sides;

    #[test]
    fn names_cannot_break_the_page() {
        let mut table = Table::new(1, &["name", "n"]);
        table.row(["<b>&".to_string(), "1".to_string()]);
        let mut text = String::new();
        write_block(&mut text, &Block::Table(table)).unwrap();
        assert!(text.contains("<td class=\"w\">&lt;b&gt;&amp;</td><td>1</td>"), "{text}");
    }

    #[test]
    fn a_picture_comes_with_its_figures_and_the_legend() {
        let picture = Picture {
            set: "s".to_string(),
            stem: "50%".to_string(),
            prompt: "box".to_string(),
            agreement: 0.5,
            dice: Sides { a: Some(0.75), b: Some(0.25) },
            path: "overlays/s/box/50%.png".to_string(),
        };
        let mut text = String::new();
        write_block(&mut text, &Block::Pictures(&[picture])).unwrap();
        let caption = "s/50%, box: agreement 0.500; Dice A 0.750, B 0.250";
        let image = format!("<img src=\"overlays/s/box/50%25.png\" alt=\"{caption}\">");
        assert!(text.contains(&image), "{text}");
        assert!(text.contains("background:#00dc50\"></span>outline of the truth"), "{text}");
    }
}
