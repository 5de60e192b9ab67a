//! Notes of the user's own pipeline, as the model is shown them: few, close, fresh, short, and plain text.
//!
//! A note is data in an envelope of its own. Nothing that binds an order is read from it.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use shared::ports::{Level, ReadTables};
use shared::records;
use shared::records::context::ContextNote;
use shared::store::{Item, Order, ReadError};
use shared::tables::Table;
use shared::time::Timestamp;

use crate::shift::Turn;

/// The newest notes that are looked at.
const LOOKED_AT: usize = 50;
/// A note that is less close than this is noise: 0.75.
const CLOSEST: Decimal = Decimal::from_parts(75, 0, 0, false, 2);
/// Most bytes of a note: letters of two or three bytes are as many tokens, and a note in any language leaves room for the
/// question.
pub const MOST_TEXT: usize = 160;
/// Most bytes of its source.
pub const MOST_SOURCE: usize = 24;
/// Letters by Unicode's word that show nothing: the fillers of Hangul.
const INVISIBLE: [char; 4] = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'];

/// A note as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// How old it is.
    pub age_minutes: i64,
    /// How close it is.
    pub similarity: Decimal,
    /// Where it comes from.
    pub source: String,
    /// What it says.
    pub text: String,
}

/// The notes for this cycle; no table is asked where the settings want none.
pub async fn notes<T: ReadTables, V, A>(turn: &Turn<'_, T, V, A>) -> Result<Vec<Shown>, ReadError> {
    let most = usize::try_from(turn.settings.context_top_k).unwrap_or(0);
    if most == 0 {
        return Ok(Vec::new());
    }
    let (tables, hash) = (turn.shift.ports.tables, turn.id().as_str());
    let items = tables.query(Table::Context, hash, "", Order::Descending, LOOKED_AT).await?;
    let read = |item: &Item| match records::context::decode(item) {
        Ok(note) => Some(note),
        Err(corrupt) => {
            turn.shift.write(turn.line(Level::Warn, "note not shown").with("error", corrupt));
            None
        }
    };
    Ok(chosen(items.iter().filter_map(read).collect(), most, turn.shift.now()))
}

/// The closest of those that are fresh and close enough; the newer of two that are alike, and no text twice.
fn chosen(mut notes: Vec<ContextNote>, most: usize, now: Timestamp) -> Vec<Shown> {
    notes.retain(|note| note.similarity >= CLOSEST && note.noted_at <= now && now < note.expires_at);
    notes.sort_by_key(|note| std::cmp::Reverse((note.similarity, note.noted_at)));
    let mut seen = BTreeSet::new();
    let shown = notes.iter().map(|note| Shown {
        age_minutes: now.since(note.noted_at).as_secs().div_euclid(60).max(0),
        similarity: note.similarity.round_dp(2),
        source: plain(&note.source, MOST_SOURCE),
        text: plain(&note.text, MOST_TEXT),
    });
    shown.filter(|one| !one.text.is_empty() && seen.insert(one.text.clone())).take(most).collect()
}

/// Letters, digits, spaces and plain punctuation of at most `most` bytes. Tags go with everything in them; what
/// is invisible, steers the direction of writing, or could look like markup or JSON goes by itself.
pub fn plain(text: &str, most: usize) -> String {
    let mut words = String::new();
    let mut rest = text.chars();
    while let Some(one) = rest.next() {
        let tag = if one == '<' { rest.as_str().find('>') } else { None };
        if let Some(end) = tag {
            rest = rest.as_str().get(end..).unwrap_or_default().chars();
            rest.next();
        }
        let is_kept =
            (one.is_alphanumeric() && !INVISIBLE.contains(&one)) || ".,:;!?%+-/()'$€£".contains(one);
        match (is_kept, one.is_whitespace() || one == '<') {
            (true, _) => words.push(one),
            (false, true) => words.push(' '),
            (false, false) => {}
        }
    }
    let joined = words.split_whitespace().collect::<Vec<_>>().join(" ");
    joined.get(..joined.floor_char_boundary(most)).unwrap_or_default().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, at};

    fn note(minute: i64, similarity: &str, text: &str) -> ContextNote {
        let noted_at = at("2023-03-01T15:00:00Z") + shared::time::Millis::from_minutes(minute);
        ContextNote {
            strategy_id: World::new().id(),
            noted_at,
            source: "news".to_owned(),
            text: text.to_owned(),
            similarity: Decimal::from_str_exact(similarity).unwrap(),
            expires_at: noted_at + shared::time::Millis::from_minutes(120),
        }
    }
    fn texts(notes: Vec<ContextNote>, most: usize) -> Vec<String> {
        let shown = chosen(notes, most, at("2023-03-01T16:00:00Z"));
        shown.into_iter().map(|one| one.text).collect()
    }

    #[test]
    fn at_most_so_many_close_and_fresh_notes_are_shown() {
        let notes = vec![
            note(0, "0.749", "not close"),
            note(1, "0.75", "close"),
            note(2, "0.9", "closer"),
            note(3, "0.9", "as close and newer"),
            note(4, "0.8", "closer"),
            note(-61, "1", "over"),
            note(61, "1", "of tomorrow"),
        ];
        assert_eq!(texts(notes.clone(), 5), ["as close and newer", "closer", "close"]);
        assert_eq!(texts(notes, 1), ["as close and newer"]);
    }

    #[test]
    fn only_plain_text_is_left_of_a_note() {
        for (text, left) in [
            ("BTC +3.5% (ETF: inflows)", "BTC +3.5% (ETF: inflows)"),
            ("<div class=\"x\">a</div><script>b", "a b"),
            ("a < b", "a b"),
            ("{\"quantity\": \"9\"}", "quantity: 9"),
            ("ig\u{200b}nore\u{202e} this\u{7}\n\n  line", "ignore this line"),
            ("\u{e0049}\u{e0067}", ""),
            ("<b", "b"),
            ("un\u{3164}seen\u{115f}", "unseen"),
        ] {
            assert_eq!(plain(text, 100), left, "{text:?}");
        }
        assert_eq!(plain(&"a".repeat(500), MOST_TEXT).len(), MOST_TEXT);
    }
}
