//! Any value of every kind of record, for property tests.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use rust_decimal::Decimal;

use crate::books::{AccountBook, ExitReason, Position, PositionStatus};
use crate::ids::{AccountId, Asset, IncidentId, Leg, OrderId, PositionId, StrategyId, Symbol, VenueId};
use crate::market::Side;
use crate::model::Ask;
use crate::money::{Amount, Notional, Percent, Price, Qty};
use crate::order::{Absence, AtVenue, Ended, Fill, Kind, Order, Origin, Sent, State, Terms, TimeInForce};
use crate::ports::KeyRights;
use crate::records::decision::{Asked, Came, Inputs, NoAnswer, SeenEntry, SeenMarket};
use crate::records::{AccountLedger, DecisionRecord, Difference, Incident, KeyCheck, Shard};
use crate::secret::{KeyPrint, Secret};
use crate::settings::{
    Backend, Crash, CrashAction, Exits, Gate, Limits, PaperBalance, SafetyMode, Settings, Tokens,
};
use crate::signal::Severity;
use crate::state::{
    Alert, Breaker, Episode, ExecDay, ExecMinute, GateName, GateReset, Live, LlmDay, LlmMinute, Phase,
    PnlFrom, StrategyState, Target, WishFor,
};
use crate::status::{Hold, Status};
use crate::time::{Day, Millis, Timestamp};

pub(crate) fn time() -> impl Strategy<Value = Timestamp> {
    (0i64..=253_402_300_799_999).prop_map(Timestamp::from_millis)
}
pub(crate) fn text() -> impl Strategy<Value = String> {
    "\\PC{0,20}"
}
fn filled() -> impl Strategy<Value = String> {
    "\\PC{1,20}"
}
fn decimal() -> impl Strategy<Value = Decimal> {
    (1i64..=i64::MAX, 0u32..=18).prop_map(|(digits, scale)| Decimal::new(digits, scale))
}
pub(crate) fn price() -> impl Strategy<Value = Price> {
    decimal().prop_map(|value| Price::new(value).unwrap())
}
pub(crate) fn qty() -> impl Strategy<Value = Qty> {
    prop_oneof![Just(Qty::ZERO), decimal().prop_map(|value| Qty::new(value).unwrap())]
}
pub(crate) fn notional() -> impl Strategy<Value = Notional> {
    decimal().prop_map(|value| Notional::new(value).unwrap())
}
pub(crate) fn percent() -> impl Strategy<Value = Percent> {
    decimal().prop_map(|value| Percent::new(value).unwrap())
}
pub(crate) fn amount() -> impl Strategy<Value = Amount> {
    (decimal(), any::<bool>())
        .prop_map(|(value, minus)| Amount::new(if minus { -value } else { value }).unwrap())
}
pub(crate) fn strategy_id() -> impl Strategy<Value = StrategyId> {
    "[A-Za-z0-9_-]{1,64}".prop_map(|text| StrategyId::parse(&text).unwrap())
}
pub(crate) fn account_id() -> impl Strategy<Value = AccountId> {
    "[A-Za-z0-9_-]{1,64}".prop_map(|text| AccountId::parse(&text).unwrap())
}
pub(crate) fn asset() -> impl Strategy<Value = Asset> {
    "([A-Z0-9]|[一-龥]){1,8}".prop_map(|text| Asset::parse(&text).unwrap())
}
pub(crate) fn symbol() -> impl Strategy<Value = Symbol> {
    "[A-Z0-9]{1,8}-[A-Z0-9]{1,8}".prop_map(|text| Symbol::parse(&text).unwrap())
}
pub(crate) fn position_id() -> impl Strategy<Value = PositionId> {
    (strategy_id(), any::<u64>()).prop_map(|(strategy, seq)| PositionId { strategy, seq })
}
pub(crate) fn order_id() -> impl Strategy<Value = OrderId> {
    "[a-z2-7]{32}".prop_map(|text| OrderId::parse(&text).unwrap())
}
pub(crate) fn incident_id() -> impl Strategy<Value = IncidentId> {
    "[a-z2-7]{32}".prop_map(|text| IncidentId::parse(&text).unwrap())
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Market),
        (price(), select(&TimeInForce::ALL[..]))
            .prop_map(|(price, time_in_force)| Kind::Limit { price, time_in_force }),
        price().prop_map(|stop| Kind::Stop { stop }),
        (price(), price()).prop_map(|(stop, limit)| Kind::StopLimit { stop, limit }),
    ]
}

fn sent() -> impl Strategy<Value = Sent> {
    (time(), time(), of(price())).prop_map(|(at, fence, limit)| Sent { at, fence, limit })
}

