//! Two alerts about a strategy's models: its whole chain gives no answer, or one of them is near its last day.

use shared::decision::{Outcome, Why};
use shared::model::Servers;
use shared::records::decision::DecisionRecord;
use shared::settings::Settings;
use shared::state::Alert;
use shared::time::{Day, Millis, Timestamp};

/// The alert of a model near its last day: a notice.
pub const RETIRING: &str = "model-retiring";

/// Decisions in a row without an answer before the alert is raised.
const FEWEST: u32 = 3;
/// The least time between the first of them and the alert.
const LEAST: Millis = Millis::from_minutes(15);
/// Where decisions are further apart than this, the first one without an answer raises the alert: the third would come too
/// late.
const OFTEN: Millis = Millis::from_minutes(60);
/// Days before a model's last one on which the notice is sent.
const DAYS: [i64; 3] = [1, 7, 30];

/// Decisions in a row without an answer, this one not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// How many.
    pub count: u32,
    /// The first of them.
    pub since: Timestamp,
}

/// The row that the newest decisions end with, newest first.
pub fn row(decisions: &[DecisionRecord]) -> Option<Row> {
    let unanswered = Outcome::Abstain(Why::Unavailable).to_string();
    let in_row = decisions.iter().take_while(|one| one.outcome.as_deref() == Some(unanswered.as_str()));
    in_row.fold(None, |row: Option<Row>, one| {
        Some(Row { count: row.map_or(1, |row| row.count.saturating_add(1)), since: one.decided_at })
    })
}

/// Whether a model answered, in whatever way.
pub const fn is_answered(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Trade(_) | Outcome::Hold | Outcome::Abstain(Why::ByModel) => true,
        Outcome::Abstain(why) => why.is_bad_answer(),
    }
}

/// The alert's words about a chain that gave no answer in the decision of `minute` either; none where it is too soon.
pub fn detail(before: Option<Row>, every: Millis, minute: Timestamp, reason: &str) -> Option<String> {
    let Row { count, since } = before.unwrap_or(Row { count: 0, since: minute });
    let count = count.saturating_add(1);
    let is_long = every > OFTEN || (count >= FEWEST && minute.since(since) >= LEAST);
    is_long.then(|| format!("{count} decisions since {since} had no answer of any model: {reason}"))
}

/// The notice about the model of `settings` that ends first, if it ends soon. It is a new notice 30, 7 and 1 days before.
pub fn retiring(settings: &Settings, servers: &Servers, today: Day) -> Option<Alert> {
    let models = std::iter::once(&settings.model).chain(&settings.model_fallbacks);
    let ends = models.filter_map(|model| Some((servers.capabilities(model).last_day()?, model)));
    let (last, model) = ends.filter(|(last, _)| *last >= today).min()?;
    let left = last.0.saturating_sub(today.0);
    let before = DAYS.into_iter().find(|days| left <= *days)?;
    let detail = format!(
        "{model} ends on {last}, in {left} days: name another in model or model_fallbacks, then tradai strategy apply"
    );
    let since = Day(last.0.saturating_sub(before)).start();
    Some(Alert { since, key: format!("{model} {before}"), detail })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, at};

    /// The minutes from the first decision to the alert, where a strategy decides every `every` minutes.
    fn told_after(every: i64) -> i64 {
        let start = at("2026-12-01T00:00:00Z");
        let row = |count: i64| Row { count: u32::try_from(count).unwrap(), since: start };
        let is_told = |count: &i64| {
            let before = (*count > 0).then(|| row(*count));
            let minute = start + Millis::from_minutes(every * count);
            detail(before, Millis::from_minutes(every), minute, "down").is_some()
        };
        every * (0..100).find(is_told).unwrap()
    }

    #[test]
    fn a_silent_chain_pages_after_three_decisions_or_fifteen_minutes() {
        for (every, after) in
            [(1, 15), (2, 16), (5, 15), (7, 21), (8, 16), (25, 50), (60, 120), (61, 0), (240, 0), (1_440, 0)]
        {
            assert_eq!(told_after(every), after, "every {every} minutes");
        }
    }

    #[test]
    fn a_model_near_its_last_day_is_a_notice_thirty_seven_and_one_days_before() {
        let settings = Settings {
            model: "openai/gpt-5-mini".to_owned(),
            model_fallbacks: Vec::new(),
            ..testing::settings()
        };
        let told = |day: &str| retiring(&settings, &Servers::NONE, Day::parse(day).unwrap());
        let since = |day: &str| told(day).map(|alert| alert.since.day().to_string());
        assert_eq!(told("2026-11-10"), None);
        assert_eq!(since("2026-11-11").as_deref(), Some("2026-11-11"));
        assert_eq!(since("2026-12-03").as_deref(), Some("2026-11-11"), "it is one fact");
        assert_eq!(since("2026-12-04").as_deref(), Some("2026-12-04"));
        assert_eq!(since("2026-12-10").as_deref(), Some("2026-12-10"));
        assert_eq!(since("2026-12-11").as_deref(), Some("2026-12-10"));
        assert_eq!(told("2026-12-12"), None, "it has ended, and its refusals page");
        assert!(told("2026-12-04").unwrap().detail.contains("ends on 2026-12-11, in 7 days"));
    }
}
