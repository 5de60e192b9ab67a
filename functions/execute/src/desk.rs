//! The working copy of one strategy's books for one tick, and the one way in which it is written back.
//!
//! Steps change the copy; [`Desk::commit`] writes what changed in one transaction whose conditions are what
//! was read. Losing means that someone else was first: the tick reads again.

use std::collections::BTreeMap;

use shared::approval::Answer;
use shared::books::{ExitReason, Position, PositionStatus, movements};
use shared::ids::{Asset, OrderId, PositionId, Symbol};
use shared::money::{Amount, Price, Qty};
use shared::order::{Event, Fill, Illegal, Order, State, Terms};
use shared::ports::{Trade, WriteTables};
use shared::records::{self, AccountLedger, Corrupt};
use shared::roster::Unfit;
use shared::settings::Settings;
use shared::state::{Alert, ExecDay, Live, StrategyState};
use shared::store::{Attr, Cond, Key, Path, Write, WriteError, changes};
use shared::time::Day;

use crate::exits;
use crate::gates;

/// The alert of a fill after its position was closed.
pub const FILL_AFTER_CLOSE: &str = "fill-after-close";

/// Most fills of one transaction (contract section 1).
pub const MOST_FILLS: usize = 20;

/// What is known of one strategy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Books {
    /// Its state.
    pub state: StrategyState,
    /// Its orders that are not over, and those that ended in this tick.
    pub orders: BTreeMap<OrderId, Order>,
    /// Its positions that are not closed, and those that closed in this tick.
    pub positions: BTreeMap<PositionId, Position>,
    /// Its account's ledger; none before reconcile's first look, and where its sums cannot be read: then no fill is
    /// recorded.
    pub account: Option<AccountLedger>,
    /// What approvers left on the orders that wait for them, or why it cannot be read. The approver's alone to
    /// write: no commit looks here.
    pub approvals: BTreeMap<OrderId, Result<Answer, Corrupt>>,
    /// Items that cannot be read, or not whole, and why.
    pub damaged: BTreeMap<Key, Unfit>,
    /// What a status that cannot be read must still be when something is sent.
    pub unread_status: Option<Cond>,
}

impl Books {
    /// Whether something is held, or may come to be.
    pub fn holds_anything(&self) -> bool {
        !self.positions.is_empty() || self.orders.values().any(|order| order.state.may_be_at_venue())
    }
    /// Whether a position, or an order of it, cannot be read: it is neither protected nor sold by guesswork.
    pub fn is_damaged(&self, id: &PositionId) -> bool {
        let hash = id.to_string();
        self.damaged.keys().any(|key| key.hash == hash)
    }
    /// Whether no fill can be added to the position: it, or the account's sums, cannot be read. What trades meanwhile
    /// is recorded once they are mended.
    pub fn cannot_record(&self, id: &PositionId) -> bool {
        self.account.is_none() || self.damaged.contains_key(&records::position::key(id))
    }
    /// Whether an order of the position has traded what cannot be recorded: what is left to sell is not known.
    pub fn waits_for_fills(&self, id: &PositionId) -> bool {
        let has_more = |order: &Order| match &order.state {
            State::Live { venue, .. } => order.terms.position_id == *id && venue.executed > venue.recorded,
            State::Intended
            | State::AwaitingApproval { .. }
            | State::Pending(_)
            | State::Unknown(_)
            | State::Done { .. }
            | State::Rejected { .. }
            | State::Absent { .. }
            | State::Refused { .. }
            | State::DryRun => false,
        };
        self.cannot_record(id) && self.orders.values().any(has_more)
    }
}

/// The working copy.
#[derive(Debug, Clone)]
pub struct Desk {
    /// The settings of this tick.
    pub settings: Settings,
    /// What the tables hold.
    seen: Books,
    /// What they shall hold.
    pub books: Books,
    /// Fills that are not written yet.
    fills: Vec<Fill>,
    /// What fees in a third asset are priced at, by the market that says so.
    pub fee_prices: BTreeMap<Symbol, Price>,
}

/// Why a step did not happen.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The tables did not take it.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The venue says what cannot be: a finding, never a guess.
    #[error(transparent)]
    Illegal(#[from] Illegal),
}

/// Whether a commit also depends on authority: a send does, an answer does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binds {
    /// `status` and `holds` must be as they were planned with.
    Authority,
    /// Facts are recorded whatever the status.
    Nothing,
}

impl Desk {
    /// A working copy of what was read.
    pub fn new(settings: Settings, books: Books) -> Desk {
        Desk { settings, seen: books.clone(), books, fills: Vec::new(), fee_prices: BTreeMap::new() }
    }

