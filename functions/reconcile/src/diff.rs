//! The diff: pure, over both sides of one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use shared::books::{Position, PositionStatus};
use shared::ids::{Asset, Leg, OrderId, PositionId, Symbol};
use shared::market::Side;
use shared::money::{Amount, Qty};
use shared::order::{Order, State};
use shared::ports::Trade;
use shared::time::{Millis, Timestamp};
use shared::venue::binance::fence;

use crate::observe::Observed;

/// How long execute has to record a trade of ours before it counts as a difference.
pub const UNRECORDED: Millis = Millis::from_minutes(10);

/// Something in which books and venue do not agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// A trade by an order that is not ours.
    NotOurs(Trade),
    /// A trade by an order of ours that is over in the books: the venue has spoken after its last word.
    AfterItsEnd {
        /// The order.
        order: OrderId,
        /// Its position.
        position: PositionId,
        /// What it is for.
        leg: Leg,
        /// The trade's id at the venue.
        trade: String,
    },
    /// A balance that no movement explains.
    Differs {
        /// The asset.
        asset: Asset,
        /// What the books say, with every trade that is still to be recorded.
        ours: Amount,
        /// What the venue holds, free and locked.
        theirs: Amount,
    },
    /// An order that rests at the venue and is over in our books.
    RestsThoughOver {
        /// The order.
        order: OrderId,
        /// Its status in our books.
        status: &'static str,
    },
    /// An order that rests in our books, and that the venue does not know.
    Forgotten {
        /// The order.
        order: OrderId,
        /// Its position.
        position: PositionId,
        /// What it is for.
        leg: Leg,
    },
    /// An order that rests at the venue and is not ours.
    Stranger {
        /// Its client id.
        client_id: String,
        /// Its market.
        symbol: Symbol,
    },
    /// A position that a person declared closed, whose base is still held.
    HeldThoughClosed {
        /// The position.
        position: PositionId,
        /// What our fills say it has.
        quantity: Qty,
        /// What the venue holds of the base.
        held: Amount,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::NotOurs(trade) => write!(
                out,
                "{} {} {} at {} by order {} is not ours",
                trade.side.as_str(),
                trade.quantity,
                trade.symbol,
                trade.price,
                trade.venue_order_id
            ),
            Finding::AfterItsEnd { order, position, trade, .. } => {
                write!(out, "order {order} of {position} is over in the books and traded after all: {trade}")
            }
            Finding::Differs { asset, ours, theirs } => {
                write!(out, "{asset}: books {ours}, venue {theirs}, difference {}", *theirs - *ours)
            }
            Finding::RestsThoughOver { order, status } => {
                write!(out, "order {order} is {status} in the books and rests at the venue")
            }
            Finding::Forgotten { order, position, leg } => {
                let leg = leg.as_str();
                write!(
                    out,
                    "order {order}, the {leg} of {position}, rests in the books and the venue does not know it"
                )
            }
            Finding::Stranger { client_id, symbol } => {
                write!(out, "order {client_id} rests in {symbol} and is not ours")
            }
            Finding::HeldThoughClosed { position, quantity, held } => {
                write!(
                    out,
                    "position {position} of {quantity} was closed by a person; the venue holds {held}"
                )
            }
        }
    }
}

/// Everything in which the sides do not agree, trades first and in trade order.
pub fn diff(observed: &Observed, now: Timestamp) -> Vec<Finding> {
    let mut findings: Vec<Finding> = new_trades(observed).cloned().map(Finding::NotOurs).collect();
    findings.extend(after_their_end(observed));
    findings.extend(resting(observed));
    findings.extend(forgotten(observed, now));
    if observed.truth.is_whole() {
        findings.extend(balances(observed, now));
        findings.extend(held_though_closed(observed));
    }
    findings
}

/// Trades that are neither ours nor adopted yet.
fn new_trades(observed: &Observed) -> impl Iterator<Item = &Trade> {
    let Observed { books, truth, known } = observed;
    truth.trades().filter(|trade| !known.is_ours(trade) && !known.is_recorded(books, trade))
}

/// Trades of ours that execute has still to record.
pub fn unrecorded(observed: &Observed) -> impl Iterator<Item = &Trade> {
    let Observed { books, truth, known } = observed;
    truth.trades().filter(|trade| known.is_ours(trade) && !known.is_recorded(books, trade))
}

