//! One strategy's turn within a tick: its desk, its venue, its time, and what it has seen so far.

use std::collections::BTreeMap;

use shared::ids::{Asset, Env, OrderId, PositionId, Symbol};
use shared::market::{Candle, Instrument, Quote, fresh};
use shared::money::{Amount, Qty};
use shared::order::{Illegal, Order};
use shared::ports::{Balance, Clock, Level, Line, Log, MarketData, ReadAccount, VenueError};
use shared::records;
use shared::roster::{Trail, Unfit};
use shared::secret::Secret;
use shared::state::ExecMinute;
use shared::store::{ReadError, WriteError};
use shared::tick::Tick;
use shared::time::{Millis, Timestamp};

use crate::desk::{Desk, StepError};
use crate::journal;

/// The oldest quote that may be priced with.
pub const FRESH: Millis = Millis::from_secs(10);

/// What a send and its record may take: receive window, venue timeout and two writes.
const SEND_NEEDS: Millis = Millis::from_secs(17);

/// What every turn of a tick shares.
pub struct Shift<'a, T> {
    /// The stage, part of every order id.
    pub env: &'a Env,
    /// The tick.
    pub tick: Tick,
    /// When this invocation is ended from outside.
    pub deadline: Timestamp,
    /// The tables.
    pub tables: &'a T,
    /// Where the last tick found its shard.
    pub trail: &'a Trail,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// The log.
    pub log: &'a dyn Log,
    /// What approvals are verified with; without it none is accepted.
    pub approval_key: Option<Secret>,
}

/// One strategy's turn.
pub struct Turn<'a, T, V> {
    /// What every turn of this tick shares.
    pub shift: &'a Shift<'a, T>,
    /// The account's venue.
    pub venue: V,
    /// Planning's time: when the turn began, or last priced something.
    pub now: Timestamp,
    /// The working copy.
    pub desk: Desk,
    /// What this minute saw.
    pub minute: ExecMinute,
    /// What happened, for the invocation's answer.
    pub sent: u32,
    /// Nothing is opened in this tick: it is not known whether a gate is open, or what the key may do.
    pub is_closed: bool,
    /// The fall that set the crash hold in this tick.
    pub crash: Option<String>,
    /// Markets that are closed while something is held in them; none where nobody looked in this tick.
    pub closed_markets: Option<Vec<String>>,
    /// What lost its stop in this tick, and why.
    pub unprotected: Option<String>,
    /// Until when the venue banned us in this tick.
    pub banned_until: Option<Timestamp>,
    /// The words with which the venue refused the key in this tick.
    pub refused_key: Option<String>,
    unserved: Option<TurnError>,
    quotes: BTreeMap<Symbol, Quote>,
    instruments: BTreeMap<Symbol, Instrument>,
    balances: Option<BTreeMap<Asset, Balance>>,
}

impl<'a, T, V: MarketData + ReadAccount> Turn<'a, T, V> {
    /// A turn that has seen nothing yet.
    pub fn new(shift: &'a Shift<'a, T>, venue: V, desk: Desk) -> Turn<'a, T, V> {
        let now = shift.clock.now();
        let minute = ExecMinute {
            minute: now.minute_number(),
            risk_rejections: 0,
            backend_errors: 0,
            order_failures: 0,
        };
        Turn {
            shift,
            venue,
            now,
            desk,
            minute,
            sent: 0,
            is_closed: false,
            crash: None,
            closed_markets: None,
            unprotected: None,
            banned_until: None,
            refused_key: None,
            unserved: None,
            quotes: BTreeMap::new(),
            instruments: BTreeMap::new(),
            balances: None,
        }
    }

    /// The best prices, read again once they are too old. Planning's time moves on to now: calls of the
    /// venue take time, and what was read after the turn began is not from the future.
    pub async fn quote(&mut self, symbol: &Symbol) -> Result<Quote, VenueError> {
        self.now = self.shift.clock.now();
        if self.is_fresh(symbol, self.now)
            && let Some(quote) = self.quotes.get(symbol)
        {
            return Ok(quote.clone());
        }
        let answer = self.venue.quote(symbol).await;
        let quote = self.noted("quote", answer)?;
        self.now = self.shift.clock.now();
        self.quotes.insert(symbol.clone(), quote.clone());
        Ok(quote)
    }

    /// Whether the prices that were read of `symbol` may be acted on at `at`.
    pub fn is_fresh(&self, symbol: &Symbol, at: Timestamp) -> bool {
        self.quotes.get(symbol).is_some_and(|quote| fresh(quote, at, FRESH).is_ok())
    }

    /// What the venue demands of orders, read once a turn.
    pub async fn instrument(&mut self, symbol: &Symbol) -> Result<Instrument, VenueError> {
        if let Some(instrument) = self.instruments.get(symbol) {
            return Ok(instrument.clone());
        }
        let answer = self.venue.instrument(symbol).await;
        let instrument = self.noted("instrument", answer)?;
        self.instruments.insert(symbol.clone(), instrument.clone());
        Ok(instrument)
    }

    /// The last `count` closed minutes.
    pub async fn candles(&mut self, symbol: &Symbol, count: u32) -> Result<Vec<Candle>, VenueError> {
        let answer = self.venue.candles(symbol, count).await;
        self.noted("candles", answer)
    }

    /// What the account holds of `asset`, read once between two acts.
    pub async fn balance(&mut self, asset: &Asset) -> Result<Balance, VenueError> {
        let balances = match self.balances.take() {
            Some(balances) => balances,
            None => {
                let answer = self.venue.balances().await;
                self.noted("balances", answer)?
            }
        };
        let balance =
            balances.get(asset).copied().unwrap_or(Balance { free: Amount::ZERO, locked: Amount::ZERO });
        self.balances = Some(balances);
        Ok(balance)
    }

    /// Base held at the venue, free and locked.
    pub async fn held(&mut self, asset: &Asset) -> Result<Qty, VenueError> {
        let held = self.balance(asset).await?.held();
        Ok(Qty::new(held.value()).unwrap_or(Qty::ZERO))
    }

    /// Forgets the balances: something was done that moves them.
    pub fn balances_have_moved(&mut self) {
        self.balances = None;
    }

    /// Whether a cancel and a sell can follow one another and both be recorded.
    pub fn has_time_for_exit(&self) -> bool {
        self.shift.deadline.since(self.shift.clock.now()) >= SEND_NEEDS + SEND_NEEDS
    }

    /// Whether a send that begins at `at` can still be recorded.
    pub fn has_time_to_send(&self, at: Timestamp) -> bool {
        self.shift.deadline.since(at) >= SEND_NEEDS
    }
}