    /// Lets `event` happen to an order, keeping `live` in step.
    pub fn advance(&mut self, id: &OrderId, event: Event) -> Result<(), Illegal> {
        let Some(order) = self.books.orders.remove(id) else { return Ok(()) };
        let state = match order.state.clone().next(event) {
            Ok(state) => state,
            Err(illegal) => {
                self.books.orders.insert(id.clone(), order);
                return Err(illegal);
            }
        };
        let live = Live::Order { position: order.terms.position_id.clone(), leg: order.terms.leg };
        if state.is_over() {
            self.books.state.live.remove(id.as_str());
        } else {
            self.books.state.live.insert(id.as_str().to_owned(), live);
        }
        // News of what the venue has already is no success.
        let was_in_doubt = matches!(order.state, State::Pending(_) | State::Unknown(_));
        let order = Order { state, ..order };
        if was_in_doubt {
            gates::count_fate(&mut self.books.state, &order);
            if let Some(position) = self.books.positions.get_mut(&order.terms.position_id) {
                exits::count_fate(position, &order);
            }
        }
        self.books.orders.insert(id.clone(), order);
        Ok(())
    }

    /// Puts a new order on the desk.
    pub fn begin(&mut self, order: Order) {
        let live = Live::Order { position: order.terms.position_id.clone(), leg: order.terms.leg };
        self.books.state.live.insert(order.terms.order_id.as_str().to_owned(), live);
        self.books.orders.insert(order.terms.order_id.clone(), order);
    }

    /// Records trades of an order, none of which is recorded yet and which are at most [`MOST_FILLS`].
    pub fn record_trades(&mut self, id: &OrderId, trades: &[Trade]) -> Result<(), Illegal> {
        let Some(order) = self.books.orders.get(id).cloned() else { return Ok(()) };
        trades.iter().for_each(|trade| self.record_fill(&order, trade));
        let total = order.state.recorded() + trades.iter().map(|trade| trade.quantity).sum::<Qty>();
        self.advance(id, Event::Recorded { total })
    }

    /// A later day begins its counters anew; an earlier one changes nothing.
    pub fn begin_day(&mut self, day: Day) {
        let counted = &mut self.books.state.exec_day;
        if day > counted.day {
            *counted = ExecDay::begun(day);
        }
    }

    fn record_fill(&mut self, order: &Order, trade: &Trade) {
        let terms = &order.terms;
        let fill = Fill {
            trade_id: trade.trade_id.clone(),
            order_id: terms.order_id.clone(),
            position_id: terms.position_id.clone(),
            symbol: terms.symbol.clone(),
            side: trade.side,
            price: trade.price,
            quantity: trade.quantity,
            value: trade.value,
            fee: trade.fee,
            fee_asset: trade.fee_asset.clone(),
            at: trade.at,
        };
        self.fold_into_position(order, &fill);
        self.fold_into_account(&fill);
        self.fills.push(fill);
    }

    fn fold_into_position(&mut self, order: &Order, fill: &Fill) {
        let terms = &order.terms;
        let held =
            self.books.positions.remove(&terms.position_id).unwrap_or_else(|| before_first_fill(terms, fill));
        let before = held.realised();
        let after = self.reopened(held.fold(fill), fill);
        self.begin_day(fill.at.day());
        let day = &mut self.books.state.exec_day;
        day.realised = day.realised + (after.realised() - before);
        if let Some(price) = fee_market(&fill.symbol, &fill.fee_asset).and_then(|at| self.fee_prices.get(&at))
        {
            day.fees = day.fees + worth(fill.fee, *price);
        }
        self.books.state.live.insert(terms.position_id.to_string(), Live::Position);
        self.books.positions.insert(terms.position_id.clone(), after);
    }

    /// A fill after `closed`: the position is `closing` again, and a person is told. One that a person closed
    /// stays closed: what the venue still holds of it is reconcile's finding.
    fn reopened(&mut self, position: Position, fill: &Fill) -> Position {
        if position.status != PositionStatus::Closed {
            return position;
        }
        let detail =
            format!("{} of {} traded after {} was closed", fill.quantity, fill.order_id, position.id);
        let alert = Alert { since: fill.at, key: position.id.to_string(), detail };
        self.books.state.alerts.insert(FILL_AFTER_CLOSE.to_owned(), alert);
        if position.closed_manually {
            return position;
        }
        Position {
            status: PositionStatus::Closing,
            closing_since: Some(fill.at),
            closed_at: None,
            residue: None,
            exit_reason: position.exit_reason.or(Some(ExitReason::StopMissing)),
            ..position
        }
    }

    fn fold_into_account(&mut self, fill: &Fill) {
        let Some(account) = self.books.account.as_mut() else { return };
        for (asset, amount) in movements(fill) {
            let sum = account.book.fills.entry(asset).or_insert(Amount::ZERO);
            *sum = *sum + amount;
        }
    }

    /// Back to what the tables were last known to hold: what was planned and not recorded is nothing.
    pub fn forget(&mut self) {
        self.books = self.seen.clone();
        self.fills.clear();
    }

    /// Writes what changed. On an error the copy is what the tables were last known to hold.
    pub async fn commit(&mut self, tables: &impl WriteTables, binds: Binds) -> Result<(), WriteError> {
        let writes = self.writes(binds);
        self.fills.clear();
        if writes.is_empty() {
            return Ok(());
        }
        match tables.write(writes).await {
            Ok(()) => {
                self.seen = self.books.clone();
                Ok(())
            }
            Err(error) => {
                self.forget();
                Err(error)
            }
        }
    }

