//! Acting at the paper venue: `execute` alone compiles this in.

use super::book::{far_side, taken};
use super::{MOST_ATTEMPTS, Paper, Unchanged, report, trade};
use crate::ids::{Asset, OrderId, Symbol};
use crate::market::{Instrument, Quote, Side, Trading, Wish};
use crate::money::{Amount, Qty};
use crate::order::{Ended, Kind, TimeInForce};
use crate::ports::{
    MarketData, OrderReport, OrderRequest, Placed, SendError, TradeOrders, VenueError, WriteTables,
};
use crate::records::paper::{PaperLedger, PaperOrder, PaperTrade};
use crate::time::{Millis, Timestamp};
use crate::venue::binance::RECV_WINDOW;

impl From<Unchanged> for SendError {
    fn from(why: Unchanged) -> SendError {
        match why {
            Unchanged::NoAnswer(text) => SendError::NoAnswer(text),
            why @ (Unchanged::Overtaken | Unchanged::NotDone(_)) => SendError::NeverSent(why.into()),
        }
    }
}

/// The codes are Binance spot's, so that they mean the same to whoever reads them.
fn refused(code: &str, text: impl Into<String>) -> SendError {
    SendError::Refused { code: code.to_owned(), text: text.into() }
}

/// A send that arrives after its receive window came to nothing.
fn in_time(sent_at: Timestamp, now: Timestamp) -> Result<(), SendError> {
    if now.since(sent_at) <= RECV_WINDOW {
        return Ok(());
    }
    let text = "Timestamp for this request is outside of the recvWindow.".to_owned();
    Err(SendError::NeverSent(VenueError::Refused { code: "-1021".to_owned(), text }))
}

impl<M: MarketData, T: WriteTables> TradeOrders for Paper<M, T> {
    async fn place(&self, order: &OrderRequest) -> Result<Placed, SendError> {
        let market = async {
            Ok((self.market.instrument(&order.symbol).await?, self.market.quote(&order.symbol).await?))
        };
        let (instrument, quote) = market.await.map_err(SendError::NeverSent)?;
        for _ in 0..MOST_ATTEMPTS {
            let seen = self.look().await.map_err(SendError::NeverSent)?;
            // After the ledger was read: see the head of this module's parent.
            in_time(order.sent_at, self.now())?;
            let next = seen.clone().place(order, &instrument, &quote, self.now())?;
            match self.write(&seen, next).await {
                Ok(ledger) => return placed(&ledger, &order.order_id),
                Err(Unchanged::Overtaken) => {}
                Err(why) => return Err(why.into()),
            }
        }
        Err(Unchanged::Overtaken.into())
    }

    async fn cancel(
        &self,
        _symbol: &Symbol,
        id: &OrderId,
        sent_at: Timestamp,
    ) -> Result<OrderReport, SendError> {
        for _ in 0..MOST_ATTEMPTS {
            let seen = self.look().await.map_err(SendError::NeverSent)?;
            in_time(sent_at, self.now())?;
            let mut next = seen.clone();
            let Some(order) = next.take(id) else {
                let stands = seen.order(id).map(report);
                return stands.ok_or_else(|| SendError::NoAnswer(format!("order {id} is not seen")));
            };
            next.end(order, Ended::Cancelled);
            match self.write(&seen, next).await {
                Ok(ledger) => return placed(&ledger, id).map(|placed| placed.report),
                Err(Unchanged::Overtaken) => {}
                Err(why) => return Err(why.into()),
            }
        }
        Err(Unchanged::Overtaken.into())
    }
}

fn placed(ledger: &PaperLedger, id: &OrderId) -> Result<Placed, SendError> {
    let order = ledger.order(id).ok_or_else(|| SendError::NoAnswer(format!("order {id} is not seen")))?;
    let of = |trade: &&PaperTrade| trade.order == order.number;
    Ok(Placed { report: report(order), trades: ledger.trades.iter().filter(of).map(trade).collect() })
}

impl PaperLedger {
    /// What is free of `asset`.
    fn free(&self, asset: &Asset) -> Amount {
        self.balances.get(asset).map_or(Amount::ZERO, |balance| balance.free)
    }

    /// Base held and to come from what rests, without any order that is still to be placed.
    fn exposure(&self, symbol: &Symbol) -> Qty {
        let held = self.balances.get(&symbol.base).map_or(Amount::ZERO, |balance| balance.held());
        let buys = self.open.iter().filter(|order| order.symbol == *symbol && order.side == Side::Buy);
        Qty::new(held.value()).unwrap_or(Qty::ZERO) + buys.map(|order| order.quantity).sum::<Qty>()
    }

