//! Text made safe where reports show it.

/// Style of a report's page: tables whose first columns, the text, are to the left.
pub const PAGE_STYLE: &str = "body{font-family:sans-serif;margin:2em;max-width:76em;line-height:1.4}\
table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid #bbb;padding:.2em .6em;\
text-align:right}figure{display:inline-block;margin:.4em;vertical-align:top}\
figure img{max-width:22em;height:auto;display:block}figcaption{font-size:.85em}\
code{word-break:break-all}";

/// Text as HTML.
#[must_use]
pub fn html_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A relative path as a link: characters that mean something in links are encoded.
#[must_use]
pub fn html_address(path: &str) -> String {
    html_text(&path.replace('%', "%25").replace('#', "%23").replace('?', "%3F"))
}

/// Text in a cell of a Markdown table.
#[must_use]
pub fn markdown_cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_lose_their_meaning() {
        assert_eq!(html_text("<a href=\"&\">"), "&lt;a href=&quot;&amp;&quot;&gt;");
        assert_eq!(html_address("a b/50%#1?.png"), "a b/50%25%231%3F.png");
        assert_eq!(markdown_cell("a|b\nc"), "a\\|b c");
    }
}
