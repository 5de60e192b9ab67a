//! The books: what is ours, as a fold over recorded movements. Only venue facts change them.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::ids::{AccountId, Asset, PositionId, StrategyId, Symbol};
use crate::market::Side;
use crate::money::{Amount, MOST_DECIMALS, Notional, Price, Qty};
use crate::order::Fill;
use crate::time::Timestamp;

/// Whether a position is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PositionStatus {
    /// Held, or being entered.
    Open,
    /// An exit was ordered.
    Closing,
    /// Every order of it has ended and nothing sellable is left.
    Closed,
}

impl PositionStatus {
    /// Every status.
    pub const ALL: [PositionStatus; 3] =
        [PositionStatus::Open, PositionStatus::Closing, PositionStatus::Closed];
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            PositionStatus::Open => "open",
            PositionStatus::Closing => "closing",
            PositionStatus::Closed => "closed",
        }
    }
    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<PositionStatus> {
        PositionStatus::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// Why a position is being closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExitReason {
    /// The model said so.
    Model,
    /// A person said so.
    Person,
    /// The take-profit price was reached.
    TakeProfit,
    /// The trailing distance from the peak was reached.
    Trailing,
    /// The stop triggered.
    StopTriggered,
    /// The stop could not be placed, or disappeared.
    StopMissing,
    /// The market fell too fast.
    Crash,
}

impl ExitReason {
    /// Every reason.
    pub const ALL: [ExitReason; 7] = [
        ExitReason::Model,
        ExitReason::Person,
        ExitReason::TakeProfit,
        ExitReason::Trailing,
        ExitReason::StopTriggered,
        ExitReason::StopMissing,
        ExitReason::Crash,
    ];
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            ExitReason::Model => "model",
            ExitReason::Person => "person",
            ExitReason::TakeProfit => "take_profit",
            ExitReason::Trailing => "trailing",
            ExitReason::StopTriggered => "stop_triggered",
            ExitReason::StopMissing => "stop_missing",
            ExitReason::Crash => "crash",
        }
    }
    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<ExitReason> {
        ExitReason::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// A position: the fold of its fills, and the plan for its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Its id.
    pub id: PositionId,
    /// Whose it is.
    pub strategy_id: StrategyId,
    /// Whose money it is.
    pub account: AccountId,
    /// The market.
    pub symbol: Symbol,
    /// Whether it is held.
    pub status: PositionStatus,
    /// Base held, net of fees paid in base.
    pub quantity: Qty,
    /// Base bought, net of fees paid in base.
    pub bought: Qty,
    /// Quote spent on buys, with fees paid in quote.
    pub cost: Notional,
    /// Base sold.
    pub sold: Qty,
    /// Quote received for sells, net of fees paid in quote.
    pub proceeds: Notional,
    /// Every fee, in its own asset.
    pub fees: BTreeMap<Asset, Amount>,
    /// The highest bid seen while held.
    pub peak: Option<Price>,
    /// Where the stop rests, or will.
    pub stop: Price,
    /// Where profit is taken.
    pub take_profit: Option<Price>,
    /// When the first fill was recorded.
    pub opened_at: Timestamp,
    /// When an exit was ordered.
    pub closing_since: Option<Timestamp>,
    /// Why.
    pub exit_reason: Option<ExitReason>,
    /// The decision that wished it, where a model did; its exit orders name it.
    pub exit_decision: Option<Timestamp>,
    /// When it closed.
    pub closed_at: Option<Timestamp>,
    /// True when a person closed it by hand.
    pub closed_manually: bool,
    /// What was too little to sell.
    pub residue: Option<Qty>,
    /// The number of the next stop order.
    pub next_stop: u32,
    /// The number of the next exit order.
    pub next_exit: u32,
    /// Stops in a row that the venue refused, or that never came to be.
    pub stop_failures: u32,
    /// Exits that failed in a row.
    pub exit_failures: u32,
    /// When the venue refused the last of them; none where it did not.
    pub exit_refused_at: Option<Timestamp>,
    /// The trace of the decision that opened it; its stops and exits carry it on.
    pub trace: Option<String>,
    /// Raised by one with every recorded change: the condition of the next.
    pub version: u64,
}

