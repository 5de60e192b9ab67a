//! The short table at the end of a run, at most 80 columns wide and without colours.

use comfy_table::{ContentArrangement, Table, presets};

use super::outcome::Outcome;
use super::{show, tally};
use crate::probe::dollars;

/// Columns of a terminal that nobody has widened.
const WIDTH: u16 = 80;

/// The safety mode in which orders wait for a person.
const TWO_PHASE: &str = "TwoPhase";

/// The table, then the verdict: `books = venue`, or a line for each difference and violation.
pub fn table(outcome: &Outcome) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    for (name, value) in rows(outcome) {
        table.add_row([name, value.as_str()]);
    }
    let mut lines = vec![table.trim_fmt()];
    lines.extend(verdict(outcome));
    lines.join("\n")
}

fn rows(outcome: &Outcome) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("run", run(outcome)),
        ("decisions", with(outcome.decisions.len(), &tally::listed(&tally::decisions_by_outcome(outcome)))),
        ("model", model(outcome)),
        ("orders", with(outcome.orders.len(), &tally::listed(&tally::orders_by_status(outcome)))),
        ("fills", trades(outcome)),
        ("fees", fees(outcome)),
        ("profit and loss", result(outcome, outcome.pnl)),
        ("buy-and-hold", result(outcome, outcome.buy_and_hold)),
        ("pages", pages(outcome)),
        ("DynamoDB", tables(outcome)),
    ];
    let refusals = tally::orders_by_refusal(outcome);
    if !refusals.is_empty() {
        rows.push(("refused by", tally::listed(&refusals)));
    }
    if outcome.model.not_recorded > 0 {
        let many = show::count(outcome.model.not_recorded);
        rows.push(("not recorded", format!("{many} questions, each an abstention")));
    }
    if !outcome.faults.is_empty() {
        rows.push(("faults", tally::listed(&outcome.faults)));
    }
    if outcome.run.safety_mode == TWO_PHASE {
        rows.push(("approvals", approvals(&outcome.run.approve)));
    }
    rows
}

fn run(outcome: &Outcome) -> String {
    let run = &outcome.run;
    let line = format!(
        "{} on {}, {} to {} UTC, seed {}",
        run.strategy,
        run.symbol,
        show::minute(run.from),
        show::minute(run.to),
        run.seed
    );
    show::one_line(&line)
}

fn model(outcome: &Outcome) -> String {
    let used = &outcome.model;
    format!(
        "{}: {} calls, {} tokens in, {} out, {}",
        show::one_line(&outcome.run.model),
        show::count(used.calls),
        show::count(used.tokens_in),
        show::count(used.tokens_out),
        dollars(&show::money(used.usd), !used.is_assumed)
    )
}

fn trades(outcome: &Outcome) -> String {
    format!("{}, {}", show::count(outcome.fills.len()), show::counted(outcome.round_trips(), "round trip"))
}

fn fees(outcome: &Outcome) -> String {
    let total = format!("{} {}", show::money(outcome.fees_in_quote), outcome.run.quote);
    let parts: Vec<String> =
        outcome.fees.iter().map(|(asset, fee)| format!("{} {asset}", show::exact(*fee))).collect();
    if parts.is_empty() { total } else { format!("{total} ({})", parts.join(", ")) }
}

fn result(outcome: &Outcome, amount: rust_decimal::Decimal) -> String {
    let run = &outcome.run;
    let share = show::percent(amount, run.equity_at_start);
    let share = share.map(|share| format!(" ({share})")).unwrap_or_default();
    format!("{} {}{share}", show::signed(amount), run.quote)
}

fn pages(outcome: &Outcome) -> String {
    let others = tally::notifications(outcome);
    format!("{}, {}", show::count(outcome.pages_sent()), show::counted(others, "notification"))
}

