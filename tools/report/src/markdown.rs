//! A document as Markdown (CommonMark with tables).

use crate::{Block, Document, Span, Table, Text};

/// The document.
pub(crate) fn render(document: &Document) -> String {
    let title = format!("# {}\n", inline(document.title(), Place::Line));
    let blocks = document.blocks().iter().flat_map(block);
    std::iter::once(title).chain(blocks).collect::<Vec<_>>().join("\n")
}

/// Where text stands: a bar ends a cell, and only a line can begin with a mark.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Line,
    Cell,
}

/// Pieces of a block that blank lines stand between; none for what Markdown cannot hold.
fn block(block: &Block) -> Vec<String> {
    match block {
        Block::Section(title) => vec![format!("## {}\n", inline(title, Place::Line))],
        Block::Subsection(title) => vec![format!("### {}\n", inline(title, Place::Line))],
        Block::Paragraph(text) => vec![format!("{}\n", inline(text, Place::Line))],
        Block::Table(table) => vec![rows(table)],
        Block::List(items) => {
            let item = |item: &Text| format!("- {}\n", inline(item, Place::Line));
            vec![items.iter().map(item).collect()]
        }
        Block::Plot(_) => Vec::new(),
        Block::Gallery(gallery) => gallery.in_words.iter().map(rows).collect(),
        Block::Code { language, lines } => {
            let fence = "`".repeat(longest_run(lines, '`').max(2) + 1);
            let end = if lines.ends_with('\n') { "" } else { "\n" };
            vec![format!("{fence}{language}\n{lines}{end}{fence}\n")]
        }
        Block::Details { summary, blocks } => {
            let title = format!("### {}\n", inline(summary, Place::Line));
            std::iter::once(title).chain(blocks.iter().flat_map(self::block)).collect()
        }
    }
}

fn rows(table: &Table) -> String {
    let heads = table.heads().iter().map(|head| escaped(head, Place::Cell));
    let rules = (0..table.heads().len())
        .map(|column| if table.has_words(column) { "---" } else { "---:" }.to_string());
    let line = |cells: &mut dyn Iterator<Item = String>| {
        let cells: Vec<String> = cells.collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut text = line(&mut heads.into_iter()) + &line(&mut rules.into_iter());
    for row in table.rows() {
        text += &line(&mut row.iter().map(|cell| inline(cell, Place::Cell)));
    }
    text
}

fn inline(text: &Text, place: Place) -> String {
    let parts = text.spans().iter().map(|span| match span {
        Span::Plain(words) => escaped(words, place),
        Span::Bold(words) => format!("**{}**", escaped(words, place)),
        Span::Code(code) => code_span(code, place),
    });
    let text: String = parts.collect();
    let begins_a_block = text.starts_with(['#', '>', '+', '-', '=', '~', '*'])
        && matches!(text.as_bytes().get(1), None | Some(b' ' | b'#' | b'-' | b'=' | b'~'));
    if place == Place::Line && begins_a_block { format!("\\{text}") } else { text }
}

/// Text whose marks lose their meaning. An underscore inside a word means nothing, so names such as
/// `encode_ms` stay readable on a terminal.
fn escaped(text: &str, place: Place) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = rest.next() {
        let after = rest.peek().copied().unwrap_or(' ');
        let opens_tag = c == '<' && (after.is_alphabetic() || ['/', '!', '?'].contains(&after));
        let is_link = c == ']' && ['(', '[', ':'].contains(&after);
        let is_entity = c == '&' && (after.is_alphabetic() || after == '#');
        let at_edge = !before.is_alphanumeric() || !after.is_alphanumeric();
        let is_emphasis = (c == '*' && !(before == ' ' && after == ' ')) || (c == '_' && at_edge);
        let ends_cell = c == '|' && place == Place::Cell;
        let strikes = c == '~';
        let is_escape = c == '\\' && after.is_ascii_punctuation();
        if c == '`'
            || opens_tag
            || is_link
            || is_entity
            || is_emphasis
            || ends_cell
            || strikes
            || is_escape
        {
            escaped.push('\\');
        }
        escaped.push(if ['\n', '\r'].contains(&c) { ' ' } else { c });
        before = c;
    }
    escaped
}

/// Code between more backticks than are in it.
fn code_span(code: &str, place: Place) -> String {
    let code = code.replace(['\n', '\r'], " ");
    let code = if place == Place::Cell { code.replace('|', "\\|") } else { code };
    let marks = match longest_run(&code, '`') {
        0 => 1,
        run => run + 1,
    };
    let marks = "`".repeat(marks);
    let gap = if code.starts_with('`') || code.ends_with('`') { " " } else { "" };
    format!("{marks}{gap}{code}{gap}{marks}")
}

fn longest_run(text: &str, mark: char) -> usize {
    text.split(|c| c != mark).map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
#[path = "markdown_tests.rs"]
mod tests;
