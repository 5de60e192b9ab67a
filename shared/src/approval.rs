//! A person's answer to an order that waits: an approval of exact terms, canonical text, signed by the approver,
//! verified by execute; or a rejection.
//!
//! The key is held by the approver and by execute, never by decide, and no token exists: what the model sees
//! or says cannot become an approval. A changed term, however small, is another text and fails.

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::ids::Env;
use crate::money::Price;
use crate::order::{Kind, Order, State, Terms};
use crate::secret::Secret;
use crate::time::Timestamp;

/// Most characters of an approver's name.
const LONGEST_NAME: usize = 64;

/// What the approver leaves on an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Who approved.
    pub by: String,
    /// When: the age of an approved order counts from here.
    pub at: Timestamp,
    /// HMAC-SHA256 over the canonical text, in hex.
    pub mac: String,
}

/// That a person does not want an order. It needs no key: whoever may write to the order may end its offer, and
/// the system only does less for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Who rejected.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What stands on an order as a person's answer: the first one counts, and no other replaces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Send it.
    Approved(Approval),
    /// End it.
    Rejected(Rejection),
}

/// What a person is asked to approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The exact terms.
    pub terms: Terms,
    /// The most that one unit may cost.
    pub bound: Price,
    /// The end of the offer: nothing is sent at or after it.
    pub expires_at: Timestamp,
}

impl Offer {
    /// The offer of an order that waits for approval; none in every other state.
    pub fn of(order: &Order) -> Option<Offer> {
        match order.state {
            State::AwaitingApproval { expires_at, bound } => {
                Some(Offer { terms: order.terms.clone(), bound, expires_at })
            }
            State::Intended
            | State::Pending(_)
            | State::Unknown(_)
            | State::Live { .. }
            | State::Done { .. }
            | State::Rejected { .. }
            | State::Absent { .. }
            | State::Refused { .. }
            | State::DryRun => None,
        }
    }

    /// The terms for a person: `buy 0.01 BTC-USDT market, stop 19500, no take profit, at most 20100 each`.
    pub fn line(&self) -> String {
        format!("{}, at most {} each", self.terms.line(), self.bound)
    }
}

/// Why nothing can be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsignable {
    /// The name could be mistaken for another part of the text.
    #[error("an approver's name has 1 to 64 characters, none of them | or a control character")]
    BadName,
    /// There is nothing to sign with.
    #[error("the approval key cannot sign")]
    BadKey,
}

/// Refuses an approver's name that could not be signed.
pub fn check_name(by: &str) -> Result<(), Unsignable> {
    let has_bad = by.chars().any(|char| char == '|' || char.is_control());
    if by.is_empty() || by.chars().count() > LONGEST_NAME || has_bad {
        return Err(Unsignable::BadName);
    }
    Ok(())
}

/// Approves exactly `offer` in stage `env`.
pub fn sign(key: &Secret, env: &Env, offer: &Offer, by: &str, at: Timestamp) -> Result<Approval, Unsignable> {
    let mac = keyed(key, env, offer, by, at)?;
    let mac = HEXLOWER.encode(&mac.finalize().into_bytes());
    Ok(Approval { by: by.to_owned(), at, mac })
}

/// Whether `approval` is one of exactly `offer` in stage `env`. Compares in constant time.
pub fn verify(key: &Secret, env: &Env, offer: &Offer, approval: &Approval) -> bool {
    let mac = keyed(key, env, offer, &approval.by, approval.at);
    let given = HEXLOWER.decode(approval.mac.as_bytes());
    mac.ok().zip(given.ok()).is_some_and(|(mac, given)| mac.verify_slice(&given).is_ok())
}

fn keyed(
    key: &Secret,
    env: &Env,
    offer: &Offer,
    by: &str,
    at: Timestamp,
) -> Result<Hmac<Sha256>, Unsignable> {
    let key = key.expose().as_bytes();
    if key.is_empty() {
        return Err(Unsignable::BadKey);
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| Unsignable::BadKey)?;
    mac.update(canonical(env, offer, by, at)?.as_bytes());
    Ok(mac)
}

