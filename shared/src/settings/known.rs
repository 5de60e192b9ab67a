//! Which fields a layout has. A field that nobody reads is refused: a misspelled limit must not go unnoticed.

use super::document::Document;
use super::note::{BadSettings, Place};

/// A field and how one writes it.
pub(super) type Known = (&'static str, &'static str);

/// The native layout's fields, with an example of each.
pub(super) const NATIVE: &[Known] = &[
    ("profile", "\"cautious\""),
    ("strategy_id", "\"demo\""),
    ("account", "\"paper\""),
    ("venue", "\"binance\""),
    ("backend", "\"mock\""),
    ("testnet", "true"),
    ("paper_balance", "\"10000 USDT\""),
    ("symbols", "[\"BTC-USDT\"]"),
    ("decide_every_seconds", "1500"),
    ("model", "\"anthropic/claude-haiku-4-5\""),
    ("model_fallbacks", "[]"),
    ("llm_usd_per_day", "\"5.0\""),
    ("safety_mode", "\"DryRun\""),
    ("order_cooldown_seconds", "60"),
    ("approval_expiry_minutes", "15"),
    ("limits.max_order_notional", "\"5000.0\""),
    ("limits.max_daily_orders", "100"),
    ("limits.max_daily_cancels", "100"),
    ("limits.max_position_abs", "\"0.5\""),
    ("limits.allowed_symbols", "[\"BTC-USDT\"]"),
    ("limits.max_opens_per_hour", "2"),
    ("limits.max_price_drift_percent", "\"0.5\""),
    ("limits.max_decision_age_seconds", "120"),
    ("gate.threshold", "5"),
    ("gate.cooldown_ms", "60000"),
    ("pnl_gate.max_daily_loss", "\"500.0\""),
    ("exits.max_stop_distance_percent", "\"5.0\""),
    ("exits.take_profit_percent", "\"3.0\""),
    ("exits.trailing_percent", "\"1.5\""),
    ("exits.exit_limit_minutes", "5"),
    ("exits.entry_timeout_minutes", "10"),
    ("crash.fall_percent", "\"5.0\""),
    ("crash.window_minutes", "15"),
    ("crash.action", "\"exit\""),
    ("ask.context_top_k", "3"),
    ("ask.when_moved_percent", "\"0.3\""),
    ("ask.tokens_per_five_minutes", "12000"),
    ("ask.answer_tokens", "1000"),
];

/// How one writes the native field `path`.
pub(super) fn example(path: &str) -> &'static str {
    NATIVE.iter().find(|(name, _)| *name == path).map_or("a value", |(_, example)| example)
}

/// The table of `table.field`; nothing for a field outside tables.
pub(super) fn table_of(path: &str) -> &str {
    path.split_once('.').map_or("", |(table, _)| table)
}

/// Refuses what is not among `fields`.
pub(super) fn check(document: &Document, file: &str, fields: &[&str]) -> Result<(), BadSettings> {
    let is_table = |name: &str| fields.iter().any(|field| !name.is_empty() && table_of(field) == name);
    for (name, line) in &document.tables {
        if !is_table(name) {
            return Err(not_a_table(&Place::field(file, *line, name), name, fields));
        }
    }
    for (path, entry) in &document.entries {
        let place = Place::field(file, entry.line, path);
        if is_table(path) {
            return Err(
                place.refuse("this is a table, not a value", format!("write [{path}] on its own line"))
            );
        }
        if !fields.contains(&path.as_str()) {
            return Err(unknown(&place, path, fields));
        }
    }
    Ok(())
}

fn not_a_table(place: &Place, name: &str, fields: &[&str]) -> BadSettings {
    if fields.contains(&name) {
        return place.refuse("this is a table, not a value", format!("write {name} = {}", example(name)));
    }
    let mut tables: Vec<&str> = fields.iter().map(|field| table_of(field)).collect();
    tables.dedup();
    tables.retain(|table| !table.is_empty());
    match nearest(name, &tables) {
        Some(table) => place.refuse("there is no such table", format!("did you mean [{table}]?")),
        None => place.refuse("there is no such table", format!("the tables are {}", tables.join(", "))),
    }
}

fn unknown(place: &Place, path: &str, fields: &[&str]) -> BadSettings {
    const WHAT: &str = "there is no such field";
    if is_secret(path) {
        return place.refuse(WHAT, "remove it: keys are kept in Secrets Manager, never in a file");
    }
    let here: Vec<&str> = fields.iter().copied().filter(|field| table_of(field) == table_of(path)).collect();
    let leaf = |path: &str| path.rsplit_once('.').map_or(path, |(_, leaf)| leaf).to_owned();
    let elsewhere = || fields.iter().copied().find(|field| leaf(field) == leaf(path));
    match nearest(path, &here).or_else(elsewhere).or_else(|| nearest(path, fields)) {
        Some(field) if table_of(field).is_empty() && !table_of(path).is_empty() => {
            place.refuse(WHAT, format!("did you mean {field}, above the first table?"))
        }
        Some(field) => place.refuse(WHAT, format!("did you mean {field}?")),
        None => place.refuse(WHAT, format!("the fields here are {}", here.join(", "))),
    }
}

/// Whether a field's name says that its value is a secret.
fn is_secret(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    ["api_key", "apikey", "secret", "password", "token"].iter().any(|word| path.contains(word))
}

/// The most alike of `fields`, if one is alike at all.
fn nearest<'a>(name: &str, fields: &[&'a str]) -> Option<&'a str> {
    const LONGEST: usize = 80;
    if name.len() > LONGEST {
        return None;
    }
    let alike = |field: &&'a str| (distance(name, field), *field);
    let (edits, field) = fields.iter().map(alike).min()?;
    (edits <= name.len().div_ceil(4).min(3)).then_some(field)
}

/// How many characters must be added, dropped or changed to get from one to the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (number, letter) in one.chars().enumerate() {
        let (mut diagonal, mut left) = (number, number.saturating_add(1));
        let mut next = vec![left];
        for (letter_of_other, above) in other.chars().zip(row.iter().skip(1)) {
            let changed = diagonal.saturating_add(usize::from(letter != letter_of_other));
            left = changed.min(left.saturating_add(1)).min(above.saturating_add(1));
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_is_the_number_of_edits() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("limits", "limits"), 0);
    }
}