impl<T, V> Turn<'_, T, V> {
    /// A log line of this strategy.
    pub fn line(&self, level: Level, what: &'static str) -> Line {
        Line::new(level, self.now, what).with("strategy_id", &self.desk.settings.strategy_id)
    }
    /// Writes a log line.
    pub fn write(&self, line: Line) {
        self.shift.log.write(line);
    }
    fn noted<R>(&mut self, call: &'static str, answer: Result<R, VenueError>) -> Result<R, VenueError> {
        if let Err(error) = &answer {
            self.backend_error(call, error);
        }
        answer
    }
    /// Counts a venue call that failed; a ban and a refused key are remembered until the turn ends.
    pub fn backend_error(&mut self, call: &'static str, error: &VenueError) {
        self.minute.backend_errors = self.minute.backend_errors.saturating_add(1);
        match error {
            VenueError::Throttled { wait, banned: true, .. } => {
                let until = self.shift.clock.now() + *wait;
                self.banned_until = self.banned_until.max(Some(until));
            }
            VenueError::Fatal { .. } => self.refused_key = Some(error.to_string()),
            VenueError::Unavailable(_)
            | VenueError::Throttled { banned: false, .. }
            | VenueError::Refused { .. }
            | VenueError::BadReply(_) => {}
        }
        let line = self.line(Level::Warn, "venue call failed").with("call", call).with("error", error);
        self.write(journal::backend_error(line, &self.desk.settings, error.kind()));
    }
    /// Whether every rule of the settings can be judged.
    pub fn has_whole_settings(&self) -> bool {
        let damaged = &self.desk.books.damaged;
        let key = || records::strategy_config::key(&self.desk.settings.strategy_id);
        damaged.is_empty() || !damaged.contains_key(&key())
    }
    /// An order on the desk.
    pub fn order(&self, id: &OrderId) -> Option<&Order> {
        self.desk.books.orders.get(id)
    }
    /// The ids of a position's orders for which `wanted` holds.
    pub fn orders_of(&self, position: &PositionId, wanted: impl Fn(&Order) -> bool) -> Vec<OrderId> {
        let orders = self.desk.books.orders.values();
        let of = orders.filter(|order| order.terms.position_id == *position && wanted(order));
        of.map(|order| order.terms.order_id.clone()).collect()
    }
    /// What befalls one order or position keeps no other from being served: the turn goes on, and ends
    /// without a beat. Only the tables end it at once.
    pub fn survive(&mut self, result: Result<(), TurnError>) -> Result<(), WriteError> {
        let error = match result {
            Ok(()) => return Ok(()),
            Err(TurnError::Write(error)) => return Err(error),
            Err(
                error @ (TurnError::Read(_)
                | TurnError::Venue(_)
                | TurnError::Illegal(_)
                | TurnError::Damaged(_)),
            ) => error,
        };
        self.desk.forget();
        if let TurnError::Illegal(illegal) = &error {
            self.contradiction(illegal);
        }
        self.leave_unserved(error);
        Ok(())
    }
    /// The turn goes on and ends without a beat: what stays so pages.
    pub fn leave_unserved(&mut self, error: TurnError) {
        self.unserved.get_or_insert(error);
    }
    /// The end of the turn: the first of what was survived, and what could not be read.
    pub fn outcome(&mut self) -> Result<(), TurnError> {
        if let Some(unserved) = self.unserved.take() {
            return Err(unserved);
        }
        match self.desk.books.damaged.values().next() {
            Some(unfit) => Err(TurnError::Damaged(unfit.clone())),
            None => Ok(()),
        }
    }
    /// The venue reported what our books say cannot be: nothing is guessed, a person is told.
    fn contradiction(&self, illegal: &Illegal) {
        let line = self.line(Level::Critical, "venue contradicts the books").with("detail", illegal);
        self.write(line);
    }
}

/// Why a turn ended early.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// The tables did not take a step. `Lost` and `Conflict` mean: read again.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The tables could not be read; the next tick goes on.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The venue could not be asked; the next tick goes on.
    #[error(transparent)]
    Venue(#[from] VenueError),
    /// The venue contradicts the books.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// An item cannot be read: the rest was served as if the strategy were `halted`.
    #[error(transparent)]
    Damaged(Unfit),
}

impl From<StepError> for TurnError {
    fn from(error: StepError) -> TurnError {
        match error {
            StepError::Write(error) => TurnError::Write(error),
            StepError::Illegal(error) => TurnError::Illegal(error),
        }
    }
}
