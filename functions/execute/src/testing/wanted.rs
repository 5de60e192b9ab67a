//! What an entry is wanted as, and the intent that decide records of it.

use shared::ids::{Leg, OrderId, PositionId, Symbol};
use shared::market::Side;
use shared::money::{Price, Qty};
use shared::order::{Kind, Order, Origin, State, Terms, TimeInForce};
use shared::state::{Live, StrategyState};
use shared::time::Timestamp;

use super::{demo, env, price, qty, settings, symbol};

/// What an entry is wanted as.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) symbol: Symbol,
    pub(crate) kind: Kind,
    pub(crate) quantity: Qty,
    pub(crate) stop: Price,
    pub(crate) take_profit: Option<Price>,
}

pub(crate) fn market(quantity: &str, stop: &str) -> Wanted {
    let (quantity, stop) = (qty(quantity), price(stop));
    Wanted { symbol: symbol(), kind: Kind::Market, quantity, stop, take_profit: None }
}

pub(crate) fn limit(quantity: &str, at: &str, stop: &str) -> Wanted {
    let kind = Kind::Limit { price: price(at), time_in_force: TimeInForce::Gtc };
    Wanted { kind, ..market(quantity, stop) }
}

/// What decide records of a wish in minute `at`, with its entry in `state`.
pub(crate) fn intent(state: &mut StrategyState, wanted: &Wanted, at: Timestamp) -> Order {
    state.intent_seq += 1;
    let position_id = PositionId { strategy: demo(), seq: state.intent_seq };
    let order_id = OrderId::derive(&env(), &settings().account, &position_id, Leg::Entry, 0);
    let live = Live::Order { position: position_id.clone(), leg: Leg::Entry };
    state.live.insert(order_id.to_string(), live);
    let terms = Terms {
        order_id,
        position_id,
        strategy_id: demo(),
        account: settings().account,
        symbol: wanted.symbol.clone(),
        leg: Leg::Entry,
        plan: 0,
        origin: Origin::Model,
        side: Side::Buy,
        kind: wanted.kind,
        quantity: wanted.quantity,
        stop_loss: Some(wanted.stop),
        take_profit: wanted.take_profit,
        decided_price: None,
        decided_at: at,
        decision: Some(at),
        created_at: at,
        trace: "demo-1".to_owned(),
    };
    Order { terms, state: State::Intended }
}