/// Trades of ours that nobody would record: nothing live names their order any more.
fn after_their_end(observed: &Observed) -> impl Iterator<Item = Finding> {
    unrecorded(observed).filter_map(|trade| {
        let order = observed.known.order_of(trade)?;
        order.state.may_still_trade().then(|| Finding::AfterItsEnd {
            order: order.terms.order_id.clone(),
            position: order.terms.position_id.clone(),
            leg: order.terms.leg,
            trade: trade.trade_id.clone(),
        })
    })
}

fn resting(observed: &Observed) -> impl Iterator<Item = Finding> {
    observed.truth.resting.iter().filter_map(|report| match observed.known.ours(&report.client_id) {
        None => {
            let (client_id, symbol) = (report.client_id.clone(), report.symbol.clone());
            Some(Finding::Stranger { client_id, symbol })
        }
        Some(order) if order.state.is_over() => {
            let order_id = order.terms.order_id.clone();
            Some(Finding::RestsThoughOver { order: order_id, status: order.state.as_str() })
        }
        Some(_) => None,
    })
}

/// Only after the fence: a young order may be invisible for a while.
fn forgotten(observed: &Observed, now: Timestamp) -> impl Iterator<Item = Finding> {
    let Observed { books, truth, .. } = observed;
    let orders = truth.forgotten.iter().filter_map(|id| books.orders.get(id));
    orders.filter(move |order| is_past_its_fence(order, now)).map(|order| Finding::Forgotten {
        order: order.terms.order_id.clone(),
        position: order.terms.position_id.clone(),
        leg: order.terms.leg,
    })
}

fn is_past_its_fence(order: &Order, now: Timestamp) -> bool {
    matches!(&order.state, State::Live { venue, .. } if now > fence(venue.sent_at))
}

/// Opening and movements against free and locked, exactly, for every asset that either side knows.
fn balances(observed: &Observed, now: Timestamp) -> Vec<Finding> {
    let expected = expected(observed, now);
    let held = &observed.truth.held;
    let assets: BTreeSet<&Asset> = expected.keys().chain(held.keys()).collect();
    let amount = |side: &BTreeMap<Asset, Amount>, asset| side.get(asset).copied().unwrap_or(Amount::ZERO);
    let pairs = assets.into_iter().map(|asset| (asset, amount(&expected, asset), amount(held, asset)));
    let differing = pairs.filter(|(_, ours, theirs)| ours != theirs);
    differing.map(|(asset, ours, theirs)| Finding::Differs { asset: asset.clone(), ours, theirs }).collect()
}

/// The books, and the trades that are about to be recorded.
fn expected(observed: &Observed, now: Timestamp) -> BTreeMap<Asset, Amount> {
    let ledger = observed.books.heads.ledger.as_ref();
    let mut expected = ledger.map(|ledger| ledger.book.expected()).unwrap_or_default();
    let young = unrecorded(observed).filter(|trade| now.since(trade.at) <= UNRECORDED);
    for (asset, amount) in young.chain(new_trades(observed)).flat_map(movements) {
        let sum = expected.entry(asset).or_insert(Amount::ZERO);
        *sum = *sum + amount;
    }
    expected
}

/// What a trade moves: base, quote and fee, each exactly.
pub fn movements(trade: &Trade) -> [(Asset, Amount); 3] {
    let (base, quote) = match trade.side {
        Side::Buy => (trade.quantity.amount(), -trade.value.amount()),
        Side::Sell => (-trade.quantity.amount(), trade.value.amount()),
    };
    let Symbol { base: bought, quote: paid } = trade.symbol.clone();
    [(bought, base), (paid, quote), (trade.fee_asset.clone(), -trade.fee)]
}

fn held_though_closed(observed: &Observed) -> impl Iterator<Item = Finding> {
    let positions = observed.books.positions.values();
    positions.filter(|one| one.closed_manually && !one.quantity.is_zero()).filter_map(|position| {
        let held = observed.truth.held.get(&position.symbol.base).copied().unwrap_or(Amount::ZERO);
        let (id, quantity) = (position.id.clone(), position.quantity);
        (held >= claimed(observed, position) + quantity.amount()).then_some(Finding::HeldThoughClosed {
            position: id,
            quantity,
            held,
        })
    })
}

/// What other positions have of the same base.
fn claimed(observed: &Observed, but: &Position) -> Amount {
    let others = observed.books.positions.values().filter(|one| one.id != but.id);
    let open = others.filter(|one| one.status != PositionStatus::Closed && !one.closed_manually);
    open.filter(|one| one.symbol.base == but.symbol.base).map(|one| one.quantity.amount()).sum()
}