/// What a venue may have said of a live or ended order, as the transition function would hold it.
fn venue_state() -> impl Strategy<Value = State> {
    (filled(), qty(), qty(), time(), of(select(&Ended::ALL[..]))).prop_map(
        |(venue_id, one, other, sent_at, ended)| {
            let (less, more) = (one.min(other), one.max(other));
            let venue = |executed, recorded| AtVenue { venue_id, executed, recorded, sent_at };
            match ended {
                Some(ended) if less == more => State::Done { venue: venue(less, more), ended },
                ended => State::Live { venue: venue(more, less), ended },
            }
        },
    )
}

fn done() -> impl Strategy<Value = State> {
    (filled(), qty(), qty(), time(), select(&Ended::ALL[..])).prop_map(
        |(venue_id, one, other, sent_at, ended)| {
            let (executed, recorded) = (one.min(other), one.max(other));
            State::Done { venue: AtVenue { venue_id, executed, recorded, sent_at }, ended }
        },
    )
}

pub(crate) fn order_state() -> impl Strategy<Value = State> {
    prop_oneof![
        Just(State::Intended),
        Just(State::DryRun),
        (time(), price()).prop_map(|(expires_at, bound)| State::AwaitingApproval { expires_at, bound }),
        sent().prop_map(State::Pending),
        sent().prop_map(State::Unknown),
        venue_state(),
        done(),
        text().prop_map(|code| State::Rejected { code }),
        select(&Absence::ALL[..]).prop_map(|why| State::Absent { why }),
        (filled(), text()).prop_map(|(rule, message)| State::Refused { rule, message }),
    ]
}

pub(crate) fn terms() -> impl Strategy<Value = Terms> {
    let names = (order_id(), position_id(), account_id(), symbol(), filled());
    let what = (
        select(&Leg::ALL[..]),
        any::<u32>(),
        select(&Origin::ALL[..]),
        select(&Side::ALL[..]),
        kind(),
        qty(),
    );
    let prices = (price(), any::<bool>(), of(price()), of(price()));
    let times = (time(), of(time()), time());
    (names, what, prices, times).prop_map(|(names, what, prices, times)| {
        let (order_id, position_id, account, symbol, trace) = names;
        let (leg, plan, origin, side, kind, quantity) = what;
        let (stop, has_stop, take_profit, decided_price) = prices;
        let stop_loss = (has_stop || leg == Leg::Entry).then_some(stop);
        let (decided_at, decision, created_at) = times;
        Terms {
            order_id,
            strategy_id: position_id.strategy.clone(),
            position_id,
            account,
            symbol,
            leg,
            plan,
            origin,
            side,
            kind,
            quantity,
            stop_loss,
            take_profit,
            decided_price,
            decided_at,
            decision,
            created_at,
            trace,
        }
    })
}

pub(crate) fn order() -> impl Strategy<Value = Order> {
    (terms(), order_state()).prop_map(|(terms, state)| Order { terms, state })
}

pub(crate) fn fill() -> impl Strategy<Value = Fill> {
    let names = ("[0-9#]{1,12}", order_id(), position_id(), symbol(), asset());
    (names, select(&Side::ALL[..]), price(), qty(), notional(), amount(), time()).prop_map(
        |((trade_id, order_id, position_id, symbol, fee_asset), side, price, quantity, value, fee, at)| {
            Fill { trade_id, order_id, position_id, symbol, side, price, quantity, value, fee, fee_asset, at }
        },
    )
}

pub(crate) fn position() -> impl Strategy<Value = Position> {
    let names =
        (position_id(), account_id(), symbol(), select(&PositionStatus::ALL[..]), any::<bool>(), time());
    let sums = (qty(), qty(), notional(), qty(), notional(), btree_map(asset(), amount(), 0..3));
    let prices = (of(price()), price(), of(price()), of(qty()));
    let exit = (of(select(&ExitReason::ALL[..])), of(time()));
    let ends = (of(time()), exit, of(time()), of(time()), of(text()));
    let counts = (any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>(), any::<u64>());
    (names, sums, prices, ends, counts).prop_map(|(names, sums, prices, ends, counts)| {
        let (id, account, symbol, status, closed_manually, opened_at) = names;
        let (quantity, bought, cost, sold, proceeds, fees) = sums;
        let (peak, stop, take_profit, residue) = prices;
        let (closing_since, (exit_reason, exit_decision), closed_at, exit_refused_at, trace) = ends;
        let (next_stop, next_exit, stop_failures, exit_failures, version) = counts;
        Position {
            strategy_id: id.strategy.clone(),
            id,
            account,
            symbol,
            status,
            quantity,
            bought,
            cost,
            sold,
            proceeds,
            fees,
            peak,
            stop,
            take_profit,
            opened_at,
            closing_since,
            exit_reason,
            exit_decision,
            closed_at,
            closed_manually,
            residue,
            next_stop,
            next_exit,
            stop_failures,
            exit_failures,
            exit_refused_at,
            trace,
            version,
        }
    })
}

