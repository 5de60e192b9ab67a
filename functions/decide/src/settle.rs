//! The outcome of a cycle, in one transaction: the decision's end, what it wants done, and the counters.

use shared::decision::{Outcome, Why};
use shared::ports::{Level, ReadTables, WriteTables};
use shared::records;
use shared::records::decision::{DecisionRecord, Inputs};
use shared::roster::{Unfit, read};
use shared::state::StrategyState;
use shared::status::Status;
use shared::store::{Attr, Change, Cond, Item, Path, ReadError, Write, WriteError, changes};
use shared::tables::Table;

use crate::ask::Answer;
use crate::effect::Effect;
use crate::meters::{BAD_CYCLES, BAD_CYCLES_ALERT, Refusals, as_booked, counted, lowered, why_lowered};
use crate::providers::provider_of;
use crate::record;
use crate::shift::Turn;
use crate::snapshot::{Books, inputs};

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
    T: WriteTables,
{
    let mut state = turn.state.clone();
    state.recent_llm = as_booked(&state.recent_llm, answer.tally.booked);
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
    provider.is_some_and(|provider| turn.shift.purse.is_refusing(&provider, turn.shift.now()))
}

const fn is_bad(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Abstain(why) if why.is_bad_answer())
}

/// Three bad cycles in a row: from `running` to `reducing`, if it still is `running`. Where people are told of the
/// cause already, it is not told once more for each strategy, but where it outlasts that.
async fn lower<T: WriteTables, V, A>(
    turn: &Turn<'_, T, V, A>,
    state: &StrategyState,
    is_told: bool,
) -> Result<(), WriteError> {
    if state.bad_cycles < BAD_CYCLES || state.status != Status::Running {
        return Ok(());
    }
    let reason = why_lowered(state);
    let (key, status) = (records::state::key(turn.id()), records::state::path::status());
    let alert = lowered(state, &reason, turn.shift.now());
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
        let inputs = inputs(turn, state, books);
        let effect = Effect::of(turn.shift.env, &answer.record, &inputs, &answer.outcome);
        let refusals = Refusals { in_row: books.refused_in_row, told: is_told(turn, answer) };
        let mut after = counted(state.clone(), &answer.outcome, &answer.tally, refusals, turn.shift.now());
        if let Some((name, entry)) = &effect.live {
            after.live.insert(name.clone(), entry.clone());
            after.intent_seq = inputs.seq;
        }
        let mut writes = vec![decision_write(answer, &effect, inputs)];
        writes.extend(effect.order.as_ref().map(|order| {
            let key = records::order::key(&order.terms.position_id, &order.terms.order_id);
            Write::put_if_absent(key, records::order::encode(order))
        }));
        writes.extend(state_write(state, &after));
        Plan { writes, after, outcome: effect.outcome }
    }
}

/// The whole record where nothing stands yet, else what was not known when it was put.
fn decision_write(answer: &Answer, effect: &Effect, inputs: Inputs) -> Write {
    let record = ended(answer, effect, inputs);
    let key = records::decision::key(&record.strategy_id, record.decided_at);
    let item = records::decision::encode(&record);
    if !answer.is_recorded {
        return Write::put_if_absent(key, item);
    }
    let mut changed = changes(&records::decision::encode(&answer.record), &item);
    // What became of a second question without an answer is not in it yet.
    changed.extend(record::answers(&record));
    Write::update(key, changed, record::unfinished())
}

/// The record with its outcome. One with an order or a position never expires.
fn ended(answer: &Answer, effect: &Effect, inputs: Inputs) -> DecisionRecord {
    let lasts = effect.position.is_some();
    DecisionRecord {
        tokens_in: answer.tally.tokens_in,
        tokens_out: answer.tally.tokens_out,
        usd: answer.tally.usd,
        outcome: Some(effect.outcome.clone()),
        reason: Some(answer.reason.clone()),
        order_id: effect.order.as_ref().map(|order| order.terms.order_id.clone()),
        position_id: effect.position.clone(),
        inputs: Some(inputs),
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
    conds.extend(["intent_seq", "llm_day", "recent_llm"].iter().filter_map(|name| as_read(&seen, name)));
    Some(Write::update(records::state::key(&before.strategy_id), changed, conds))
}

fn as_read(item: &Item, name: &str) -> Option<Cond> {
    item.get(name).map(|value| Cond::Equals(Path::of(name), value.clone()))
}