    fn writes(&mut self, binds: Binds) -> Vec<Write> {
        self.raise_versions();
        let mut writes = self.order_writes();
        writes.extend(self.position_writes());
        writes.extend(self.fills.iter().map(|fill| {
            let key = records::order::fill_key(&fill.position_id, &fill.order_id, &fill.trade_id);
            Write::put_if_absent(key, records::order::encode_fill(fill))
        }));
        writes.extend(self.account_write());
        writes.extend(self.state_write(binds));
        writes
    }

    /// Every changed position carries the next version.
    fn raise_versions(&mut self) {
        for (id, position) in &mut self.books.positions {
            match self.seen.positions.get(id) {
                Some(seen) if seen == position => {}
                Some(seen) => position.version = seen.version.saturating_add(1),
                None => position.version = 1,
            }
        }
    }

    fn order_writes(&self) -> Vec<Write> {
        let mut writes = Vec::new();
        for (id, order) in &self.books.orders {
            let key = records::order::key(&order.terms.position_id, id);
            match self.seen.orders.get(id) {
                Some(seen) if seen == order => {}
                Some(seen) => writes.push(Write::update(
                    key,
                    changes(&records::order::encode(seen), &records::order::encode(order)),
                    records::order::is_still(&seen.state),
                )),
                None => writes.push(Write::put_if_absent(key, records::order::encode(order))),
            }
        }
        writes
    }

    fn position_writes(&self) -> Vec<Write> {
        let mut writes = Vec::new();
        for (id, position) in &self.books.positions {
            let key = records::position::key(id);
            match self.seen.positions.get(id) {
                Some(seen) if seen == position => {}
                Some(seen) => writes.push(Write::update(
                    key,
                    changes(&records::position::encode(seen), &records::position::encode(position)),
                    records::position::unchanged(seen),
                )),
                None => writes.push(Write::put_if_absent(key, records::position::encode(position))),
            }
        }
        writes
    }

    fn account_write(&self) -> Option<Write> {
        let (seen, now) = (self.seen.account.as_ref()?, self.books.account.as_ref()?);
        if seen == now {
            return None;
        }
        let mut conds = Vec::new();
        for (asset, amount) in &now.book.fills {
            let path = Path::of("fills").then(asset.as_str());
            match seen.book.fills.get(asset) {
                Some(before) if before == amount => {}
                Some(before) => conds.push(Cond::Equals(path, Attr::N(before.to_string()))),
                None => conds.push(Cond::Absent(path)),
            }
        }
        let changed = changes(&records::account::encode(seen), &records::account::encode(now));
        Some(Write::update(records::account::key(&now.account), changed, conds))
    }

    fn state_write(&mut self, binds: Binds) -> Option<Write> {
        let seen = &self.seen.state;
        if *seen == self.books.state && self.fills.is_empty() && binds == Binds::Nothing {
            return None;
        }
        self.books.state.send_seq = seen.send_seq.saturating_add(1);
        let (before, after) = (records::state::encode(seen), records::state::encode(&self.books.state));
        let mut conds = vec![as_read(&before, "send_seq")];
        // What people write is changed by us only while it is what was read.
        if binds == Binds::Authority || seen.status != self.books.state.status {
            conds.push(self.seen.unread_status.clone().unwrap_or_else(|| as_read(&before, "status")));
        }
        if binds == Binds::Authority {
            conds.push(as_read(&before, "holds"));
        }
        Some(Write::update(records::state::key(&seen.strategy_id), changes(&before, &after), conds))
    }
}

/// The market that prices a fee in a third asset in the quote of `symbol`; none where the fee is in base or quote.
pub fn fee_market(symbol: &Symbol, fee_asset: &Asset) -> Option<Symbol> {
    let Symbol { base, quote } = symbol;
    let is_third = fee_asset != base && fee_asset != quote;
    is_third.then(|| Symbol { base: fee_asset.clone(), quote: quote.clone() })
}

fn worth(fee: Amount, price: Price) -> Amount {
    Amount::new(fee.value().saturating_mul(price.value()).round_dp(8)).unwrap_or(Amount::ZERO)
}

fn before_first_fill(terms: &Terms, fill: &Fill) -> Position {
    let (id, account, symbol) = (terms.position_id.clone(), terms.account.clone(), terms.symbol.clone());
    let stop = terms.stop_loss.unwrap_or(fill.price);
    let position = Position::before_first_fill(id, account, symbol, stop, terms.take_profit, fill.at);
    Position { trace: Some(terms.trace.clone()), ..position }
}

/// The condition that an attribute is what was read.
fn as_read(item: &shared::store::Item, name: &str) -> Cond {
    match item.get(name) {
        Some(value) => Cond::Equals(Path::of(name), value.clone()),
        None => Cond::Absent(Path::of(name)),
    }
}
