//! `tradai approve`: shows what waits for a person, signs exactly what was shown, and leaves the approval on the
//! order. Execute alone acts on it.

use shared::approval::{Approval, Offer, Unsignable, sign};
use shared::ids::{Env, OrderId};
use shared::records;
use shared::roster::Unfit;
use shared::secret::Secret;
use shared::settings::Settings;
use shared::store::{ReadError, WriteError, WriteTables};
use shared::time::{Millis, Timestamp};

use crate::approvals::ends;
use crate::not_done::NotDone;
use crate::offers::{awaiting, open_offer};
use crate::person::Person;
use crate::stage::{Stage, Which};

/// Why an order was not approved, or what waits is not known.
#[derive(Debug, thiserror::Error)]
pub enum NotApproved {
    /// The tables did not answer.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The tables did not take it.
    #[error(transparent)]
    Write(WriteError),
    /// An item is missing or damaged.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// It cannot be signed.
    #[error(transparent)]
    Unsignable(#[from] Unsignable),
    /// The offer has ended.
    #[error("order {order_id}: the offer ended at {expires_at}")]
    Expired {
        /// The order.
        order_id: OrderId,
        /// When its offer ended.
        expires_at: Timestamp,
    },
    /// It is approved already, or no longer waits.
    #[error("order {0} does not wait for an approval: it has one, or has ended")]
    NotWaiting(OrderId),
}

/// Approves exactly `offer`, as it was shown. An order that meanwhile differs from it is refused by execute.
pub async fn approve(
    tables: &impl WriteTables,
    key: &Secret,
    env: &Env,
    offer: &Offer,
    by: &str,
    now: Timestamp,
) -> Result<Approval, NotApproved> {
    let terms = &offer.terms;
    let order_id = terms.order_id.clone();
    if now >= offer.expires_at {
        return Err(NotApproved::Expired { order_id, expires_at: offer.expires_at });
    }
    let approval = sign(key, env, offer, by, now)?;
    let write = records::order::approve(&terms.position_id, &terms.order_id, &approval);
    match tables.write(vec![write]).await {
        Ok(()) => Ok(approval),
        Err(WriteError::Lost { .. }) => Err(NotApproved::NotWaiting(order_id)),
        Err(error @ (WriteError::Conflict | WriteError::NotDone(_) | WriteError::NoAnswer(_))) => {
            Err(NotApproved::Write(error))
        }
    }
}

/// Approves every offer that was made at least `wait` ago; how many.
pub async fn approve_due(
    tables: &impl WriteTables,
    key: &Secret,
    env: &Env,
    settings: &Settings,
    wait: Millis,
    by: &str,
    now: Timestamp,
) -> Result<u32, NotApproved> {
    let mut approved = 0u32;
    for offer in awaiting(tables, &settings.strategy_id).await? {
        let made_at = offer.expires_at - settings.approval_expiry;
        if now >= offer.expires_at || now.since(made_at) < wait {
            continue;
        }
        approve(tables, key, env, &offer, by, now).await?;
        approved = approved.saturating_add(1);
    }
    Ok(approved)
}

/// What to approve, where, and in whose name.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// The order, as `tradai approvals` lists it
    pub order_id: String,
    /// The stage.
    #[command(flatten)]
    pub which: Which,
    /// Do not ask: for scripts
    #[arg(long)]
    pub yes: bool,
    /// Who approves it [default: the user's name]
    #[arg(long = "as", value_name = "NAME")]
    pub by: Option<String>,
}

/// Shows the order in full, asks, and approves exactly what was shown. The time is asked again after the person
/// has answered.
pub async fn ask_and_approve(
    stage: &Stage,
    id: &OrderId,
    by: &str,
    yes: bool,
    person: &mut Person<'_>,
    now: impl Fn() -> Timestamp,
) -> Result<(), NotDone> {
    let shown = open_offer(stage, id, now()).await?;
    person.tell(&in_full(&shown, &stage.names.env, now()))?;
    if !yes {
        person.confirm(&format!("Approve exactly this as {by}?"))?;
    }
    let key = stage.approval_key().await?;
    if open_offer(stage, id, now()).await? != shown {
        return Err(NotDone::input(format!("order {id} has changed since it was shown; look at it again")));
    }
    let at = now();
    approve(&stage.tables, &key, &stage.names.env, &shown, by, at).await?;
    person.tell(&format!(
        "approved by {by} at {at}: execute reviews order {id} again and sends it within a minute"
    ))
}