fn tables(outcome: &Outcome) -> String {
    let (ddb, cycles) = (&outcome.ddb, outcome.decisions.len());
    format!(
        "a cycle: {} calls, {} read units, {} write units",
        show::per(ddb.calls.into(), cycles),
        show::per(ddb.rru, cycles),
        show::per(ddb.wru, cycles)
    )
}

fn approvals(approve: &str) -> String {
    let answered = if approve == "none" { "none answered" } else { "answered" };
    format!("{answered} (--approve {})", show::one_line(approve))
}

/// `12: filled 10, refused 2`.
fn with(total: usize, parts: &str) -> String {
    if parts.is_empty() { show::count(total) } else { format!("{}: {parts}", show::count(total)) }
}

fn verdict(outcome: &Outcome) -> Vec<String> {
    let mut lines = Vec::new();
    if outcome.books_equal_venue() {
        lines.push("books = venue".to_owned());
    }
    if !outcome.was_answered() {
        let why = outcome.model.failure.as_deref().unwrap_or("none was asked");
        lines.push(format!("no question was answered: {}", show::one_line(why)));
    }
    let differences = outcome.differences.iter().map(|one| format!("differs: {}", show::one_line(one)));
    let violations = outcome.violations.iter().map(|one| format!("violation: {}", show::one_line(one)));
    lines.extend(differences.chain(violations));
    lines
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn paper_table_ends_with_the_verdict() {
        assert_eq!(table(&sample::rich(3)).lines().last(), Some("books = venue"));
        assert_eq!(table(&sample::idle()).lines().last(), Some("books = venue"));
        let hostile = sample::hostile();
        let text = table(&hostile);
        assert!(!text.contains("books = venue"));
        assert!(text.lines().last().unwrap().starts_with("violation: "));
        assert_eq!(
            text.lines().filter(|line| line.starts_with("differs: ")).count(),
            hostile.differences.len()
        );
    }

    #[test]
    fn paper_table_fits_80_columns_and_commands_no_terminal() {
        for outcome in [sample::rich(21), sample::hostile(), sample::idle()] {
            let text = table(&outcome);
            assert!(text.lines().filter(|line| line.contains('│')).all(|line| line.chars().count() <= 80));
            assert!(!text.contains('\u{1b}'), "{text}");
        }
    }

    #[test]
    fn paper_table_names_who_answers_approvals_in_two_phase_alone() {
        let mut outcome = sample::idle();
        assert!(!table(&outcome).contains("approvals"));
        outcome.run.safety_mode = TWO_PHASE.to_owned();
        assert!(table(&outcome).contains("none answered (--approve none)"));
    }

    #[test]
    fn paper_table_calls_an_assumed_price_assumed() {
        let mut outcome = sample::rich(1);
        assert!(!table(&outcome).contains("assumed"));
        outcome.model.is_assumed = true;
        assert!(table(&outcome).contains("dollars, assumed"), "{}", table(&outcome));
    }

    #[test]
    fn a_run_without_an_answer_is_not_good_and_says_why() {
        let mut outcome = sample::rich(1);
        assert!(outcome.is_good());
        (outcome.model.answered, outcome.model.failure) = (0, Some("never sent: refused".to_owned()));
        assert!(!outcome.is_good());
        let last = table(&outcome).lines().last().map(str::to_owned);
        assert_eq!(last.as_deref(), Some("no question was answered: never sent: refused"));
    }

    #[test]
    fn paper_table_says_how_many_questions_were_not_in_the_recording() {
        let mut outcome = sample::idle();
        assert!(!table(&outcome).contains("not recorded"));
        outcome.model.not_recorded = 1_234;
        assert!(table(&outcome).contains("1,234 questions, each an abstention"), "{}", table(&outcome));
    }

    #[test]
    fn paper_table_of_the_sample() {
        insta::assert_snapshot!(table(&sample::rich(3)));
    }

    #[test]
    fn paper_table_of_differences() {
        insta::assert_snapshot!(table(&sample::hostile()));
    }
}
