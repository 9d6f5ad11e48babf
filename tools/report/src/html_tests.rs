use crate::{Bar, BarChart, Document, Gallery, LegendColor, Picture, Table, Text};

const AWKWARD: &str = "</style><script>alert(\"&'\")</script>";

fn page(fill: impl FnOnce(&mut Document)) -> String {
    let mut document = Document::new("Title");
    fill(&mut document);
    document.to_html().unwrap()
}

#[test]
fn names_stay_text_wherever_they_stand() {
    let mut document = Document::new(AWKWARD);
    let mut table = Table::new(1, [AWKWARD]);
    table.row([Text::of_code(AWKWARD)]);
    let bar = Bar { name: AWKWARD.to_string(), value: 1.0, ..Bar::default() };
    let chart = BarChart { title: AWKWARD.to_string(), bars: vec![bar], ..BarChart::default() };
    let picture = Picture { path: AWKWARD.to_string(), caption: AWKWARD.to_string() };
    document.section(AWKWARD);
    document.paragraph(AWKWARD);
    document.list([AWKWARD]);
    document.table(table);
    document.plot(chart);
    document.gallery(Gallery { legend: vec![], pictures: vec![picture], in_words: None });
    document.code("", AWKWARD);
    let mut inside = Document::new(AWKWARD);
    inside.paragraph(AWKWARD);
    document.details(inside);
    let page = document.to_html().unwrap();
    assert!(!page.contains("<script"), "{page}");
    assert_eq!(page.matches("</style>").count(), 1);
    assert!(page.matches("&lt;script&gt;").count() >= 10, "{page}");
}

#[test]
fn a_page_needs_nothing_from_elsewhere() {
    let page = page(|document| {
        document.paragraph("text");
        document.plot(BarChart { bars: vec![Bar::default()], ..BarChart::default() });
    });
    for part in ["http-equiv", "<link", "<script", "@import", "url("] {
        assert!(!page.contains(part), "{part}: {page}");
    }
    // The one address is the name of the drawing's format.
    assert_eq!(page.matches("http").count(), page.matches("http://www.w3.org/2000/svg").count());
    for part in ["<!DOCTYPE html>", "width=device-width", "prefers-color-scheme", "@media print"] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[test]
fn words_stand_left_and_figures_right() {
    let page = page(|document| {
        let mut table = Table::new(1, ["name", "n", "verdict"]).words_in(2);
        table.row(["<b>&", "1", "held"]);
        document.table(table);
    });
    let row = "<td class=\"words\">&lt;b&gt;&amp;</td><td>1</td><td class=\"words\">held</td>";
    assert!(page.contains(row), "{page}");
}

#[test]
fn a_picture_comes_with_its_caption_and_the_legend() {
    let page = page(|document| {
        document.gallery(Gallery {
            legend: vec![LegendColor { rgb: [0, 220, 80], name: "the truth" }],
            pictures: vec![Picture { path: "o/50%#1?.png".to_string(), caption: "a".to_string() }],
            in_words: None,
        });
    });
    assert!(page.contains("<img src=\"o/50%25%231%3F.png\" alt=\"a\""), "{page}");
    assert!(page.contains("background:#00dc50\"></span>the truth"), "{page}");
}

#[test]
fn long_pages_list_their_sections() {
    let with = |count: usize| {
        page(|document| (0..count).for_each(|i| document.section(format!("part {i}"))))
    };
    assert!(!with(3).contains("<nav"));
    let long = with(4);
    assert!(long.contains("<a href=\"#section-4\">part 3</a>"), "{long}");
    assert!(long.contains("<h2 id=\"section-4\">part 3</h2>"), "{long}");
}
