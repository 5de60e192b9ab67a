//! What was published, how the settings were read, and which faults occurred.

use maud::{Markup, html};

use super::none;
use crate::paper::outcome::{Outcome, PageRow};
use crate::paper::show;

/// The most messages that are shown.
const PAGES: usize = 300;
/// The most characters of a message.
const BODY: usize = 4_000;

/// Pages and notifications, with their text.
pub(super) fn pages(outcome: &Outcome) -> Markup {
    let all = outcome.pages.len();
    html! {
        details #pages open[all <= 5] {
            summary { h2 { "Pages and notifications" } " " span.many { (show::count(all)) } }
            @if all == 0 { (none("Nobody was paged.")) }
            @for page in outcome.pages.iter().take(PAGES) { (page_of(page)) }
            @if all > PAGES { p.note { "The first " (PAGES) " of " (all) "." } }
        }
    }
}

fn page_of(page: &PageRow) -> Markup {
    let topic = if page.topic == "alerts" { "page" } else { "notice" };
    html! {
        article class=(topic) {
            p { span.tag { (topic) } " " (show::minute(page.at)) " UTC" }
            h3 { bdi { (show::clipped(&show::one_line(&page.subject), 200)) } }
            pre { bdi { (show::clipped(&page.body, BODY)) } }
        }
    }
}

/// How the run was set up.
pub(super) fn settings(outcome: &Outcome) -> Markup {
    let run = &outcome.run;
    let rows = [
        ("model", run.model.clone()),
        ("safety mode", run.safety_mode.clone()),
        ("approvals", run.approve.clone()),
        ("faults", run.faults.clone()),
        ("minutes woken for", show::count(outcome.ticks)),
    ];
    html! {
        section #settings {
            h2 { "Settings" }
            dl { @for (name, value) in rows { dt { (name) } dd { bdi { (show::one_line(&value)) } } } }
            @if !run.notes.is_empty() {
                ul { @for note in &run.notes { li { bdi { (show::one_line(note)) } } } }
            }
        }
    }
}

/// The faults that occurred, by kind.
pub(super) fn faults(outcome: &Outcome) -> Markup {
    html! {
        section #faults {
            h2 { "Faults that occurred" }
            @if outcome.faults.is_empty() { (none("None.")) } @else {
                dl { @for (kind, many) in &outcome.faults { dt { (kind) } dd { (show::count(*many)) } } }
            }
        }
    }
}
