//! `tradai approvals`: what waits for a person in a stage.

use comfy_table::{Table, presets};
use shared::approval::Offer;
use shared::time::Timestamp;

use crate::not_done::NotDone;
use crate::offers::{Waiting, waiting};
use crate::person::Person;
use crate::stage::Stage;

/// Lists what waits; a strategy that cannot be read is a line, and the exit code says that the list is not whole.
pub async fn list(stage: &Stage, person: &mut Person<'_>, now: Timestamp) -> Result<(), NotDone> {
    let Waiting { offers, unread } = waiting(&stage.tables).await?;
    match offers.is_empty() {
        true => person.tell("nothing waits")?,
        false => person.tell(&table(&offers, now))?,
    }
    if unread.is_empty() {
        return Ok(());
    }
    Err(NotDone::Refused(format!("the list is not whole, something cannot be read: {}", unread.join("; "))))
}

fn table(offers: &[Offer], now: Timestamp) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["strategy", "order", "terms", "offer ends"]);
    for offer in offers {
        let terms = &offer.terms;
        let row = [terms.strategy_id.to_string(), terms.order_id.to_string(), offer.line(), ends(offer, now)];
        table.add_row(row);
    }
    table.trim_fmt()
}

/// When an offer ends, and how long that is from now.
pub fn ends(offer: &Offer, now: Timestamp) -> String {
    let left = offer.expires_at.since(now).0;
    match left > 0 {
        true => format!("{}, in {} min {} s", offer.expires_at, left / 60_000, left % 60_000 / 1_000),
        false => format!("{}, over", offer.expires_at),
    }
}