/// Everything that is signed, and what a person wants to know besides.
fn in_full(offer: &Offer, env: &Env, now: Timestamp) -> String {
    let terms = &offer.terms;
    let seen = terms.decided_price.map_or_else(String::new, |price| format!(" at a price of {price}"));
    let rows = [
        ("order", terms.order_id.to_string()),
        ("strategy", format!("{}, account {}, stage {env}", terms.strategy_id, terms.account)),
        ("terms", offer.line()),
        (
            "costs",
            format!("at most {} {}", (terms.quantity * offer.bound).value().normalize(), terms.symbol.quote),
        ),
        (
            "decided",
            format!("{}{seen}, by {}, trace {}", terms.decided_at, terms.origin.as_str(), terms.trace),
        ),
        ("offer ends", ends(offer, now)),
    ];
    rows.map(|(name, value)| format!("{name:<12}{value}")).join("\n")
}

impl From<NotApproved> for NotDone {
    fn from(error: NotApproved) -> NotDone {
        match error {
            NotApproved::Expired { .. } | NotApproved::Unsignable(_) => NotDone::input(error),
            NotApproved::NotWaiting(_) => NotDone::Refused(format!("not approved: {error}")),
            NotApproved::Write(error) => NotDone::of_write(error, "not approved: somebody was faster"),
            NotApproved::Read(_) | NotApproved::Unfit(_) => NotDone::Refused(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::ids::{AccountId, Leg, PositionId, StrategyId, Symbol};
    use shared::market::Side;
    use shared::money::{Price, Qty};
    use shared::order::{Kind, Order, Origin, State, Terms};
    use shared::state::{Live, StrategyState};
    use shared::status::Status;
    use shared::testkit::at_once;
    use shared::testkit::memory::MemoryStore;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }
    fn noon() -> Timestamp {
        at("2023-03-01T12:00:00Z")
    }
    fn env() -> Env {
        Env::parse("dev").unwrap()
    }
    fn key() -> Secret {
        Secret::new("canary".to_owned())
    }
    fn demo() -> StrategyId {
        StrategyId::parse("demo").unwrap()
    }

    /// One strategy whose one order waits until a quarter past twelve.
    fn tables() -> MemoryStore {
        let tables = MemoryStore::new();
        let position_id = PositionId::parse("demo.1677672000").unwrap();
        let account = AccountId::parse("main").unwrap();
        let terms = Terms {
            order_id: OrderId::derive(&env(), &account, &position_id, Leg::Entry, 0),
            position_id: position_id.clone(),
            strategy_id: demo(),
            account,
            symbol: Symbol::parse("BTC-USDT").unwrap(),
            leg: Leg::Entry,
            plan: 0,
            origin: Origin::Model,
            side: Side::Buy,
            kind: Kind::Market,
            quantity: Qty::parse("0.01").unwrap(),
            stop_loss: Some(Price::parse("19000").unwrap()),
            take_profit: None,
            decided_price: None,
            decided_at: noon(),
            decision: None,
            created_at: noon(),
            trace: "demo-1".to_owned(),
        };
        let mut state = StrategyState::first(demo(), Status::Running, noon());
        let live = Live::Order { position: position_id.clone(), leg: Leg::Entry };
        state.live.insert(terms.order_id.to_string(), live);
        state.live.insert(position_id.to_string(), Live::Position);
        let (bound, expires_at) = (Price::parse("20100").unwrap(), at("2023-03-01T12:15:00Z"));
        let order_key = records::order::key(&position_id, &terms.order_id);
        let order = Order { terms, state: State::AwaitingApproval { expires_at, bound } };
        tables.plant(order_key, records::order::encode(&order));
        tables.plant(records::state::key(&demo()), records::state::encode(&state));
        tables
    }

    fn waiting(tables: &MemoryStore) -> Vec<Offer> {
        at_once(awaiting(tables, &demo())).unwrap()
    }

    #[test]
    fn what_waits_is_shown_and_approved_once() {
        let tables = tables();
        let offers = waiting(&tables);
        let [offer] = &offers[..] else { panic!("{offers:?}") };
        let given = at_once(approve(&tables, &key(), &env(), offer, "ada", noon())).unwrap();
        assert!(shared::approval::verify(&key(), &env(), offer, &given));
        assert_eq!(waiting(&tables), []);
        let again = at_once(approve(&tables, &key(), &env(), offer, "eve", noon()));
        assert!(matches!(again, Err(NotApproved::NotWaiting(_))));
        let item =
            tables.snapshot()[&records::order::key(&offer.terms.position_id, &offer.terms.order_id)].clone();
        assert_eq!(records::order::approval(&item), Ok(Some(shared::approval::Answer::Approved(given))));
    }

    #[test]
    fn an_offer_that_has_ended_is_not_approved() {
        let tables = tables();
        let offer = waiting(&tables).remove(0);
        let late = at_once(approve(&tables, &key(), &env(), &offer, "ada", offer.expires_at));
        assert!(matches!(late, Err(NotApproved::Expired { .. })));
    }
}
