//! `report.html`: one file that opens from disk. It runs no script and loads nothing, so that a text that a
//! model wrote can do neither: everything is escaped, and the page's own policy forbids the rest.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::outcome::Outcome;

mod axes;
mod chart;
mod equity;
mod head;
mod marks;
mod notes;
mod price;
mod table;
mod tables;
mod timeline;

#[cfg(test)]
mod tests;

/// How it looks; part of the file.
const STYLE: &str = include_str!("report/style.css");
/// Nothing is loaded and nothing runs; the style sheet stands in the file.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The report of a run.
pub fn html(outcome: &Outcome) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "tradai paper: " (outcome.run.strategy) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body(outcome)) }
        }
    };
    page.into_string()
}

fn body(outcome: &Outcome) -> Markup {
    html! {
        header { (head::title(outcome)) (head::verdict(outcome)) }
        main {
            (head::figures(outcome))
            (price::figure(outcome))
            (equity::figure(outcome))
            (timeline::figure(outcome))
            (tables::positions(outcome))
            (tables::orders(outcome))
            (tables::fills(outcome))
            (tables::decisions(outcome))
            (notes::pages(outcome))
            (notes::settings(outcome))
            (notes::faults(outcome))
        }
        footer { "Read from the tables, the exchange's own ledger and the topics. Times are UTC." }
    }
}

/// What stands where there is nothing to show.
fn none(text: &str) -> Markup {
    html! { p.none { (text) } }
}