fn alerts() -> impl Strategy<Value = BTreeMap<String, Alert>> {
    let alert = (time(), text(), text()).prop_map(|(since, key, detail)| Alert { since, key, detail });
    btree_map("[a-z-]{1,16}", alert, 0..3)
}

fn episodes() -> impl Strategy<Value = BTreeMap<String, Episode>> {
    let episode = (incident_id(), time(), of(time())).prop_map(|(incident_id, since, paged_at)| Episode {
        incident_id,
        since,
        paged_at,
    });
    btree_map("[a-z-]{1,16}", episode, 0..3)
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        position_id().prop_map(Target::Close),
        (position_id(), order_id()).prop_map(|(position, order_id)| Target::Cancel { position, order_id }),
    ]
}

fn live() -> impl Strategy<Value = BTreeMap<String, Live>> {
    let wish = (any::<u64>(), target(), select(&Origin::ALL[..]), time(), of(time())).prop_map(|parts| {
        let (seq, target, origin, at, decision) = parts;
        (crate::records::state::wish_key(seq), Live::Wish(WishFor { target, origin, at, decision }))
    });
    let order = (order_id(), position_id(), select(&Leg::ALL[..]))
        .prop_map(|(id, position, leg)| (id.to_string(), Live::Order { position, leg }));
    let position = position_id().prop_map(|id| (id.to_string(), Live::Position));
    vec(prop_oneof![wish, order, position], 0..5).prop_map(|entries| entries.into_iter().collect())
}

fn day() -> impl Strategy<Value = Day> {
    time().prop_map(Timestamp::day)
}

fn exec_minute() -> impl Strategy<Value = ExecMinute> {
    (0..=i64::MAX, any::<u32>(), any::<u32>(), any::<u32>()).prop_map(
        |(minute, risk_rejections, backend_errors, order_failures)| ExecMinute {
            minute,
            risk_rejections,
            backend_errors,
            order_failures,
        },
    )
}

fn llm_minute() -> impl Strategy<Value = LlmMinute> {
    (0..=i64::MAX, any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>()).prop_map(
        |(minute, calls, refusals, throttled, tokens)| LlmMinute {
            minute,
            calls,
            refusals,
            throttled,
            tokens,
        },
    )
}

pub(crate) fn strategy_state() -> impl Strategy<Value = StrategyState> {
    let status = select(&Status::ALL[..]);
    let head = (strategy_id(), status.clone(), of(status), of(time()), of(text()), of(time()), of(text()));
    let beats = (time(), time(), time(), of(time()));
    let maps = (btree_map(select(&Hold::ALL[..]), time(), 0..4), live(), alerts(), episodes());
    let sums = (amount(), amount());
    let exec_day = (day(), any::<u32>(), any::<u32>(), sums, proptest::option::of(any::<u32>())).prop_map(
        |(day, orders, cancels, (realised, fees), most_orders)| ExecDay {
            day,
            orders,
            cancels,
            realised,
            fees,
            most_orders,
        },
    );
    let llm_day = (day(), any::<u32>(), notional()).prop_map(|(day, calls, usd)| LlmDay { day, calls, usd });
    let counts = (any::<u64>(), any::<u64>(), any::<u32>(), exec_day, llm_day, breaker());
    let gate_reset = of((of(select(&GateName::ALL[..])), filled(), time())
        .prop_map(|(gate, by, at)| GateReset { gate, by, at }));
    let recent = (gate_reset, vec(exec_minute(), 0..5), vec(llm_minute(), 0..5));
    (head, beats, maps, counts, recent).prop_map(|(head, beats, maps, counts, recent)| {
        let (strategy_id, status, status_ack, status_ack_at, halt_reason, due_at, due_what) = head;
        let (last_heartbeat, last_decided_at, last_executed_at, last_reconciled_at) = beats;
        let (holds, live, alerts, episodes) = maps;
        let (intent_seq, send_seq, bad_cycles, exec_day, llm_day, breaker) = counts;
        let (gate_reset, recent_exec, recent_llm) = recent;
        StrategyState {
            strategy_id,
            status,
            status_ack,
            status_ack_at,
            halt_reason,
            holds,
            last_heartbeat,
            last_decided_at,
            last_executed_at,
            last_reconciled_at,
            live,
            due_at,
            due_what,
            alerts,
            episodes,
            intent_seq,
            send_seq,
            exec_day,
            llm_day,
            recent_exec,
            recent_llm,
            bad_cycles,
            breaker,
            gate_reset,
        }
    })
}