/// `v1|env|strategy|order_id|symbol|side|kind|quantity|stop_loss|take_profit|bound|expires_at|by|at`.
///
/// One text stands for one offer: names have no `|`, numbers and times have one spelling each, and what is
/// absent is `-`, which is none of them. Account, position and plan are in the order id, a hash of them.
fn canonical(env: &Env, offer: &Offer, by: &str, at: Timestamp) -> Result<String, Unsignable> {
    check_name(by)?;
    let terms = &offer.terms;
    let parts = [
        "v1".to_owned(),
        env.to_string(),
        terms.strategy_id.to_string(),
        terms.order_id.to_string(),
        terms.symbol.to_string(),
        terms.side.as_str().to_owned(),
        kind(terms.kind),
        terms.quantity.to_string(),
        or_dash(terms.stop_loss),
        or_dash(terms.take_profit),
        offer.bound.to_string(),
        offer.expires_at.to_string(),
        by.to_owned(),
        at.to_string(),
    ];
    Ok(parts.join("|"))
}

fn kind(kind: Kind) -> String {
    match kind {
        Kind::Market => "market".to_owned(),
        Kind::Limit { price, time_in_force } => format!("limit {price} {}", time_in_force.as_str()),
        Kind::Stop { stop } => format!("stop {stop}"),
        Kind::StopLimit { stop, limit } => format!("stop_limit {stop} {limit}"),
    }
}

