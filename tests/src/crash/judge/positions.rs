//! I4, I6, HAND, STOP: what is held is the sum of its fills, and lies under its stop.

use rust_decimal::Decimal;
use shared::store::{Attr, Item};
use shared::tables::Table;
use sim::exchange::{OrderStatus, Side};

use super::{Judge, MIN_NOTIONAL, STEP};
use crate::crash::outside::{number, text};

impl Judge<'_> {
    /// I4 and I6: a position is the sum of its fills. HAND: what a person closed stays closed.
    pub(super) fn positions(&mut self) {
        let mut found = Vec::new();
        for (key, position) in self.of(Table::Positions) {
            let mut sums = [Decimal::ZERO; 5];
            for (_, fill) in self.of(Table::Orders).filter(|(one, _)| {
                one.hash == key.hash && one.range.as_deref().unwrap_or_default().contains('#')
            }) {
                add(&mut sums, fill);
            }
            let names = ["quantity", "bought", "cost", "sold", "proceeds"];
            for (name, sum) in names.iter().zip(sums) {
                let booked = number(position, name);
                if booked != sum {
                    let invariant = if *name == "quantity" { "I4" } else { "I6" };
                    found.push((invariant, format!("{key}: {name} {booked}, its fills make {sum}")));
                }
            }
            let by_hand = position.get("closed_manually") == Some(&Attr::Bool(true));
            if by_hand && text(position, "status") != "closed" {
                found.push(("HAND", format!("{key}: closed by a person, and {}", text(position, "status"))));
            }
        }
        found.extend(self.commits.iter().flat_map(|commit| &commit.images).filter_map(|image| {
            let by_hand = |item: &Option<Item>| {
                item.as_ref().is_some_and(|item| item.get("closed_manually") == Some(&Attr::Bool(true)))
            };
            let is_lost = by_hand(&image.before) && !by_hand(&image.after);
            is_lost.then(|| ("HAND", format!("{}: that a person closed it was overwritten", image.key)))
        }));
        for (invariant, what) in found {
            self.broken(invariant, what);
        }
    }

    /// STOP: every open position has its whole stop resting at the exchange.
    pub(super) fn stops(&mut self) {
        let resting = self.ended.world.exchange.open_orders();
        let mut found = Vec::new();
        for (key, position) in self.of(Table::Positions).filter(|(_, item)| text(item, "status") == "open") {
            let lots = number(position, "quantity");
            let lots = lots - lots.checked_rem(STEP).unwrap_or_default();
            // A stop sells down to half a percent below its trigger.
            let worth = lots * number(position, "stop") * Decimal::new(995, 3);
            let stops =
                self.orders().filter(|(one, item)| one.hash == key.hash && text(item, "leg") == "stop");
            let ids: Vec<String> = stops.filter_map(|(one, _)| one.range.clone()).collect();
            let stopped: Decimal = resting
                .iter()
                .filter(|order| ids.contains(&order.client_id) && order.side == Side::Sell)
                .map(|order| order.remaining())
                .sum();
            if worth >= MIN_NOTIONAL && stopped < lots {
                found.push(format!("{key}: {lots} held, {stopped} under a stop at the end"));
            }
        }
        // Nothing of a closed position rests.
        for order in resting.iter().filter(|order| !order.manual && order.status != OrderStatus::Filled) {
            let item = self.orders().find(|(key, _)| key.range.as_deref() == Some(&order.client_id));
            let position =
                item.and_then(|(key, _)| self.of(Table::Positions).find(|(one, _)| one.hash == key.hash));
            if position.is_some_and(|(_, item)| text(item, "status") == "closed") {
                found.push(format!("order {} rests for a closed position", order.client_id));
            }
        }
        for what in found {
            self.broken("STOP", what);
        }
    }
}

/// Adds a fill to quantity, bought, cost, sold and proceeds.
fn add(sums: &mut [Decimal; 5], fill: &Item) {
    let (base, quote) = text(fill, "symbol").split_once('-').unwrap_or_default();
    let fee =
        |asset: &str| if text(fill, "fee_asset") == asset { number(fill, "fee") } else { Decimal::ZERO };
    let (quantity, value) = (number(fill, "quantity"), number(fill, "value"));
    if text(fill, "side") == "buy" {
        sums[0] += quantity - fee(base);
        sums[1] += quantity - fee(base);
        sums[2] += value + fee(quote);
    } else {
        sums[0] -= quantity + fee(base);
        sums[3] += quantity + fee(base);
        sums[4] += value - fee(quote);
    }
}