impl Position {
    /// A position before its first fill.
    pub fn before_first_fill(
        id: PositionId,
        account: AccountId,
        symbol: Symbol,
        stop: Price,
        take_profit: Option<Price>,
        at: Timestamp,
    ) -> Position {
        Position {
            strategy_id: id.strategy.clone(),
            id,
            account,
            symbol,
            status: PositionStatus::Open,
            quantity: Qty::ZERO,
            bought: Qty::ZERO,
            cost: Notional::ZERO,
            sold: Qty::ZERO,
            proceeds: Notional::ZERO,
            fees: BTreeMap::new(),
            peak: None,
            stop,
            take_profit,
            opened_at: at,
            closing_since: None,
            exit_reason: None,
            exit_decision: None,
            closed_at: None,
            closed_manually: false,
            residue: None,
            next_stop: 0,
            next_exit: 0,
            stop_failures: 0,
            exit_failures: 0,
            exit_refused_at: None,
            trace: None,
            version: 0,
        }
    }

    /// The average price paid, with fees; none before the first fill.
    pub fn entry(&self) -> Option<Price> {
        let average = self.cost.value().checked_div(self.bought.value())?;
        Price::new(average.round_dp(8)).ok()
    }

    /// Adds one fill.
    pub fn fold(mut self, fill: &Fill) -> Position {
        let fee_in = |asset: &Asset| {
            if fill.fee_asset == *asset { fill.fee } else { Amount::ZERO }
        };
        let (fee_base, fee_quote) = (fee_in(&self.symbol.base), fee_in(&self.symbol.quote));
        match fill.side {
            Side::Buy => {
                let net = quantity_of(fill.quantity.amount() - fee_base);
                self.bought = self.bought + net;
                self.quantity = self.quantity + net;
                self.cost = self.cost + value_of(fill.value.amount() + fee_quote);
            }
            Side::Sell => {
                let gone = quantity_of(fill.quantity.amount() + fee_base);
                self.sold = self.sold + gone;
                self.quantity = self.quantity.less(gone);
                self.proceeds = self.proceeds + value_of(fill.value.amount() - fee_quote);
            }
        }
        let paid = self.fees.entry(fill.fee_asset.clone()).or_insert(Amount::ZERO);
        *paid = *paid + fill.fee;
        self
    }

    /// Profit realised so far in quote: proceeds less the cost of what was sold. Fees in a third asset are
    /// not in it; they stand in `fees`.
    pub fn realised(&self) -> Amount {
        let share = self.sold.value().checked_div(self.bought.value()).unwrap_or(Decimal::ZERO);
        let spent = self.cost.value().saturating_mul(share).round_dp(MOST_DECIMALS);
        Amount::new(self.proceeds.value().saturating_sub(spent).round_dp(8)).unwrap_or(Amount::ZERO)
    }
}

fn quantity_of(amount: Amount) -> Qty {
    Qty::new(amount.value().max(Decimal::ZERO)).unwrap_or(Qty::ZERO)
}
fn value_of(amount: Amount) -> Notional {
    Notional::new(amount.value().max(Decimal::ZERO)).unwrap_or(Notional::ZERO)
}

/// What a fill moves, per asset: base, quote and fee, each exactly.
pub fn movements(fill: &Fill) -> BTreeMap<Asset, Amount> {
    let (base, quote) = match fill.side {
        Side::Buy => (fill.quantity.amount(), -fill.value.amount()),
        Side::Sell => (-fill.quantity.amount(), fill.value.amount()),
    };
    let mut moved = BTreeMap::new();
    for (asset, amount) in
        [(&fill.symbol.base, base), (&fill.symbol.quote, quote), (&fill.fee_asset, -fill.fee)]
    {
        let sum = moved.entry(asset.clone()).or_insert(Amount::ZERO);
        *sum = *sum + amount;
    }
    moved
}

/// An account: per asset an opening balance and the sums of recorded movements, one writer each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountBook {
    /// What was there before the first movement (reconcile's).
    pub opening: BTreeMap<Asset, Amount>,
    /// The sum of our own fills and fees (execute's).
    pub fills: BTreeMap<Asset, Amount>,
    /// The sum of deposits, withdrawals and trades that are not ours (reconcile's).
    pub external: BTreeMap<Asset, Amount>,
}