fn or_dash(price: Option<Price>) -> String {
    price.map_or_else(|| "-".to_owned(), |price| price.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;
    use crate::ids::{OrderId, StrategyId, Symbol};
    use crate::market::Side;
    use crate::money::Qty;
    use crate::order::TimeInForce;
    use crate::records::{arb, samples};
    use crate::time::Millis;

    fn key() -> Secret {
        Secret::new("approval-canary".into())
    }
    fn env(text: &str) -> Env {
        Env::parse(text).unwrap()
    }
    fn offer() -> Offer {
        let expires_at = samples::at("2023-03-01T12:15:00Z");
        let bound = samples::price("20000");
        Offer::of(&samples::order(State::AwaitingApproval { expires_at, bound })).unwrap()
    }
    fn noon() -> Timestamp {
        samples::at("2023-03-01T12:00:00Z")
    }

    #[test]
    fn an_approval_signs_exactly_this_text() {
        let text = canonical(&env("dev"), &offer(), "ada", noon()).unwrap();
        assert_eq!(
            text,
            "v1|dev|demo|isxydcmp5m2kbuoqlrsycrpqszax462z|BTC-USDT|buy|limit 20000 GTC|0.00111|19000|22000|\
             20000|2023-03-01T12:15:00Z|ada|2023-03-01T12:00:00Z"
        );
    }

    #[test]
    fn an_offer_in_a_line_says_every_term_that_is_signed() {
        let wanted =
            "buy 0.00111 BTC-USDT limit 20000 GTC, stop 19000, take profit 22000, at most 20000 each";
        assert_eq!(offer().line(), wanted);
    }

    /// Computed with Python's hmac over the text above.
    #[test]
    fn an_approval_has_one_golden_mac() {
        let approval = sign(&key(), &env("dev"), &offer(), "ada", noon()).unwrap();
        assert_eq!(approval.mac, "d4f35d7ec3849f8c6b7cb3d78d3beb1018c016f30dcaf57115c414a36ca96451");
    }

    #[test]
    fn an_approval_is_made_with_the_key_alone() {
        let approval = sign(&key(), &env("dev"), &offer(), "ada", noon()).unwrap();
        assert!(verify(&key(), &env("dev"), &offer(), &approval));
        assert!(!verify(&Secret::new("another".into()), &env("dev"), &offer(), &approval));
        assert!(!verify(&Secret::new(String::new()), &env("dev"), &offer(), &approval));
        let empty = sign(&Secret::new(String::new()), &env("dev"), &offer(), "ada", noon());
        assert_eq!(empty, Err(Unsignable::BadKey));
        let upper = approval.mac.to_uppercase();
        for mac in ["", "0", "zz", "00", &upper, &format!("{}00", approval.mac), approval.mac.split_at(32).0]
        {
            let forged = Approval { mac: mac.to_owned(), ..approval.clone() };
            assert!(!verify(&key(), &env("dev"), &offer(), &forged), "{mac:?}");
        }
    }

    #[test]
    fn an_approvers_name_cannot_pose_as_another_part() {
        let long = "a".repeat(65);
        for by in ["", "ada|2023-03-01T12:00:00Z", "ada\n", &long] {
            assert_eq!(sign(&key(), &env("dev"), &offer(), by, noon()), Err(Unsignable::BadName), "{by:?}");
        }
    }

    #[test]
    fn only_an_order_that_waits_is_an_offer() {
        for (name, order) in samples::orders() {
            assert_eq!(Offer::of(&order).is_some(), name == "awaiting_approval", "{name}");
        }
    }

    /// The smallest step of a number of the same scale.
    fn step(value: Decimal) -> Decimal {
        value + Decimal::new(1, value.scale())
    }
    fn dearer(price: Price) -> Price {
        Price::new(step(price.value())).unwrap()
    }
    fn dearer_or_none(price: Option<Price>) -> Option<Price> {
        price.map(dearer)
    }
    fn later(at: Timestamp) -> Timestamp {
        let next = at + Millis(1);
        if next == at { at - Millis(1) } else { next }
    }
    fn other_kinds(kind: Kind) -> Vec<Kind> {
        match kind {
            Kind::Market => vec![Kind::Limit { price: samples::price("1"), time_in_force: TimeInForce::Gtc }],
            Kind::Limit { price, time_in_force } => {
                let other =
                    if time_in_force == TimeInForce::Ioc { TimeInForce::Fok } else { TimeInForce::Ioc };
                vec![
                    Kind::Market,
                    Kind::Limit { price: dearer(price), time_in_force },
                    Kind::Limit { price, time_in_force: other },
                    Kind::StopLimit { stop: price, limit: price },
                ]
            }
            Kind::Stop { stop } => {
                vec![Kind::Market, Kind::Stop { stop: dearer(stop) }, Kind::StopLimit { stop, limit: stop }]
            }
            Kind::StopLimit { stop, limit } => vec![
                Kind::Market,
                Kind::StopLimit { stop: dearer(stop), limit },
                Kind::StopLimit { stop, limit: dearer(limit) },
            ],
        }
    }

    /// `offer` with one term changed by one step, once for every term that is approved.
    fn changed(offer: &Offer) -> Vec<Offer> {
        let terms = &offer.terms;
        let with = |terms| Offer { terms, ..offer.clone() };
        let mut all = vec![
            Offer { bound: dearer(offer.bound), ..offer.clone() },
            Offer { expires_at: later(offer.expires_at), ..offer.clone() },
            with(Terms { quantity: Qty::new(step(terms.quantity.value())).unwrap(), ..terms.clone() }),
            with(Terms {
                side: if terms.side == Side::Buy { Side::Sell } else { Side::Buy },
                ..terms.clone()
            }),
            with(Terms {
                symbol: Symbol { base: terms.symbol.quote.clone(), quote: samples::asset("OTHERASSET") },
                ..terms.clone()
            }),
            with(Terms { order_id: OrderId::parse("another-order").unwrap(), ..terms.clone() }),
            with(Terms {
                strategy_id: StrategyId::parse(if terms.strategy_id.as_str() == "a" { "b" } else { "a" })
                    .unwrap(),
                ..terms.clone()
            }),
        ];
        let stops = match terms.stop_loss {
            Some(_) => vec![dearer_or_none(terms.stop_loss), None],
            None => vec![Some(offer.bound)],
        };
        let profits = match terms.take_profit {
            Some(_) => vec![dearer_or_none(terms.take_profit), None],
            None => vec![Some(offer.bound)],
        };
        all.extend(stops.into_iter().map(|stop_loss| with(Terms { stop_loss, ..terms.clone() })));
        all.extend(profits.into_iter().map(|take_profit| with(Terms { take_profit, ..terms.clone() })));
        all.extend(other_kinds(terms.kind).into_iter().map(|kind| with(Terms { kind, ..terms.clone() })));
        all
    }

    proptest! {
        #[test]
        fn an_approval_fails_when_any_term_changes_by_one_step(
            terms in arb::terms(), bound in arb::price(), expires_at in arb::time(), at in arb::time(), by in "[^|\\p{C}]{1,64}",
        ) {
            let offer = Offer { terms, bound, expires_at };
            let approval = sign(&key(), &env("dev"), &offer, &by, at).unwrap();
            prop_assert!(verify(&key(), &env("dev"), &offer, &approval));
            for other in changed(&offer) {
                prop_assert!(!verify(&key(), &env("dev"), &other, &approval), "{other:?}");
            }
            prop_assert!(!verify(&key(), &env("live"), &offer, &approval));
            let longer = Approval { by: format!("{by}x").chars().skip(1).chain(['x']).collect(), ..approval.clone() };
            prop_assert!(!verify(&key(), &env("dev"), &offer, &longer));
            let aged = Approval { at: later(at), ..approval };
            prop_assert!(!verify(&key(), &env("dev"), &offer, &aged));
        }
    }
}
