//! What is read first: the verdict, then the figures.

use maud::{Markup, html};
use rust_decimal::Decimal;

use super::tables::sign;
use crate::paper::outcome::Outcome;
use crate::paper::{show, tally};

/// The most lines of a verdict.
const LINES: usize = 100;

/// What was run.
pub(super) fn title(outcome: &Outcome) -> Markup {
    let run = &outcome.run;
    html! {
        p.brand { "tradai paper" }
        h1 { bdi { (show::one_line(&run.strategy)) } " on " (run.symbol) }
        p.note {
            (show::minute(run.from)) " to " (show::minute(run.to)) " UTC, "
            (show::counted(usize::try_from(run.days).unwrap_or_default(), "day")) ", seed " (run.seed)
        }
    }
}

/// Whether the books equal the venue, and which rules were broken.
pub(super) fn verdict(outcome: &Outcome) -> Markup {
    let equal = outcome.books_equal_venue();
    html! {
        div #verdict {
            @if equal {
                p.good { "✓ books = venue" }
            } @else {
                div.bad { p { "✗ books differ from the venue" } (lines(&outcome.differences)) }
            }
            @if !outcome.violations.is_empty() {
                div.bad { p { "✗ rules broken" } (lines(&outcome.violations)) }
            }
            @if !outcome.was_answered() {
                div.bad { p { "✗ no question was answered" } (lines(outcome.model.failure.as_slice())) }
            }
        }
    }
}

fn lines(texts: &[String]) -> Markup {
    html! {
        ul { @for text in texts.iter().take(LINES) { li { bdi { (show::clipped(&show::one_line(text), 500)) } } } }
        @if texts.len() > LINES { p { "and " (texts.len() - LINES) " more" } }
    }
}

/// The key figures.
pub(super) fn figures(outcome: &Outcome) -> Markup {
    let (model, ddb, cycles) = (&outcome.model, &outcome.ddb, outcome.decisions.len());
    html! {
        section #figures aria-label="Key figures" {
            (gain("profit and loss", outcome, outcome.pnl))
            (gain("buy-and-hold", outcome, outcome.buy_and_hold))
            (card("decisions", &show::count(cycles), &tally::listed(&tally::decisions_by_outcome(outcome))))
            (card("orders", &show::count(outcome.orders.len()), &tally::listed(&tally::orders_by_status(outcome))))
            (card("fills", &show::count(outcome.fills.len()), &show::counted(outcome.round_trips(), "round trip")))
            (card(&format!("fees in {}", outcome.run.quote), &show::money(outcome.fees_in_quote), &fees(outcome)))
            (card("faults that occurred", &show::count(outcome.faults.values().sum::<u64>()), &tally::listed(&outcome.faults)))
            (card(
                "pages",
                &show::count(outcome.pages_sent()),
                &show::counted(tally::notifications(outcome), "notification"),
            ))
            (card(
                if model.is_assumed { "model dollars, assumed" } else { "model dollars" },
                &show::money(model.usd),
                &format!(
                    "{} calls, {} tokens in, {} out",
                    show::count(model.calls), show::count(model.tokens_in), show::count(model.tokens_out)
                ),
            ))
            (card(
                "DynamoDB calls per cycle",
                &show::per(ddb.calls.into(), cycles),
                &format!("{} read and {} write units", show::per(ddb.rru, cycles), show::per(ddb.wru, cycles)),
            ))
        }
    }
}

fn gain(name: &str, outcome: &Outcome, amount: Decimal) -> Markup {
    let share = show::percent(amount, outcome.run.equity_at_start).unwrap_or_default();
    html! {
        div.card {
            p.name { (name) }
            p.value.(sign(amount)) title=(show::exact(amount)) { (show::signed(amount)) }
            p.detail { (share) " of " (show::money(outcome.run.equity_at_start)) " " (outcome.run.quote) }
        }
    }
}

fn card(name: &str, value: &str, detail: &str) -> Markup {
    html! { div.card { p.name { (name) } p.value { (value) } p.detail { (show::clipped(detail, 300)) } } }
}

fn fees(outcome: &Outcome) -> String {
    let parts = outcome.fees.iter().map(|(asset, fee)| format!("{} {asset}", show::exact(*fee)));
    parts.collect::<Vec<_>>().join(", ")
}
