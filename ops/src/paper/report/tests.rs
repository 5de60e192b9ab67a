//! The report as text: escaped, closed, complete, small.

use super::html;
use crate::paper::{sample, show};

/// Tags that have no end.
const VOID: [&str; 3] = ["meta", "input", "!DOCTYPE"];

/// The names of all tags, in order; an end begins with `/`.
fn tags(page: &str) -> Vec<&str> {
    page.split('<').skip(1).map(|rest| rest.split([' ', '>', '\n']).next().unwrap()).collect()
}

#[test]
fn paper_report_is_balanced() {
    for outcome in [sample::rich(3), sample::hostile(), sample::idle()] {
        let page = html(&outcome);
        let mut open = Vec::new();
        for tag in tags(&page) {
            match tag.strip_prefix('/') {
                Some(end) => assert_eq!(open.pop(), Some(end)),
                None if VOID.contains(&tag) => {}
                None => open.push(tag),
            }
        }
        assert_eq!(open, Vec::<&str>::new());
    }
}

#[test]
fn paper_report_gives_no_element_two_classes() {
    let page = html(&sample::rich(3));
    for tag in page.split('<').filter_map(|rest| rest.split('>').next()) {
        assert!(tag.matches(" class=").count() < 2, "a browser drops the second: {tag}");
    }
}

#[test]
fn paper_report_escapes_what_others_wrote() {
    let page = html(&sample::hostile());
    let tags = tags(&page);
    for name in ["script", "img", "b>", "link", "iframe"] {
        assert!(!tags.contains(&name), "<{name}");
    }
    assert!(page.contains("&lt;script&gt;alert(&quot;1&quot;)"));
    assert_eq!(tags.iter().filter(|tag| **tag == "style").count(), 1);
}

#[test]
fn paper_report_loads_nothing() {
    let page = html(&sample::hostile());
    for what in [" src=\"", " href=\"", "url(", "@import", "<script src"] {
        assert!(!page.contains(what), "{what}");
    }
    for what in ["http://", "https://"] {
        assert!(!html(&sample::rich(3)).contains(what), "{what}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn paper_report_shows_the_outcomes_numbers() {
    let outcome = sample::rich(3);
    let page = html(&outcome);
    for value in [
        show::signed(outcome.pnl),
        show::signed(outcome.buy_and_hold),
        show::count(outcome.decisions.len()),
        show::count(outcome.orders.len()),
        show::money(outcome.fees_in_quote),
        show::count(outcome.pages_sent()),
        show::money(outcome.model.usd),
    ] {
        assert!(page.contains(&format!(">{value}</p>")), "{value}");
    }
    let rows = outcome.decisions.len() + outcome.orders.len() + outcome.fills.len() + outcome.positions.len();
    assert_eq!(tags(&page).iter().filter(|tag| **tag == "tr").count(), rows + 4);
    assert!(page.contains("books = venue"));
}

#[test]
fn paper_report_says_what_differs_before_anything_else() {
    let page = html(&sample::hostile());
    assert!(!page.contains("books = venue"));
    assert!(page.find("books 0.10, venue 0.11").unwrap() < page.find("id=\"figures\"").unwrap());
    assert!(page.contains("two orders for one intent"));
}

#[test]
fn paper_report_of_nothing_says_so() {
    let page = html(&sample::idle());
    assert!(page.contains("Nobody was paged."));
    assert!(page.contains("No hour of the market was seen."));
}

#[test]
fn paper_report_of_21_days_is_below_two_megabytes() {
    let outcome = sample::rich(21);
    assert!(outcome.decisions.len() > 1_200 && outcome.orders.len() > 100);
    assert!(html(&outcome).len() < 2_000_000, "{}", html(&outcome).len());
}
