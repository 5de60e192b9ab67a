//! The scenarios: each is about one thing that can happen to an order or to those who watch it.

use rust_decimal::Decimal;
use shared::market::Side;
use shared::money::{Notional, Percent};
use shared::settings::SafetyMode;
use shared::status::Status;
use shared::tables::Function;
use shared::time::Millis;
use sim::exchange::{Repeats, ThirdAssetFee};

use super::scenario::{Act, Answer, Scenario, bids, buys};

/// Every scenario.
pub fn all() -> Vec<Scenario> {
    let mut all = entries();
    all.extend(exits());
    all.extend(money());
    all.extend(minds());
    all.extend(approvals());
    all.extend(authority());
    all.extend(meetings());
    all.extend(repeated_ids());
    all
}

/// The scenario of this name.
pub fn named(name: &str) -> Option<Scenario> {
    all().into_iter().find(|scenario| scenario.name == name)
}

type Row = ([i64; 4], &'static str);

const FLAT: Row = at(20_000);

/// A minute in which the price stands.
const fn at(price: i64) -> Row {
    ([price, price, price, price], "100")
}

fn entries() -> Vec<Scenario> {
    vec![
        Scenario {
            answers: vec![(0, buys("0.01"))],
            reaches: vec!["entry filled", "stop open", "position open"],
            core: true,
            ..Scenario::new("entry_market", "a market entry fills and its stop is placed")
        },
        Scenario {
            answers: vec![(0, bids("0.01", "19900"))],
            rows: vec![FLAT, FLAT, ([20_000, 20_000, 19_850, 19_950], "100")],
            reaches: vec!["entry filled", "stop open", "position open"],
            core: true,
            ..Scenario::new("entry_limit", "a limit entry rests, fills at the venue, and its stop is placed")
        },
        Scenario {
            answers: vec![(0, bids("0.01", "19900"))],
            rows: vec![
                FLAT,
                ([20_000, 20_000, 19_850, 19_950], "0.04"),
                FLAT,
                ([20_000, 20_000, 19_850, 19_950], "100"),
            ],
            minutes: 5,
            reaches: vec!["entry filled", "stop cancelled", "stop open", "position open"],
            core: true,
            ..Scenario::new("entry_partial", "an entry fills in two parts, and its stop grows with it")
        },
        Scenario {
            answers: vec![(0, bids("0.01", "19500")), (1, Answer::Cancel)],
            reaches: vec!["entry cancelled"],
            ..Scenario::new("entry_cancelled", "the model takes back an entry that rests")
        },
        Scenario {
            answers: vec![(0, bids("0.01", "19500"))],
            settings: |settings| settings.exits.entry_timeout = Millis::from_minutes(2),
            reaches: vec!["entry cancelled"],
            ..Scenario::new("entry_times_out", "an entry rests for too long and is cancelled")
        },
        Scenario {
            answers: vec![(0, buys("0.045"))],
            reaches: vec!["entry refused"],
            minutes: 3,
            ..Scenario::new("entry_over_limit", "the model wants more than its limits, and is refused")
        },
        Scenario {
            // Either is within the cap and both are not; the account could pay for both.
            answers: vec![(0, bids("0.022", "19900")), (1, bids("0.022", "19900"))],
            reaches: vec!["entry open", "entry refused"],
            ..Scenario::new("second_entry", "the model wants a second entry while its first one rests")
        },
    ]
}

fn exits() -> Vec<Scenario> {
    vec![
        Scenario {
            answers: vec![(0, buys("0.01"))],
            rows: vec![FLAT, FLAT, ([20_000, 20_000, 18_950, 18_960], "100")],
            reaches: vec!["entry filled", "stop filled", "position closed"],
            core: true,
            ..Scenario::new("stop_triggers", "the market falls through the stop, which fills at the venue")
        },
        Scenario {
            answers: vec![(0, buys("0.01"))],
            rows: vec![FLAT, FLAT, ([15_500, 15_500, 15_400, 15_450], "100"), at(15_450)],
            reaches: vec!["entry filled", "stop filled", "position closed"],
            ..Scenario::new("stop_far_below", "the market gaps far below the stop, which sells at the market")
        },
        Scenario {
            answers: vec![(0, buys("0.01"))],
            rows: vec![FLAT, FLAT, ([17_500, 17_500, 17_400, 17_450], "100"), at(17_450)],
            exchange: without_market_stops,
            reaches: vec!["entry filled", "exit filled", "position closed"],
            ..Scenario::new(
                "stop_gapped",
                "the market gaps below the stop's limit, and the position is exited",
            )
        },
        Scenario {
            answers: vec![(
                0,
                Answer::Open { quantity: "0.01", limit: None, stop: "19000", profit: Some("20500") },
            )],
            rows: vec![FLAT, FLAT, at(20_600)],
            reaches: vec!["entry filled", "stop cancelled", "exit filled", "position closed"],
            ..Scenario::new("take_profit", "the price reaches the profit, and the position is sold")
        },
        Scenario {
            answers: vec![(0, buys("0.01"))],
            rows: vec![FLAT, at(20_500), at(20_500), at(20_000)],
            settings: |settings| {
                settings.exits.trailing = Some(Percent::parse("2").unwrap());
                // Its model is shown notes.
                settings.context_top_k = 3;
            },
            reaches: vec!["entry filled", "stop cancelled", "exit filled", "position closed"],
            ..Scenario::new("trailing", "the price falls from its peak, and the position is sold")
        },
        Scenario {
            answers: vec![(0, buys("0.01")), (1, Answer::Close)],
            reaches: vec!["entry filled", "stop cancelled", "exit filled", "position closed"],
            core: true,
            ..Scenario::new("model_closes", "the model closes: the stop is cancelled, then all is sold")
        },
        Scenario {
            answers: vec![(0, buys("0.01"))],
            acts: vec![(1, 30, Act::WishClose)],
            reaches: vec!["entry filled", "stop cancelled", "exit filled", "position closed"],
            ..Scenario::new("person_closes", "a person wishes the position closed")
        },
        Scenario {
            answers: vec![(0, buys("0.01"))],
            acts: vec![(1, 30, Act::CloseByHand)],
            reaches: vec!["entry filled", "stop cancelled", "position closed"],
            ..Scenario::new(
                "closed_by_hand",
                "a person closes the position in the tables, as the runbook does",
            )
        },
    ]
}

/// Fees in the third asset, as long as there is some.
fn bnb(config: &mut sim::exchange::ExchangeConfig, balance: &str) {
    config.fees.third_asset = Some(ThirdAssetFee {
        asset: "BNB".to_owned(),
        price: Decimal::from(300),
        discount: Decimal::new(75, 2),
        enabled: true,
    });
    config.balances.insert("BNB".to_owned(), balance.parse().unwrap());
}

fn money() -> Vec<Scenario> {
    vec![
        Scenario {
            answers: vec![(0, bids("0.01", "19900")), (1, Answer::Cancel)],
            rows: vec![FLAT, ([20_000, 20_000, 19_850, 19_950], "0.001"), FLAT],
            reaches: vec!["entry cancelled", "position closed"],
            ..Scenario::new("dust", "an entry fills by less than can be sold, and closes with its residue")
        },
        Scenario {
            answers: vec![(0, buys("0.01")), (1, Answer::Close)],
            exchange: |config| bnb(config, "1"),
            reaches: vec!["entry filled", "exit filled", "position closed"],
            ..Scenario::new("fees_bnb", "fees are paid in a third asset")
        },
        Scenario {
            answers: vec![(0, buys("0.01")), (1, Answer::Close)],
            exchange: |config| bnb(config, "0.0006"),
            reaches: vec!["entry filled", "exit filled", "position closed"],
            ..Scenario::new("fees_mixed", "the third asset runs out, and the sale pays its fee in quote")
        },
        Scenario {
            answers: vec![(0, buys("0.01")), (1, Answer::Close), (2, buys("0.01"))],
            settings: |settings| settings.limits.max_daily_orders = 3,
            starts: 1_437,
            minutes: 8,
            reaches: vec!["entry filled", "exit filled", "position closed", "stop open"],
            ..Scenario::new(
                "day_rollover",
                "the day ends between entry and exit, and its counters begin anew",
            )
        },
    ]
}

/// Refusals in a row open the gate after two.
fn strict_gate(settings: &mut shared::settings::Settings) {
    settings.gate.threshold = 2;
}

/// Two of these answers are worth 0.0116 dollars.
fn poor(settings: &mut shared::settings::Settings) {
    settings.llm_usd_per_day = Notional::parse("0.013").unwrap();
}

fn minds() -> Vec<Scenario> {
    vec![
        Scenario {
            answers: vec![(0, buys("0.045")), (1, buys("0.045")), (2, buys("0.01")), (3, buys("0.045"))],
            settings: strict_gate,
            minutes: 11,
            reaches: vec!["entry refused", "entry filled", "stop open", "paged gate-open"],
            ..Scenario::new("gate_opens", "refusals in a row open the gate, and a trial closes it")
        },
        Scenario {
            answers: vec![(0, Answer::CutOff), (1, Answer::Refuses), (2, Answer::Strange), (3, buys("0.01"))],
            minutes: 11,
            reaches: vec![
                "decision abstain:truncated",
                "decision abstain:refused",
                "decision abstain:malformed",
                "paged bad-cycles",
            ],
            ..Scenario::new("bad_answers", "three answers in a row cannot be used, and nothing is opened")
        },
        Scenario {
            answers: vec![(0, Answer::Garbled), (2, buys("0.01"))],
            minutes: 8,
            reaches: vec!["decision abstain:malformed", "entry filled", "stop open"],
            ..Scenario::new("bad_answer", "one answer cannot be read, and the next one is acted on")
        },
        Scenario {
            answers: vec![(0, buys("0.01"))],
            settings: poor,
            tokens_out: 1_000,
            minutes: 8,
            reaches: vec!["decision open", "decision hold", "decision abstain:over_budget", "stop open"],
            ..Scenario::new("llm_budget", "the day's dollars are spent, and the model is not asked")
        },
    ]
}

/// A symbol that takes stops with a limit alone.
fn without_market_stops(config: &mut sim::exchange::ExchangeConfig) {
    config.order_types.retain(|one| *one != sim::exchange::OrderKind::StopLoss);
}

/// Its key may withdraw.
fn withdraws(config: &mut sim::exchange::ExchangeConfig) {
    config.keys.iter_mut().for_each(|key| key.can_withdraw = true);
}

/// Real money, where what a key may do must be known.
fn real_money(settings: &mut shared::settings::Settings) {
    settings.testnet = false;
}

fn two_phase(settings: &mut shared::settings::Settings) {
    settings.safety_mode = SafetyMode::TwoPhase;
}

fn approvals() -> Vec<Scenario> {
    vec![
        Scenario {
            answers: vec![(0, buys("0.01"))],
            settings: two_phase,
            acts: vec![(0, 30, Act::Approve)],
            reaches: vec!["entry filled", "stop open"],
            core: true,
            ..Scenario::new("approved", "a person approves what waits, and it is sent once")
        },
        Scenario {
            answers: vec![(0, buys("0.01"))],
            settings: |settings| {
                two_phase(settings);
                settings.approval_expiry = Millis::from_minutes(5);
            },
            acts: vec![(0, 30, Act::Forge)],
            reaches: vec!["entry refused"],
            minutes: 3,
            ..Scenario::new("forged", "somebody leaves on an offer what is no approval")
        },
        Scenario {
            answers: vec![(0, buys("0.01"))],
            settings: |settings| {
                two_phase(settings);
                settings.approval_expiry = Millis::from_minutes(2);
            },
            acts: vec![(3, 30, Act::Approve)],
            reaches: vec!["entry refused"],
            ..Scenario::new("approval_expires", "nobody approves in time")
        },
        Scenario {
            answers: vec![(0, buys("0.01"))],
            settings: |settings| settings.safety_mode = SafetyMode::DryRun,
            reaches: vec!["entry dry_run"],
            minutes: 3,
            ..Scenario::new("dry_run", "a dry run reaches no endpoint that changes anything")
        },
    ]
}

fn authority() -> Vec<Scenario> {
    vec![
        Scenario {
            answers: vec![(0, buys("0.01"))],
            acts: vec![(0, 3, Act::SetStatus(Status::Reducing))],
            reaches: vec!["entry refused"],
            minutes: 3,
            ..Scenario::new("status_lowered", "a person lowers the status between intent and send")
        },
        Scenario {
            answers: vec![(0, buys("0.01"))],
            acts: vec![(0, 30, Act::SetStatus(Status::Halted))],
            reaches: vec!["entry filled", "stop open"],
            minutes: 3,
            ..Scenario::new("halted_after", "a person halts the strategy once its entry is sent")
        },
        Scenario {
            answers: vec![(0, buys("0.01"))],
            rows: vec![FLAT, FLAT, FLAT, ([17_500, 17_500, 17_400, 17_450], "100"), at(17_450)],
            exchange: without_market_stops,
            acts: vec![(1, 30, Act::SetStatus(Status::Halted))],
            minutes: 5,
            reaches: vec!["entry filled", "exit filled", "position closed"],
            ..Scenario::new("halted_holding", "a halted strategy still exits by its rules")
        },
        Scenario {
            answers: vec![(0, bids("0.01", "19500"))],
            acts: vec![(1, 30, Act::SetStatus(Status::Stopped))],
            reaches: vec!["entry cancelled"],
            ..Scenario::new("stopped_resting", "a stopped strategy takes its entry back")
        },
        Scenario {
            answers: vec![(0, buys("0.01"))],
            settings: real_money,
            reaches: vec!["entry filled", "stop open"],
            minutes: 3,
            ..Scenario::new("real_key", "real money: no entry before it is known what the key may do")
        },
        Scenario {
            answers: vec![(0, buys("0.01"))],
            settings: real_money,
            exchange: withdraws,
            reaches: vec!["entry refused", "paged status-lowered"],
            minutes: 4,
            ..Scenario::new("wide_key", "a key that may withdraw is refused, and its strategy is halted")
        },
    ]
}

/// One order is left today.
fn almost_spent(state: &mut shared::state::StrategyState) {
    state.exec_day.orders = 99;
}

fn meetings() -> Vec<Scenario> {
    vec![
        Scenario {
            answers: vec![(0, buys("0.01"))],
            asleep: vec![(Function::Execute, 0, 1)],
            acts: vec![(0, 4, Act::Both(Function::Execute))],
            state: almost_spent,
            reaches: vec!["entry filled", "stop open"],
            minutes: 2,
            ..Scenario::new("two_executors", "two executors meet at 99 of 100 orders")
        },
        Scenario {
            answers: vec![(1, Answer::Close), (0, buys("0.01"))],
            asleep: vec![(Function::Execute, 3, 4)],
            acts: vec![(3, 4, Act::Both(Function::Execute))],
            starts: 1_437,
            reaches: vec!["entry filled", "exit filled", "position closed"],
            ..Scenario::new("two_executors_exit", "two executors meet at an exit around midnight")
        },
        Scenario {
            answers: vec![(0, buys("0.01"))],
            asleep: vec![(Function::Decide, 0, 1)],
            acts: vec![(0, 1, Act::Both(Function::Decide))],
            reaches: vec!["entry filled", "stop open"],
            minutes: 2,
            ..Scenario::new("two_deciders", "two invocations of one event decide once")
        },
        Scenario {
            answers: vec![(0, buys("0.01"))],
            poisoned: true,
            minutes: 5,
            reaches: vec!["entry filled", "stop open"],
            pages: vec!["heartbeat-stale"],
            ..Scenario::new("poisoned", "a strategy with damaged settings beside one that trades")
        },
        Scenario {
            asleep: vec![(Function::Decide, 1, 6), (Function::Execute, 1, 6), (Function::Heartbeat, 3, 4)],
            acts: vec![
                (3, 12, Act::Both(Function::Heartbeat)),
                (4, 13, Act::Again(Function::Heartbeat)),
                (7, 13, Act::Again(Function::Heartbeat)),
            ],
            minutes: 9,
            pages: vec!["heartbeat-stale"],
            ..Scenario::new("stale", "the beat stops and comes back, and heartbeat's events come twice")
        },
        Scenario {
            answers: vec![(0, buys("0.01"))],
            acts: vec![(1, 30, Act::TradeByHand(Side::Buy, "0.001"))],
            minutes: 9,
            reaches: vec!["entry filled", "stop open"],
            ..Scenario::new("trade_by_hand", "the account's owner trades beside the strategy")
        },
        Scenario {
            answers: vec![(0, buys("0.01")), (1, Answer::Close)],
            exchange: |config| config.read_lag = Millis::from_secs(9),
            manners: true,
            reaches: vec!["entry filled", "stop cancelled", "exit filled", "position closed"],
            ..Scenario::new("read_lag", "the exchange does not see fresh orders at once")
        },
        Scenario {
            answers: vec![(0, buys("0.01"))],
            acts: vec![(0, 5, Act::Again(Function::Execute)), (0, 2, Act::Again(Function::Decide))],
            reaches: vec!["entry filled", "stop open"],
            minutes: 3,
            ..Scenario::new("events_twice", "every event comes twice")
        },
    ]
}

fn repeated(
    name: &'static str,
    about: &'static str,
    exchange: fn(&mut sim::exchange::ExchangeConfig),
) -> Scenario {
    Scenario {
        answers: vec![(0, buys("0.01")), (1, Answer::Close)],
        exchange,
        manners: true,
        reaches: vec!["entry filled", "stop cancelled", "exit filled", "position closed"],
        minutes: 5,
        ..Scenario::new(name, about)
    }
}

/// The fourth, Binance's, is that of every other scenario.
fn repeated_ids() -> Vec<Scenario> {
    vec![
        repeated("ids_accepted", "an exchange that takes a client id again", |config| {
            config.repeats = Repeats::Accepted;
        }),
        repeated("ids_answered", "an exchange that answers a client id with its order", |config| {
            config.repeats = Repeats::Answered;
        }),
        repeated("ids_refused", "an exchange that refuses a client id for ever", |config| {
            config.repeats = Repeats::RefusedForEver;
        }),
    ]
}
