//! A position: `tradai-positions`.

use crate::books::Position;
use crate::ids::PositionId;
use crate::records::attrs::{Draft, changes as changed, map, number, text, time};
use crate::records::fields::{Corrupt, Fields, Found};
use crate::store::{Attr, Change, Cond, Item, Key};
use crate::tables::Table;

/// Where each attribute is.
pub mod path {
    use crate::records::attrs::paths;

    paths!(
        status,
        quantity,
        bought,
        cost,
        sold,
        proceeds,
        fees,
        peak,
        stop,
        take_profit,
        opened_at,
        closing_since,
        exit_reason,
        exit_decision,
        closed_at,
        closed_manually,
        residue,
        next_stop,
        next_exit,
        stop_failures,
        exit_failures,
        exit_refused_at,
        trace,
        version,
    );
}

/// The item of a position.
pub fn key(id: &PositionId) -> Key {
    Key { table: Table::Positions, hash: id.to_string(), range: None }
}

/// The whole item.
pub fn encode(position: &Position) -> Item {
    Draft::under(key(&position.id))
        .with("strategy_id", text(&position.strategy_id))
        .with("account", text(&position.account))
        .with("symbol", text(&position.symbol))
        .with("status", text(position.status.as_str()))
        .with("quantity", number(position.quantity))
        .with("bought", number(position.bought))
        .with("cost", number(position.cost))
        .with("sold", number(position.sold))
        .with("proceeds", number(position.proceeds))
        .with("fees", map(&position.fees, |fee| number(fee)))
        .maybe("peak", position.peak.map(number))
        .with("stop", number(position.stop))
        .maybe("take_profit", position.take_profit.map(number))
        .with("opened_at", time(position.opened_at))
        .maybe("closing_since", position.closing_since.map(time))
        .maybe("exit_reason", position.exit_reason.map(|reason| text(reason.as_str())))
        .maybe("exit_decision", position.exit_decision.map(time))
        .maybe("closed_at", position.closed_at.map(time))
        .with("closed_manually", Attr::Bool(position.closed_manually))
        .maybe("residue", position.residue.map(number))
        .with("next_stop", number(position.next_stop))
        .with("next_exit", number(position.next_exit))
        .with("stop_failures", number(position.stop_failures))
        .with("exit_failures", number(position.exit_failures))
        .maybe("exit_refused_at", position.exit_refused_at.map(time))
        .maybe("trace", position.trace.as_ref().map(text))
        .with("version", number(position.version))
        .item()
}

/// Reads the whole item.
pub fn decode(item: &Item) -> Result<Position, Corrupt> {
    let fields = Fields::of(Table::Positions, item);
    let position = Position {
        id: fields.need("position_id", Found::word)?,
        strategy_id: fields.need("strategy_id", Found::word)?,
        account: fields.need("account", Found::word)?,
        symbol: fields.need("symbol", Found::word)?,
        status: fields.need("status", Found::word)?,
        quantity: fields.need("quantity", Found::number)?,
        bought: fields.need("bought", Found::number)?,
        cost: fields.need("cost", Found::number)?,
        sold: fields.need("sold", Found::number)?,
        proceeds: fields.need("proceeds", Found::number)?,
        fees: fields.need("fees", |found| found.map(Found::number))?,
        peak: fields.maybe("peak", Found::number)?,
        stop: fields.need("stop", Found::number)?,
        take_profit: fields.maybe("take_profit", Found::number)?,
        opened_at: fields.need("opened_at", Found::word)?,
        closing_since: fields.maybe("closing_since", Found::word)?,
        exit_reason: fields.maybe("exit_reason", Found::word)?,
        exit_decision: fields.maybe("exit_decision", Found::word)?,
        closed_at: fields.maybe("closed_at", Found::word)?,
        closed_manually: fields.need("closed_manually", Found::flag)?,
        residue: fields.maybe("residue", Found::number)?,
        next_stop: fields.need("next_stop", Found::number)?,
        next_exit: fields.need("next_exit", Found::number)?,
        // Items from before they were counted have none.
        stop_failures: fields.maybe("stop_failures", Found::number)?.unwrap_or(0),
        exit_failures: fields.need("exit_failures", Found::number)?,
        exit_refused_at: fields.maybe("exit_refused_at", Found::word)?,
        trace: fields.maybe("trace", Found::text)?,
        version: fields.need("version", Found::number)?,
    };
    if position.strategy_id == position.id.strategy {
        Ok(position)
    } else {
        Err(fields.bad("strategy_id", position.strategy_id.as_str(), "the position's id names another"))
    }
}

/// What changes in a position's life. `closed_manually` is a person's alone; who and where it is was
/// fixed when it was put.
const CHANGING: [&str; 22] = [
    "status",
    "quantity",
    "bought",
    "cost",
    "sold",
    "proceeds",
    "fees",
    "peak",
    "stop",
    "take_profit",
    "closing_since",
    "exit_reason",
    "exit_decision",
    "closed_at",
    "residue",
    "next_stop",
    "next_exit",
    "stop_failures",
    "exit_failures",
    "exit_refused_at",
    "trace",
    "version",
];

/// The changes that bring the item to `position`, whose `version` the caller has raised.
pub fn changes(position: &Position) -> Vec<Change> {
    changed(&encode(position), &CHANGING)
}

/// Holds while the item is as `read`: our writes raise `version`, and a person's edit shows in `status`
/// or `closed_manually` (a person may spell `closed_at` in more than one way).
pub fn unchanged(read: &Position) -> Vec<Cond> {
    vec![
        Cond::Equals(path::version(), number(read.version)),
        Cond::Equals(path::status(), text(read.status.as_str())),
        Cond::Equals(path::closed_manually(), Attr::Bool(read.closed_manually)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::books::PositionStatus;
    use crate::records::{arb, samples};
    use crate::store::Path;
    use crate::time::Timestamp;

    fn apply(item: &mut Item, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Set(Path { head, .. }, attr) => item.insert(head, attr),
                Change::Remove(Path { head, .. }) => item.remove(&head),
            };
        }
    }

    /// The runbook's command: status, closed_manually and closed_at, by hand.
    #[test]
    fn records_a_position_that_the_runbook_closed_is_read() {
        let mut item = encode(&samples::position());
        apply(
            &mut item,
            vec![
                Change::Set(path::status(), Attr::S("closed".into())),
                Change::Set(path::closed_manually(), Attr::Bool(true)),
                Change::Set(path::closed_at(), Attr::S("2024-01-01T00:00:00+00:00".into())),
            ],
        );
        let closed = decode(&item).unwrap();
        assert_eq!((closed.status, closed.closed_manually), (PositionStatus::Closed, true));
        assert_eq!(closed.closed_at, Some(Timestamp::parse("2024-01-01T00:00:00Z").unwrap()));
    }

    proptest::proptest! {
        /// Whatever a position was, the changes to the next leave an item that reads as the next.
        #[test]
        fn records_position_changes_lead_from_any_to_any_other(before in arb::position(), after in arb::position()) {
            let after = Position {
                id: before.id.clone(),
                strategy_id: before.strategy_id.clone(),
                account: before.account.clone(),
                symbol: before.symbol.clone(),
                opened_at: before.opened_at,
                closed_manually: before.closed_manually,
                ..after
            };
            let mut item = encode(&before);
            apply(&mut item, changes(&after));
            proptest::prop_assert_eq!(decode(&item), Ok(after));
        }
    }
}
