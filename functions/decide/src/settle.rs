//! The outcome of a cycle, in one transaction: the decision's end, what it wants done, and the counters.

use shared::decision::{Opening, Outcome, Why, Wish};
use shared::ids::{Leg, OrderId, PositionId, Symbol};
use shared::money::Price;
use shared::order::{Kind, Order, Origin, State, Terms};
use shared::ports::{Level, ReadTables, WriteTables};
use shared::records;
use shared::records::decision::DecisionRecord;
use shared::roster::{Unfit, read};
use shared::state::{Alert, Live, StrategyState, Target, WishFor};
use shared::status::Status;
use shared::store::{Attr, Change, Cond, Item, Path, ReadError, Write, WriteError, changes};
use shared::tables::Table;

use crate::ask::Answer;
use crate::meters::{BAD_CYCLES, BAD_CYCLES_ALERT, Refusals, counted};
use crate::providers::provider_of;
use crate::shift::Turn;
use crate::snapshot::Books;

/// How often a transaction that lost to another is planned anew.
const MOST_ATTEMPTS: u32 = 3;

/// Why an outcome is not in the tables.
#[derive(Debug, thiserror::Error)]
pub enum NotSettled {
    /// The tables did not take it.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The state could not be read again.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The state is missing or damaged.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// Others were faster every time.
    #[error("lost {MOST_ATTEMPTS} times to other writes")]
    Outrun,
}

/// Writes what a cycle came to and returns its name.
pub async fn settle<T, V, A>(
    turn: &Turn<'_, T, V, A>,
    books: &Books,
    answer: &Answer,
) -> Result<String, NotSettled>
where
    T: ReadTables + WriteTables,
{
    let mut state = turn.state.clone();
    if let Some(booked) = answer.tally.booked {
        state.llm_day = booked.day;
    }
    for _ in 0..MOST_ATTEMPTS {
        let plan = Plan::of(turn, &state, books, answer);
        match turn.shift.ports.tables.write(plan.writes).await {
            Ok(()) => {
                if is_bad(&answer.outcome) {
                    let is_told = is_told(turn, answer) && answer.outcome == Outcome::Abstain(Why::Refused);
                    lower(turn, &plan.after, is_told).await?;
                }
                return Ok(plan.outcome);
            }
            // The decision has its outcome: an earlier attempt without an answer did happen.
            Err(WriteError::Lost { key, .. }) if key.table == Table::Decisions => return Ok(plan.outcome),
            Err(WriteError::Lost { .. } | WriteError::Conflict | WriteError::NoAnswer(_)) => {
                state = state_now(turn).await?;
            }
            Err(error @ WriteError::NotDone(_)) => return Err(error.into()),
        }
    }
    Err(NotSettled::Outrun)
}

async fn state_now<T: ReadTables, V, A>(turn: &Turn<'_, T, V, A>) -> Result<StrategyState, NotSettled> {
    let key = records::state::key(turn.id());
    let item = turn.shift.ports.tables.get(std::slice::from_ref(&key)).await?.pop().flatten();
    Ok(read(item, key, records::state::decode)?)
}

/// Whether people are told already that the provider of this answer refuses.
fn is_told<T, V, A>(turn: &Turn<'_, T, V, A>, answer: &Answer) -> bool {
    let provider = provider_of(&answer.record.model);
    provider.is_some_and(|provider| turn.shift.purse.is_refusing(&provider))
}

const fn is_bad(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Abstain(why) if why.is_bad_answer())
}