fn breaker() -> impl Strategy<Value = Breaker> {
    let phase = prop_oneof![
        Just(Phase::Closed),
        time().prop_map(|since| Phase::Open { since }),
        of(order_id()).prop_map(|trial| Phase::HalfOpen { trial }),
    ];
    let pnl_from = of((day(), amount()).prop_map(|(day, result)| PnlFrom { day, result }));
    (any::<u32>(), phase, vec(time(), 0..3), of(time()), pnl_from, of(time()), any::<u32>()).prop_map(
        |(rejections, phase, opens, reset_at, pnl_from, banned_until, missing_stops)| Breaker {
            missing_stops,
            rejections,
            phase,
            opens,
            reset_at,
            pnl_from,
            banned_until,
        },
    )
}

fn key_check() -> impl Strategy<Value = KeyCheck> {
    let rights = any::<[bool; 4]>().prop_map(|[trade, withdraw, transfer, address_bound]| KeyRights {
        trade,
        withdraw,
        transfer,
        address_bound,
    });
    let print = of("[a-z]{4}".prop_map(|key| KeyPrint::of(&Secret::new(key))));
    (time(), of(rights), print).prop_map(|(at, rights, print)| KeyCheck { at, rights, print })
}

fn amounts() -> impl Strategy<Value = BTreeMap<Asset, Amount>> {
    btree_map(asset(), amount(), 0..4)
}

pub(crate) fn account_ledger() -> impl Strategy<Value = AccountLedger> {
    let book = (amounts(), amounts(), amounts()).prop_map(|(opening, fills, external)| AccountBook {
        opening,
        fills,
        external,
    });
    let difference = (time(), amount()).prop_map(|(since, amount)| Difference { since, amount });
    let maps = (btree_map("[A-Z]{1,5}-[A-Z]{1,5}", "[0-9]{1,9}", 0..3), btree_map(asset(), difference, 0..3));
    (account_id(), book, maps, alerts(), episodes(), of(key_check())).prop_map(
        |(account, book, (cursors, differences), alerts, episodes, key_check)| AccountLedger {
            account,
            book,
            cursors,
            differences,
            alerts,
            episodes,
            key_check,
        },
    )
}

fn span() -> impl Strategy<Value = Millis> {
    (1..=i64::MAX).prop_map(Millis)
}

pub(crate) fn settings() -> impl Strategy<Value = Settings> {
    let balance = of((1u32..=1_000_000, asset()).prop_map(|(cents, asset)| PaperBalance {
        amount: Amount::new(Decimal::new(cents.into(), 2)).unwrap(),
        asset,
    }));
    let names =
        (strategy_id(), account_id(), "[a-z]{1,9}", select(&Backend::ALL[..]), any::<bool>(), balance);
    let tokens =
        (Tokens::LEAST..=Tokens::MOST).prop_map(|tokens| Tokens::new(tokens).unwrap_or(Tokens::USUAL));
    let what = (vec(symbol(), 0..3), 1i64..10_000, filled(), vec(filled(), 0..3), (notional(), tokens));
    let how = (select(&SafetyMode::ALL[..]), (0..=i64::MAX).prop_map(Millis), notional(), span());
    let limits =
        (notional(), any::<u32>(), any::<u32>(), qty(), vec(symbol(), 0..3), any::<u32>(), percent(), span());
    let gate = (any::<u32>(), (0..=i64::MAX).prop_map(Millis))
        .prop_map(|(threshold, cooldown)| Gate { threshold, cooldown });
    let exits = (percent(), of(percent()), of(percent()), span(), span());
    let crash = (percent(), span(), select(&CrashAction::ALL[..])).prop_map(|(fall, window, action)| Crash {
        fall,
        window,
        action,
    });
    (names, what, how, limits, (gate, exits, crash)).prop_map(|(names, what, how, limits, rest)| {
        let (strategy_id, account, venue, backend, testnet, paper_balance) = names;
        let (symbols, minutes, model, model_fallbacks, (llm_usd_per_day, llm_tokens)) = what;
        let (safety_mode, order_cooldown, pnl_gate, approval_expiry) = how;
        let (gate, exits, crash) = rest;
        Settings {
            strategy_id,
            account,
            venue: VenueId::parse(&venue).unwrap(),
            backend,
            testnet,
            paper_balance,
            symbols,
            decide_every: Millis::from_minutes(minutes),
            model,
            model_fallbacks,
            context_top_k: 0,
            ask_when_moved: None,
            llm_usd_per_day,
            llm_tokens,
            llm_answer_tokens: (llm_tokens.get() % 2 == 0).then_some(llm_tokens.get()),
            safety_mode,
            order_cooldown,
            limits: Limits {
                max_order_notional: limits.0,
                max_daily_orders: limits.1,
                max_daily_cancels: limits.2,
                max_position_abs: limits.3,
                allowed_symbols: limits.4,
                max_opens_per_hour: limits.5,
                max_price_drift: limits.6,
                max_decision_age: limits.7,
            },
            gate,
            pnl_gate,
            exits: Exits {
                max_stop_distance: exits.0,
                take_profit: exits.1,
                trailing: exits.2,
                exit_limit: exits.3,
                entry_timeout: exits.4,
            },
            crash,
            approval_expiry,
        }
    })
}

