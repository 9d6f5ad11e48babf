//! A document as one HTML page: styles inside, plots inside, no script, no network.

use crate::{Block, Document, Gallery, Picture, ReportError, Span, Table, Text};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("page.css");

/// A page with fewer sections has no list of them.
const MIN_SECTIONS_LISTED: usize = 4;

/// The page.
pub(crate) fn render(document: &Document) -> Result<String, ReportError> {
    let body = body(document.blocks())?;
    let sections = sections(document.blocks());
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (document.title().characters()) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { (inline(document.title())) }
                    @if sections.len() >= MIN_SECTIONS_LISTED {
                        nav aria-label="Sections" {
                            @for (id, title) in &sections {
                                a href={ "#" (id) } { (title.characters()) }
                                " "
                            }
                        }
                    }
                    (body)
                }
            }
        }
    };
    Ok(page.into_string() + "\n")
}

/// Sections with their addresses in the page.
fn sections(blocks: &[Block]) -> Vec<(String, &Text)> {
    let titles = blocks.iter().filter_map(|block| match block {
        Block::Section(title) => Some(title),
        _ => None,
    });
    (1..).map(address).zip(titles).collect()
}

fn address(number: usize) -> String {
    format!("section-{number}")
}

fn body(blocks: &[Block]) -> Result<Markup, ReportError> {
    let mut number = 0;
    let mut parts = Vec::with_capacity(blocks.len());
    for piece in blocks {
        if let Block::Section(title) = piece {
            number += 1;
            parts.push(html! { h2 id=(address(number)) { (inline(title)) } });
        } else {
            parts.push(block(piece)?);
        }
    }
    Ok(html! { @for part in parts { (part) } })
}

fn block(block: &Block) -> Result<Markup, ReportError> {
    Ok(match block {
        Block::Section(title) => html! { h2 { (inline(title)) } },
        Block::Subsection(title) => html! { h3 { (inline(title)) } },
        Block::Paragraph(text) => html! { p { (inline(text)) } },
        Block::Table(table) => rows(table),
        Block::List(items) => html! { ul { @for item in items { li { (inline(item)) } } } },
        Block::Plot(plot) => {
            let svg = plot.to_svg()?;
            html! { figure.plot role="img" aria-label=(plot.title()) { (PreEscaped(svg)) } }
        }
        Block::Gallery(gallery) => pictures(gallery),
        Block::Code { lines, .. } => html! { pre { code { (lines) } } },
        Block::Details { summary, blocks } => {
            let inside = body(blocks)?;
            html! { details { summary { (inline(summary)) } (inside) } }
        }
    })
}

fn inline(text: &Text) -> Markup {
    html! {
        @for span in text.spans() {
            @match span {
                Span::Plain(words) => (words),
                Span::Code(code) => code { (code) },
                Span::Bold(words) => strong { (words) },
            }
        }
    }
}

fn rows(table: &Table) -> Markup {
    let class = |column| if table.has_words(column) { Some("words") } else { None };
    html! {
        div.scroll {
            table {
                thead {
                    tr {
                        @for (column, head) in table.heads().iter().enumerate() {
                            th scope="col" class=[class(column)] { (head) }
                        }
                    }
                }
                tbody {
                    @for row in table.rows() {
                        tr {
                            @for (column, cell) in row.iter().enumerate() {
                                td class=[class(column)] { (inline(cell)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn pictures(gallery: &Gallery) -> Markup {
    let color = |[red, green, blue]: [u8; 3]| format!("background:#{red:02x}{green:02x}{blue:02x}");
    html! {
        @if !gallery.legend.is_empty() {
            p.legend {
                @for entry in &gallery.legend {
                    span.swatch style=(color(entry.rgb)) {}
                    (entry.name)
                    " "
                }
            }
        }
        div.gallery {
            @for Picture { path, caption } in &gallery.pictures {
                figure {
                    img src=(link(path)) alt=(caption) loading="lazy";
                    figcaption { (caption) }
                }
            }
        }
    }
}

/// A relative path as a link: characters that mean something in links are encoded.
fn link(path: &str) -> String {
    path.replace('%', "%25").replace('#', "%23").replace('?', "%3F")
}

#[cfg(test)]
#[path = "html_tests.rs"]
mod tests;