/// Three bad cycles in a row: from `running` to `reducing`, if it still is `running`. Where people are told of the
/// cause already, it is not told once more for each strategy.
async fn lower<T: WriteTables, V, A>(
    turn: &Turn<'_, T, V, A>,
    state: &StrategyState,
    is_told: bool,
) -> Result<(), WriteError> {
    if state.bad_cycles < BAD_CYCLES || state.status != Status::Running {
        return Ok(());
    }
    let reason = format!("{} cycles in a row without a usable answer of the model", state.bad_cycles);
    let (key, status) = (records::state::key(turn.id()), records::state::path::status());
    let detail = format!("the status was lowered to {}: {reason}", Status::Reducing.as_str());
    let alert = Alert { since: turn.shift.now(), key: turn.id().to_string(), detail };
    let mut changes = vec![
        Change::Set(status.clone(), records::state::status_attr(Status::Reducing)),
        Change::Set(records::state::path::halt_reason(), Attr::S(reason.clone())),
    ];
    if !is_told {
        let path = records::state::path::alert(BAD_CYCLES_ALERT);
        changes.push(Change::Set(path, records::state::alert_attr(&alert)));
    }
    let still = Cond::Equals(status, records::state::status_attr(Status::Running));
    match turn.shift.ports.tables.write(vec![Write::update(key, changes, vec![still])]).await {
        Ok(()) => {
            let line = turn.line(Level::Error, "status lowered").with("status", Status::Reducing.as_str());
            turn.shift.write(line.with("reason", reason));
            Ok(())
        }
        // A person was first.
        Err(WriteError::Lost { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// One attempt at the transaction.
struct Plan {
    writes: Vec<Write>,
    after: StrategyState,
    outcome: String,
}

impl Plan {
    /// The decision comes first, so that its loss is told before any other.
    fn of<T, V, A>(turn: &Turn<'_, T, V, A>, state: &StrategyState, books: &Books, answer: &Answer) -> Plan {
        let effect = Effect::of(turn, state, books, &answer.outcome);
        let refusals = Refusals { in_row: books.refused_in_row, told: is_told(turn, answer) };
        let mut after = counted(state.clone(), &answer.outcome, &answer.tally, refusals, turn.shift.now());
        if let Some((name, entry)) = &effect.live {
            after.live.insert(name.clone(), entry.clone());
            after.intent_seq = next_seq(state);
        }
        let mut writes = vec![decision_write(answer, &effect)];
        writes.extend(effect.order.as_ref().map(|order| {
            let key = records::order::key(&order.terms.position_id, &order.terms.order_id);
            Write::put_if_absent(key, records::order::encode(order))
        }));
        writes.extend(state_write(state, &after));
        Plan { writes, after, outcome: effect.outcome }
    }
}

/// What an outcome wants done.
struct Effect {
    outcome: String,
    live: Option<(String, Live)>,
    order: Option<Order>,
    position: Option<PositionId>,
}

impl Effect {
    fn of<T, V, A>(
        turn: &Turn<'_, T, V, A>,
        state: &StrategyState,
        books: &Books,
        outcome: &Outcome,
    ) -> Effect {
        match outcome {
            Outcome::Trade(Wish::Open(opening)) if state.has_room_to_open() => open(turn, state, opening),
            Outcome::Trade(Wish::Open(_)) => Effect::nothing(format!("{outcome}:no_room")),
            Outcome::Trade(Wish::Close { symbol }) => match books.position(symbol) {
                Some(position) => wish(turn, state, outcome, Target::Close(position.id.clone())),
                None => Effect::nothing(format!("{outcome}:no_position")),
            },
            Outcome::Trade(Wish::Cancel { symbol, order_id }) => match entry(books, symbol, order_id) {
                Some(target) => wish(turn, state, outcome, target),
                None => Effect::nothing(format!("{outcome}:no_entry")),
            },
            Outcome::Hold | Outcome::Abstain(_) => Effect::nothing(outcome.to_string()),
        }
    }

    const fn nothing(outcome: String) -> Effect {
        Effect { outcome, live: None, order: None, position: None }
    }
}

fn next_seq(state: &StrategyState) -> u64 {
    state.intent_seq.saturating_add(1)
}

/// An intent: what exactly is wanted, for execute to review.
fn open<T, V, A>(turn: &Turn<'_, T, V, A>, state: &StrategyState, opening: &Opening) -> Effect {
    let order = Order { terms: terms(turn, state, opening), state: State::Intended };
    let (position, id) = (order.terms.position_id.clone(), order.terms.order_id.clone());
    let live = Live::Order { position: position.clone(), leg: Leg::Entry };
    Effect {
        outcome: "open".to_owned(),
        live: Some((id.to_string(), live)),
        order: Some(order),
        position: Some(position),
    }
}

fn terms<T, V, A>(turn: &Turn<'_, T, V, A>, state: &StrategyState, opening: &Opening) -> Terms {
    let account = turn.settings.account.clone();
    let position_id = PositionId { strategy: turn.id().clone(), seq: next_seq(state) };
    let now = turn.shift.now();
    Terms {
        order_id: OrderId::derive(turn.shift.env, &account, &position_id, Leg::Entry, 0),
        position_id,
        strategy_id: turn.id().clone(),
        account,
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
        decided_price: ask_of(turn, &opening.symbol),
        decided_at: now,
        decision: Some(turn.minute()),
        created_at: now,
        trace: turn.trace(),
    }
}

/// The price that the decision saw.
fn ask_of<T, V, A>(turn: &Turn<'_, T, V, A>, symbol: &Symbol) -> Option<Price> {
    let mut markets = turn.sight.as_ref().ok()?.iter();
    markets.find(|market| market.quote.symbol == *symbol).map(|market| market.quote.ask)
}

fn entry(books: &Books, symbol: &Symbol, id: &OrderId) -> Option<Target> {
    let entry = books.entries().find(|one| one.terms.order_id == *id && one.terms.symbol == *symbol)?;
    Some(Target::Cancel { position: entry.terms.position_id.clone(), order_id: id.clone() })
}

fn wish<T, V, A>(
    turn: &Turn<'_, T, V, A>,
    state: &StrategyState,
    outcome: &Outcome,
    target: Target,
) -> Effect {
    let position = match &target {
        Target::Close(position) | Target::Cancel { position, .. } => position.clone(),
    };
    let wish = Live::Wish(WishFor { target, origin: Origin::Model, at: turn.shift.now() });
    Effect {
        outcome: outcome.to_string(),
        live: Some((records::state::wish_key(next_seq(state)), wish)),
        order: None,
        position: Some(position),
    }
}

/// The whole record where nothing stands yet, else what the put did not know.
fn decision_write(answer: &Answer, effect: &Effect) -> Write {
    let record = ended(answer, effect);
    let key = records::decision::key(&record.strategy_id, record.decided_at);
    let item = records::decision::encode(&record);
    if !answer.is_recorded {
        return Write::put_if_absent(key, item);
    }
    let mut changed = changes(&records::decision::encode(&answer.record), &item);
    // The put held the first answer alone.
    changed.extend(item.get("reply").map(|reply| Change::Set(Path::of("reply"), reply.clone())));
    let (here, unfinished) =
        (Cond::Present(Path::of("decided_at")), Cond::Absent(records::decision::path::outcome()));
    Write::update(key, changed, vec![here, unfinished])
}

/// The record with its outcome. One with an order or a position never expires.
fn ended(answer: &Answer, effect: &Effect) -> DecisionRecord {
    let lasts = effect.position.is_some();
    DecisionRecord {
        tokens_in: answer.tally.tokens_in,
        tokens_out: answer.tally.tokens_out,
        usd: answer.tally.usd,
        outcome: Some(effect.outcome.clone()),
        reason: Some(answer.reason.clone()),
        order_id: effect.order.as_ref().map(|order| order.terms.order_id.clone()),
        position_id: effect.position.clone(),
        expires_at: if lasts { None } else { answer.record.expires_at },
        ..answer.record.clone()
    }
}

/// Attribute by attribute; none where nothing changed.
fn state_write(before: &StrategyState, after: &StrategyState) -> Option<Write> {
    let (seen, wanted) = (records::state::encode(before), records::state::encode(after));
    let changed = changes(&seen, &wanted);
    if changed.is_empty() {
        return None;
    }
    // A removed strategy is never created again, and no other cycle's counts or numbers are overwritten.
    let mut conds = vec![Cond::Present(records::state::path::status())];
    conds.extend(["intent_seq", "llm_day"].iter().filter_map(|name| as_read(&seen, name)));
    Some(Write::update(records::state::key(&before.strategy_id), changed, conds))
}

fn as_read(item: &Item, name: &str) -> Option<Cond> {
    item.get(name).map(|value| Cond::Equals(Path::of(name), value.clone()))
}