pub(crate) fn shard() -> impl Strategy<Value = Shard> {
    (any::<u32>(), btree_set(strategy_id(), 0..4))
        .prop_map(|(shard, strategies)| Shard { shard, strategies: strategies.into_iter().collect() })
}

fn asked() -> impl Strategy<Value = Asked> {
    let came = prop_oneof![
        (any::<u32>(), any::<u32>(), of(select(&Ask::ALL[..])), of(filled()))
            .prop_map(|(bytes, kept, ask, other)| Came::Answer { bytes, kept, ask, other }),
        (select(&NoAnswer::ALL[..]), text()).prop_map(|(why, text)| Came::Nothing { why, text }),
    ];
    (filled(), came).prop_map(|(model, came)| Asked { model, came })
}

fn inputs() -> impl Strategy<Value = Inputs> {
    let market = (price(), price(), time(), of(time()));
    let market = market.prop_map(|(bid, ask, at, candle)| SeenMarket { bid, ask, at, candle });
    let entry = (symbol(), position_id()).prop_map(|(symbol, position)| SeenEntry { symbol, position });
    let books = (btree_map(symbol(), position_id(), 0..3), btree_map(order_id(), entry, 0..3));
    let rest = (time(), any::<u64>(), any::<bool>(), btree_map(symbol(), market, 0..3));
    (rest, books).prop_map(|((at, seq, has_room, markets), (positions, entries))| Inputs {
        at,
        seq,
        has_room,
        markets,
        positions,
        entries,
    })
}

pub(crate) fn decision() -> impl Strategy<Value = DecisionRecord> {
    let names = (strategy_id(), time(), account_id(), filled(), filled(), filled());
    let bytes = (vec(any::<u8>(), 0..20), vec(any::<u8>(), 0..20));
    let cost = (any::<u32>(), any::<u32>(), notional(), of(price()));
    let expires = of(any::<u32>().prop_map(|secs| Timestamp::from_millis(i64::from(secs) * 1000)));
    let end = (of(filled()), of(text()), of(order_id()), of(position_id()), expires);
    let view = (vec(asked(), 0..3), of(inputs()));
    (names, bytes, cost, end, view).prop_map(|(names, (prompt, reply), cost, end, (asked, inputs))| {
        let (strategy_id, decided_at, account, model, prompt_hash, trace) = names;
        let (tokens_in, tokens_out, usd, market_price) = cost;
        let (outcome, reason, order_id, position_id, expires_at) = end;
        DecisionRecord {
            strategy_id,
            decided_at,
            account,
            model,
            prompt,
            reply,
            asked,
            prompt_hash,
            tokens_in,
            tokens_out,
            usd,
            market_price,
            outcome,
            reason,
            order_id,
            position_id,
            seen: None,
            inputs,
            limits: None,
            trace,
            expires_at,
        }
    })
}

pub(crate) fn incident() -> impl Strategy<Value = Incident> {
    let what = (incident_id(), filled(), select(&Severity::ALL[..]), of(strategy_id()), text(), text());
    let times = (time(), time(), of(time()), of(time()), of(time()), of(time()), of(time()));
    (what, times).prop_map(|(what, times)| {
        let (incident_id, kind, severity, strategy_id, subject, detail) = what;
        Incident {
            incident_id,
            kind,
            severity,
            strategy_id,
            subject,
            since: times.0,
            detail,
            opened_at: times.1,
            claimed_at: times.2,
            published_at: times.3,
            reminded_at: times.4,
            resolved_at: times.5,
            recovery_published_at: times.6,
        }
    })
}
