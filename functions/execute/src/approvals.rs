//! Approvals: an order that a person approved is reviewed again in full and sent once; one that a person
//! rejected, or whose approval is forged, altered, late or unverifiable, ends as refused, by name.
//!
//! An approval is consumed by the submit: the transaction that makes the order `pending` holds only while it
//! still is `awaiting_approval`.

use shared::approval::{Answer, Approval, Offer, Rejection, verify};
use shared::ids::{Env, OrderId};
use shared::order::Order;
use shared::ports::{Level, MarketData, ReadAccount, TradeOrders, WriteTables};
use shared::records::Corrupt;
use shared::secret::Secret;
use shared::settings::SafetyMode;
use shared::state::{Alert, StrategyState};
use shared::time::{Millis, Timestamp};

use crate::desk::Books;
use crate::entries::{APPROVAL_EXPIRED, may_add_risk, refuse, refuse_by_rule, review, send_entry};
use crate::journal::Source;
use crate::risk::Basis;
use crate::turn::{Turn, TurnError};

/// The alert that asks people for an answer.
const APPROVAL_NEEDED: &str = "approval-needed";
/// How far in the future an approval may claim to be given: the approver has a clock of their own.
const CLOCK_ERROR: Millis = Millis::from_secs(30);

/// Why an approval is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Objection {
    /// There is nothing to verify it with.
    #[error("the approval secret cannot be read, so no approval can be verified")]
    NoKey,
    /// It is not an approval of these terms by a holder of the key.
    #[error("{0}")]
    Invalid(String),
    /// A person does not want it.
    #[error("{} rejected it at {}", .0.by, .0.at)]
    Rejected(Rejection),
    /// It was given or met after the offer's end.
    #[error("approved at {at}, and the offer ended at {expires_at}")]
    Expired {
        /// When it was given.
        at: Timestamp,
        /// The end of the offer.
        expires_at: Timestamp,
    },
}

impl Objection {
    /// The stored name of the rule.
    pub const fn rule(&self) -> &'static str {
        match self {
            Objection::NoKey => "approval_key",
            Objection::Invalid(_) => "approval_invalid",
            Objection::Rejected(_) => "approval_rejected",
            Objection::Expired { .. } => APPROVAL_EXPIRED,
        }
    }
    const fn level(&self) -> Level {
        match self {
            Objection::NoKey => Level::Error,
            Objection::Invalid(_) => Level::Critical,
            Objection::Rejected(_) => Level::Info,
            Objection::Expired { .. } => Level::Warn,
        }
    }
}

/// Sends every approved order whose approval and review hold; refuses those whose approval does not, and those
/// that a person rejected.
pub async fn serve_approvals<T, V>(turn: &mut Turn<'_, T, V>) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    for (id, offer, given) in answered(turn) {
        let result = match judge(turn.shift.approval_key.as_ref(), turn.shift.env, &offer, given, turn.now) {
            Ok(approval) => consume(turn, &id, &offer, &approval).await,
            Err(objection) => object(turn, &id, &objection).await,
        };
        turn.survive(result)?;
    }
    Ok(())
}

/// Every order that waits and carries something that claims to be an answer.
fn answered<T, V>(turn: &Turn<'_, T, V>) -> Vec<(OrderId, Offer, Result<Answer, Corrupt>)> {
    let books = &turn.desk.books;
    let given = books.approvals.iter().filter_map(|(id, given)| {
        let offer = books.orders.get(id).and_then(Offer::of)?;
        Some((id.clone(), offer, given.clone()))
    });
    given.collect()
}

/// Whether this is an approval of exactly `offer`, given and met in time.
fn judge(
    key: Option<&Secret>,
    env: &Env,
    offer: &Offer,
    given: Result<Answer, Corrupt>,
    now: Timestamp,
) -> Result<Approval, Objection> {
    let approval = match given {
        Ok(Answer::Rejected(rejection)) => return Err(Objection::Rejected(rejection)),
        Ok(Answer::Approved(approval)) => Ok(approval),
        Err(corrupt) => Err(Objection::Invalid(corrupt.to_string())),
    };
    let key = key.ok_or(Objection::NoKey)?;
    let approval = approval?;
    if !verify(key, env, offer, &approval) {
        return Err(Objection::Invalid("the approval is not one of these terms".to_owned()));
    }
    if approval.at > now + CLOCK_ERROR {
        return Err(Objection::Invalid(format!("the approval claims to be given at {}", approval.at)));
    }
    if approval.at.max(now) >= offer.expires_at {
        return Err(Objection::Expired { at: approval.at, expires_at: offer.expires_at });
    }
    Ok(approval)
}

async fn object<T, V>(turn: &mut Turn<'_, T, V>, id: &OrderId, objection: &Objection) -> Result<(), TurnError>
where
    T: WriteTables,
{
    let line = turn.line(objection.level(), "approval not accepted").with("order_id", id);
    turn.write(line.with("rule", objection.rule()).with("detail", objection));
    refuse(turn, id, Source::SafetyMode, objection.rule(), objection.to_string()).await
}

/// Under a hold an approved order stays; else it is reviewed as of now, and sent as the safety mode says.
async fn consume<T, V>(
    turn: &mut Turn<'_, T, V>,
    id: &OrderId,
    offer: &Offer,
    approval: &Approval,
) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    if !may_add_risk(turn) {
        return Ok(());
    }
    match turn.desk.settings.safety_mode {
        SafetyMode::TwoPhase | SafetyMode::Direct => {}
        SafetyMode::DryRun => {
            let message = "the safety mode is DryRun by now".to_owned();
            return refuse(turn, id, Source::SafetyMode, "safety_mode", message).await;
        }
    }
    let Some(order) = turn.order(id).cloned() else { return Ok(()) };
    let basis = Basis::Approval { at: approval.at, bound: offer.bound };
    match review(turn, order, basis).await? {
        Ok(reviewed) => {
            let line = turn.line(Level::Info, "approval accepted").with("order_id", id);
            let line = line.with("by", &approval.by).with("approved_at", approval.at);
            turn.write(line.with("trace", &offer.terms.trace));
            send_entry(turn, reviewed).await
        }
        Err(refusal) => refuse_by_rule(turn, id, refusal).await,
    }
}

/// Leaves or clears the alert by which people are told that an order waits for them: its terms and its end, and
/// no word that could approve it. Another order is another alert.
pub fn ask_for_answers(state: &mut StrategyState, books: &Books, now: Timestamp) {
    let waits = |order: &&Order| !books.approvals.contains_key(&order.terms.order_id);
    let offers: Vec<Offer> = books.orders.values().filter(waits).filter_map(Offer::of).collect();
    let listed =
        |word: fn(&Offer) -> String, between| offers.iter().map(word).collect::<Vec<_>>().join(between);
    let key = listed(|offer| offer.terms.order_id.to_string(), " ");
    let detail = listed(
        |offer| format!("{}: {}, until {}", offer.terms.order_id, offer.line(), offer.expires_at),
        "; ",
    );
    if offers.is_empty() {
        state.alerts.remove(APPROVAL_NEEDED);
    } else {
        let before = state.alerts.get(APPROVAL_NEEDED).filter(|alert| alert.key == key);
        let since = before.map_or(now, |alert| alert.since);
        state.alerts.insert(APPROVAL_NEEDED.to_owned(), Alert { since, key, detail });
    }
}

#[cfg(test)]
mod tests;