    /// Takes an order as the venue does: refused by its rules, filled, resting, or expired at once.
    pub(super) fn place(
        mut self,
        order: &OrderRequest,
        instrument: &Instrument,
        quote: &Quote,
        now: Timestamp,
    ) -> Result<PaperLedger, SendError> {
        self.check(order, instrument, quote)?;
        let (number, next_minute) = (self.number(), now.minute() + Millis::from_minutes(1));
        let taken_in = PaperOrder {
            order_id: order.order_id.clone(),
            number,
            symbol: order.symbol.clone(),
            side: order.side,
            kind: order.kind,
            quantity: order.quantity,
            triggered: !matches!(order.kind, Kind::Stop { .. } | Kind::StopLimit { .. }),
            matched_until: next_minute,
            ended: None,
        };
        match (order.kind, price_now(order, instrument, quote)) {
            (_, Some(price)) => self.fill(taken_in, price, now),
            (
                Kind::Stop { .. }
                | Kind::StopLimit { .. }
                | Kind::Limit { time_in_force: TimeInForce::Gtc, .. },
                None,
            ) => self.rest(taken_in),
            (Kind::Market | Kind::Limit { time_in_force: TimeInForce::Ioc | TimeInForce::Fok, .. }, None) => {
                self.end(taken_in, Ended::Expired);
            }
        }
        Ok(self)
    }

    fn check(&self, order: &OrderRequest, instrument: &Instrument, quote: &Quote) -> Result<(), SendError> {
        if self.order(&order.order_id).is_some() {
            // Proof that an order exists, so no answer to this send.
            return Err(SendError::NoAnswer("-2010 Duplicate order sent.".to_owned()));
        }
        if instrument.trading == Trading::Closed {
            return Err(refused("-1013", "Market is closed."));
        }
        let here = |one: &&PaperOrder| one.symbol == order.symbol;
        let waits = |one: &&PaperOrder| here(one) && !one.triggered;
        let count = |number: usize| u32::try_from(number).ok();
        let wish = Wish {
            side: order.side,
            kind: order.kind,
            quantity: order.quantity,
            quote,
            position: Some(self.exposure(&order.symbol)),
            open: count(self.open.iter().filter(here).count()),
            stops: count(self.open.iter().filter(waits).count()),
        };
        if let Some(objection) = instrument.objection(&wish) {
            return Err(refused("-1013", format!("Filter failure: {objection}")));
        }
        if would_trigger(order, quote) {
            return Err(refused("-2010", "Order would trigger immediately."));
        }
        let (asset, needed) = cost(order, instrument, quote);
        if self.free(&asset) >= needed {
            return Ok(());
        }
        Err(refused("-2010", "Account has insufficient balance for requested action."))
    }
}

fn would_trigger(order: &OrderRequest, quote: &Quote) -> bool {
    match (order.kind, order.side) {
        (Kind::Stop { stop } | Kind::StopLimit { stop, .. }, Side::Sell) => quote.bid <= stop,
        (Kind::Stop { stop } | Kind::StopLimit { stop, .. }, Side::Buy) => quote.ask >= stop,
        (Kind::Market | Kind::Limit { .. }, _) => false,
    }
}

/// What it fills at now; none where it does not.
fn price_now(order: &OrderRequest, instrument: &Instrument, quote: &Quote) -> Option<crate::money::Price> {
    let best = far_side(order.side, quote);
    match order.kind {
        Kind::Market => taken(order.side, best, None, instrument),
        Kind::Limit { price, .. } => taken(order.side, best, Some(price), instrument),
        Kind::Stop { .. } | Kind::StopLimit { .. } => None,
    }
}

/// What must be free for it, at worst.
fn cost(order: &OrderRequest, instrument: &Instrument, quote: &Quote) -> (Asset, Amount) {
    let worst = match order.kind {
        Kind::Market => taken(order.side, far_side(order.side, quote), None, instrument),
        Kind::Limit { price, .. } => Some(price),
        Kind::Stop { stop } => Some(stop),
        Kind::StopLimit { limit, .. } => Some(limit),
    };
    match order.side {
        Side::Buy => {
            let price = worst.unwrap_or(quote.ask);
            (order.symbol.quote.clone(), (order.quantity * price).amount())
        }
        Side::Sell => (order.symbol.base.clone(), order.quantity.amount()),
    }
}
