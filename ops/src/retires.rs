//! Models whose provider has announced their last day: told a month ahead, and not applied once it has passed.

use shared::model::Servers;
use shared::settings::Settings;
use shared::time::{Day, Timestamp};

use crate::fits::models;

/// Days before a model's last one from which people are told.
const AHEAD: i64 = 30;

/// That the last day of `model` has passed.
pub fn retired(servers: &Servers, model: &str, now: Timestamp) -> Option<String> {
    let day = last_day(servers, model)?;
    (day < now.day()).then(|| format!("{model} is retired since its last day, {day}"))
}

/// A line for each model of the chain whose last day is near or has passed.
pub fn cautions(settings: &Settings, servers: &Servers, now: Timestamp) -> Vec<String> {
    models(settings).filter_map(|(field, model)| caution(servers, model, now, field)).collect()
}

fn caution(servers: &Servers, model: &str, now: Timestamp, field: &str) -> Option<String> {
    if let Some(line) = retired(servers, model, now) {
        return Some(format!("{field}: {line}; name another model"));
    }
    let day = last_day(servers, model)?;
    let left = day.0.saturating_sub(now.day().0);
    let days = if left == 1 { "1 day" } else { &format!("{left} days") };
    (left <= AHEAD)
        .then(|| format!("{field}: {model} has its last day on {day}, in {days}; name another before"))
}

fn last_day(servers: &Servers, model: &str) -> Option<Day> {
    servers.capabilities(model).last_day()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_day_is_told_from_thirty_days_before_it() {
        let told = |model: &str, day: &str| {
            let now = Timestamp::parse(&format!("{day}T12:00:00Z")).unwrap();
            caution(&Servers::NONE, model, now, "model")
        };
        let line = |days: &str| {
            Some(format!(
                "model: openai/gpt-5-mini has its last day on 2026-12-11, in {days}; name another before"
            ))
        };
        assert_eq!(told("openai/gpt-5-mini", "2026-11-10"), None);
        assert_eq!(told("openai/gpt-5-mini", "2026-11-11"), line("30 days"));
        assert_eq!(told("openai/gpt-5-mini", "2026-12-10"), line("1 day"));
        assert_eq!(told("openai/gpt-5-mini", "2026-12-11"), line("0 days"));
        let gone = told("openai/gpt-5-mini", "2026-12-12").unwrap();
        assert!(gone.contains("is retired since its last day, 2026-12-11; name another"), "{gone}");
        assert_eq!(told("openai/gpt-6-luna", "2026-12-12"), None);
    }
}
