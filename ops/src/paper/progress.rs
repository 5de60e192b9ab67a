//! Where a run is, on standard error: the simulated date, equity and open orders.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rust_decimal::Decimal;
use shared::time::Timestamp;

use super::show;

/// A step of the bar: texts are made no more often than this, so that each minute may report.
const EVERY_MINUTES: u64 = 15;

/// How the bar looks; it fits 80 columns.
const LOOK: &str = "{percent:>3} % {bar:20} {msg}";

/// The progress of one run.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar for so many minutes; nothing is drawn unless it is enabled and standard error is a terminal.
    pub fn new(total_minutes: u64, enabled: bool) -> Progress {
        let target = if enabled { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total_minutes), target);
        if let Ok(style) = ProgressStyle::with_template(LOOK) {
            bar.set_style(style.progress_chars("=> "));
        }
        Progress { bar }
    }
    /// So many minutes are done: cheap enough for each of them.
    pub fn update(&self, minute: u64, at: Timestamp, equity: Decimal, open_orders: usize) {
        if !minute.is_multiple_of(EVERY_MINUTES) || self.bar.is_hidden() {
            return;
        }
        self.bar.set_message(message(at, equity, open_orders));
        self.bar.set_position(minute);
    }
    /// Takes the bar away: what a run found out follows it.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn message(at: Timestamp, equity: Decimal, open_orders: usize) -> String {
    format!(
        "{}  equity {}  {}",
        show::minute(at),
        show::money(equity),
        show::counted(open_orders, "open order")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paper_progress_names_the_date_the_equity_and_the_open_orders() {
        let at = Timestamp::parse("2023-03-01T04:25:00Z").unwrap();
        assert_eq!(message(at, Decimal::from(10_000), 1), "2023-03-01 04:25  equity 10,000.00  1 open order");
        assert_eq!(message(at, Decimal::ONE, 0), "2023-03-01 04:25  equity 1.00  0 open orders");
    }

    #[test]
    fn paper_progress_that_is_not_enabled_draws_nothing() {
        let progress = Progress::new(10, false);
        progress.update(0, Timestamp::from_millis(0), Decimal::ONE, 2);
        assert!(progress.bar.is_hidden());
        assert_eq!(progress.bar.message(), "");
        progress.finish();
    }

    #[test]
    fn paper_progress_has_a_readable_template() {
        assert!(ProgressStyle::with_template(LOOK).is_ok());
    }
}
