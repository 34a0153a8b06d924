//! The page: what it holds, and what no name may do to it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed expectation is a failed test")]

mod common;

use common::{any_name, is_harmless, named, named_peer, placed, printed, varied};
use proptest::prelude::*;
use sockscope_model::Frame;
use sockscope_output::{Column, html};

fn page(frame: &Frame) -> String {
    printed(frame, |out, listing| html(out, listing, &Column::default_html(frame)).unwrap())
}

#[test]
fn rows_are_cells() {
    let text = page(&placed());
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("<tr>")).collect();
    assert_eq!(rows.len(), 11);
    insta::assert_snapshot!(rows.join("\n"));
}

#[test]
fn names_of_peers_are_text() {
    let text = page(&named_peer("\"><script>\x1b"));
    let cell = r#"<td data-s="192.0.2.1:443" title="192.0.2.1:443">&quot;&gt;&lt;script&gt;\x1b:443</td>"#;
    assert!(text.contains(cell), "{text}");
    assert!(text.contains("<td>192.0.2.2:443</td>"), "{text}");
}

#[test]
fn the_page_needs_nothing_else() {
    // A link that a reader may follow loads nothing.
    let text = page(&placed()).replace("<a href=\"https://db-ip.com\">", "");
    for outside in ["http:", "https:", "src=", "href=", "@import", "url(", "fetch(", "XMLHttpRequest"] {
        assert!(!text.contains(outside), "{outside}");
    }
    assert!(text.contains("default-src 'none'"));
    assert_eq!(text.matches("<script>").count(), 1);
}

#[test]
fn databases_are_named_where_they_are_used() {
    let attribution = "Places according to DB-IP Country Lite 2026-06 (<a href=\"https://db-ip.com\">IP Geolocation by DB-IP</a>), QQWry";
    assert!(page(&placed()).contains(attribution));
    assert!(!page(&varied()).contains("according"));
}

#[test]
fn notices_come_first() {
    let text = page(&varied());
    let notice = text.find("run as root to see them").unwrap();
    assert!(notice < text.find("<table>").unwrap() && text.contains("[owners-need-root]"));
}

proptest! {
    #[test]
    fn no_name_leaves_its_cell(name in any_name()) {
        let columns: Vec<Column> = Column::all().collect();
        let page = |name: &str| printed(&named(name), |out, listing| html(out, listing, &columns).unwrap());
        let (text, plain) = (page(&name), page("x"));
        prop_assert!(text.chars().all(is_harmless), "{text:?}");
        for special in ['<', '>', '"', '\'', '\n'] {
            prop_assert_eq!(text.matches(special).count(), plain.matches(special).count());
        }
    }
}