impl AccountBook {
    /// What the venue must hold of every asset that the books know, free and locked together.
    pub fn expected(&self) -> BTreeMap<Asset, Amount> {
        let mut expected = BTreeMap::new();
        for part in [&self.opening, &self.fills, &self.external] {
            for (asset, amount) in part {
                let sum = expected.entry(asset.clone()).or_insert(Amount::ZERO);
                *sum = *sum + *amount;
            }
        }
        expected
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::OrderId;

    fn fill(side: Side, quantity: &str, price: &str, fee: &str, fee_asset: &str) -> Fill {
        let (quantity, price) = (Qty::parse(quantity).unwrap(), Price::parse(price).unwrap());
        Fill {
            trade_id: "1".into(),
            order_id: OrderId::parse("a").unwrap(),
            position_id: PositionId::parse("demo.1").unwrap(),
            symbol: Symbol::parse("BTC-USDT").unwrap(),
            side,
            price,
            quantity,
            value: quantity * price,
            fee: Amount::parse(fee).unwrap(),
            fee_asset: Asset::parse(fee_asset).unwrap(),
            at: Timestamp::from_millis(0),
        }
    }
    fn position() -> Position {
        Position::before_first_fill(
            PositionId::parse("demo.1").unwrap(),
            AccountId::parse("main").unwrap(),
            Symbol::parse("BTC-USDT").unwrap(),
            Price::parse("90").unwrap(),
            None,
            Timestamp::from_millis(0),
        )
    }
    fn amount(text: &str) -> Amount {
        Amount::parse(text).unwrap()
    }

    /// The field note of 35 hours: `filled` is gross, the fee is taken from the base.
    #[test]
    fn a_fee_in_base_is_not_held() {
        let held = position().fold(&fill(Side::Buy, "0.00111", "20000", "0.00000111", "BTC"));
        assert_eq!(held.quantity, Qty::parse("0.00110889").unwrap());
    }

    #[test]
    fn fees_in_quote_cost_and_reduce_proceeds_and_fees_in_a_third_asset_do_neither() {
        let bought = position().fold(&fill(Side::Buy, "1", "100", "0.1", "USDT"));
        assert_eq!(bought.cost, Notional::parse("100.1").unwrap());
        let sold = bought.clone().fold(&fill(Side::Sell, "1", "110", "0.11", "USDT"));
        assert_eq!(sold.realised(), amount("9.79"));
        assert!(sold.quantity.is_zero());
        let third = bought.fold(&fill(Side::Sell, "1", "110", "0.01", "BNB"));
        assert_eq!(third.realised(), amount("9.9"));
        assert_eq!(third.fees.get(&Asset::parse("BNB").unwrap()), Some(&amount("0.01")));
    }

    #[test]
    fn realised_profit_counts_only_what_was_sold() {
        let half = position().fold(&fill(Side::Buy, "2", "100", "0", "USDT")).fold(&fill(
            Side::Sell,
            "1",
            "110",
            "0",
            "USDT",
        ));
        assert_eq!(half.realised(), amount("10"));
        assert_eq!(half.entry(), Some(Price::parse("100").unwrap()));
    }

    #[test]
    fn movements_of_a_fill_are_exact_per_asset() {
        let moved = movements(&fill(Side::Buy, "0.5", "100", "0.0005", "BTC"));
        assert_eq!(moved.get(&Asset::parse("BTC").unwrap()), Some(&amount("0.4995")));
        assert_eq!(moved.get(&Asset::parse("USDT").unwrap()), Some(&amount("-50")));
    }

    proptest::proptest! {
        /// Whatever was bought and sold, the account moved by what the position shows.
        #[test]
        fn account_and_position_tell_the_same_story(
            trades in proptest::collection::vec((1u32..1_000_000, 1u32..1_000_000, 0u32..1000, 0u8..3), 1..20)
        ) {
            let (mut position, mut book) = (position(), AccountBook::default());
            let mut held = Decimal::ZERO;
            for (quantity, price, fee, fee_asset) in trades {
                let quantity = Decimal::new(quantity.into(), 6);
                let side = if held > quantity * Decimal::TWO { Side::Sell } else { Side::Buy };
                let fee = Decimal::new(fee.into(), 9).min(quantity);
                let fee_asset = ["BTC", "USDT", "BNB"][usize::from(fee_asset)];
                let fill = fill(side, &quantity.to_string(), &Decimal::new(price.into(), 2).to_string(), &fee.to_string(), fee_asset);
                for (asset, amount) in movements(&fill) {
                    let sum = book.fills.entry(asset).or_insert(Amount::ZERO);
                    *sum = *sum + amount;
                }
                position = position.fold(&fill);
                held = position.quantity.value();
            }
            let base = book.expected().remove(&Asset::parse("BTC").unwrap()).unwrap_or(Amount::ZERO);
            proptest::prop_assert_eq!(base, position.quantity.amount());
        }
    }
}
