//! What an outcome wants done: an intent or a wish, from nothing but what the decision's record holds.

use shared::decision::{Opening, Outcome, Wish};
use shared::ids::{Env, Leg, OrderId, PositionId};
use shared::order::{Kind, Order, Origin, State, Terms};
use shared::records;
use shared::records::decision::{DecisionRecord, Inputs};
use shared::state::{Live, Target, WishFor};

/// What an outcome wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// The outcome's name, with the reason where nothing can be done.
    pub outcome: String,
    /// The entry of `live` that it leaves.
    pub live: Option<(String, Live)>,
    /// The order that it wants.
    pub order: Option<Order>,
    /// The position that it opens or is about.
    pub position: Option<PositionId>,
}

/// The cycle that an outcome is of.
struct Cycle<'a> {
    env: &'a Env,
    record: &'a DecisionRecord,
    inputs: &'a Inputs,
}

impl Effect {
    /// What `outcome` wants done in the cycle of `record`, decided on `inputs`; `env` is part of every order id.
    pub fn of(env: &Env, record: &DecisionRecord, inputs: &Inputs, outcome: &Outcome) -> Effect {
        let cycle = Cycle { env, record, inputs };
        match outcome {
            Outcome::Trade(Wish::Open(opening)) if inputs.has_room => cycle.open(opening),
            Outcome::Trade(Wish::Open(_)) => Effect::nothing(format!("{outcome}:no_room")),
            Outcome::Trade(Wish::Close { symbol }) => match inputs.positions.get(symbol) {
                Some(position) => cycle.wish(outcome, Target::Close(position.clone())),
                None => Effect::nothing(format!("{outcome}:no_position")),
            },
            Outcome::Trade(Wish::Cancel { symbol, order_id }) => {
                match inputs.entries.get(order_id).filter(|entry| entry.symbol == *symbol) {
                    Some(entry) => {
                        let (position, order_id) = (entry.position.clone(), order_id.clone());
                        cycle.wish(outcome, Target::Cancel { position, order_id })
                    }
                    None => Effect::nothing(format!("{outcome}:no_entry")),
                }
            }
            Outcome::Hold | Outcome::Abstain(_) => Effect::nothing(outcome.to_string()),
        }
    }

    const fn nothing(outcome: String) -> Effect {
        Effect { outcome, live: None, order: None, position: None }
    }
}

impl Cycle<'_> {
    /// An intent: what exactly is wanted, for execute to review.
    fn open(&self, opening: &Opening) -> Effect {
        let order = Order { terms: self.terms(opening), state: State::Intended };
        let (position, id) = (order.terms.position_id.clone(), order.terms.order_id.clone());
        let live = Live::Order { position: position.clone(), leg: Leg::Entry };
        Effect {
            outcome: "open".to_owned(),
            live: Some((id.to_string(), live)),
            order: Some(order),
            position: Some(position),
        }
    }

    fn terms(&self, opening: &Opening) -> Terms {
        let Cycle { env, record, inputs } = self;
        let position_id = PositionId { strategy: record.strategy_id.clone(), seq: inputs.seq };
        Terms {
            order_id: OrderId::derive(env, &record.account, &position_id, Leg::Entry, 0),
            position_id,
            strategy_id: record.strategy_id.clone(),
            account: record.account.clone(),
            symbol: opening.symbol.clone(),
            leg: Leg::Entry,
            plan: 0,
            origin: Origin::Model,
            side: opening.side,
            kind: match opening.limit {
                Some((price, time_in_force)) => Kind::Limit { price, time_in_force },
                None => Kind::Market,
            },
            quantity: opening.quantity,
            stop_loss: Some(opening.stop_loss),
            take_profit: opening.take_profit,
            decided_price: inputs.markets.get(&opening.symbol).map(|market| market.ask),
            decided_at: inputs.at,
            decision: Some(record.decided_at),
            created_at: inputs.at,
            trace: record.trace.clone(),
        }
    }

    fn wish(&self, outcome: &Outcome, target: Target) -> Effect {
        let position = match &target {
            Target::Close(position) | Target::Cancel { position, .. } => position.clone(),
        };
        let (origin, decision) = (Origin::Model, Some(self.record.decided_at));
        let wish = Live::Wish(WishFor { target, origin, at: self.inputs.at, decision });
        Effect {
            outcome: outcome.to_string(),
            live: Some((records::state::wish_key(self.inputs.seq), wish)),
            order: None,
            position: Some(position),
        }
    }
}
