use crate::{Document, Gallery, LinePlot, Picture, Table, Text};
use pulldown_cmark::{Event, Options, Parser, Tag};

/// Names that would be markup if they were not escaped.
const AWKWARD: [&str; 14] = [
    "<script>alert(1)</script>",
    "a|b",
    "[x](http://y)",
    "*bold*",
    "__init__",
    "`tick`",
    "&lt;",
    "# head",
    "- item",
    "> quote",
    "a\\*b",
    "~~gone~~",
    "</td>",
    "![i](j)",
];

fn events(text: &str) -> Vec<Event<'_>> {
    Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH).collect()
}

/// The characters that a reader of rendered Markdown sees.
fn seen(text: &str) -> String {
    let part = |event: &Event<'_>| match event {
        Event::Text(text) | Event::Code(text) => text.to_string(),
        _ => String::new(),
    };
    events(text).iter().map(part).collect()
}

#[test]
fn a_report_reads_as_it_is_built() {
    let mut document = Document::new(Text::from("Profile of ").code("m"));
    document.list(["one", "two"]);
    let mut table = Table::new(1, ["name", "n"]);
    table.row(["a|b\nc", "1"]);
    document.table(table);
    document.section("More");
    document.paragraph(Text::from("n is ").bold("one"));
    document.code("toml", "a = 1\n");
    let expected = "# Profile of `m`\n\n- one\n- two\n\n| name | n |\n| --- | ---: |\n\
                    | a\\|b c | 1 |\n\n## More\n\nn is **one**\n\n```toml\na = 1\n```\n";
    assert_eq!(document.to_markdown(), expected);
}

#[test]
fn names_stay_text_wherever_they_stand() {
    for name in AWKWARD {
        let mut document = Document::new(name);
        document.paragraph(name);
        document.list([name]);
        document.table({
            let mut table = Table::new(1, [name]);
            table.row([Text::from(name)]);
            table.row([Text::of_code(name)]);
            table
        });
        document.section(Text::from("of ").bold(name));
        let text = document.to_markdown();
        assert_eq!(seen(&text), format!("{name}{name}{name}{name}{name}{name}of {name}"), "{text}");
        let foreign = events(&text).into_iter().find(|event| {
            let is_html = matches!(event, Event::Html(_) | Event::InlineHtml(_));
            let tag = if let Event::Start(tag) = event { Some(tag) } else { None };
            let is_mark = matches!(
                tag,
                Some(
                    Tag::Link { .. }
                        | Tag::Image { .. }
                        | Tag::Emphasis
                        | Tag::Strikethrough
                        | Tag::BlockQuote(_)
                )
            );
            is_html || is_mark
        });
        assert_eq!(foreign, None, "{text}");
    }
}

#[test]
fn code_cannot_close_its_own_fence() {
    let mut document = Document::new("t");
    document.code("", "```\n# not a head");
    let text = document.to_markdown();
    assert_eq!(text, "# t\n\n````\n```\n# not a head\n````\n");
}

#[test]
fn names_of_figures_stay_readable_on_a_terminal() {
    let mut document = Document::new("t");
    document.paragraph("encode_ms [1, 64] a < b, 3 * 4, -0.5");
    assert_eq!(document.to_markdown(), "# t\n\nencode_ms [1, 64] a < b, 3 * 4, -0.5\n");
}

#[test]
fn what_markdown_cannot_hold_leaves_no_gap() {
    let mut words = Table::new(1, ["picture"]);
    words.row(["a.png"]);
    let picture = Picture { path: "a.png".to_string(), caption: "a".to_string() };
    let mut document = Document::new("t");
    document.plot(LinePlot::default());
    document.gallery(Gallery { legend: vec![], pictures: vec![picture], in_words: Some(words) });
    let mut inside = Document::new("inside");
    inside.paragraph("text");
    document.details(inside);
    let expected = "# t\n\n| picture |\n| --- |\n| a.png |\n\n### inside\n\ntext\n";
    assert_eq!(document.to_markdown(), expected);
}
