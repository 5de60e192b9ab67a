//! Outcomes made up for the tests of the views and for `examples/sample_report.rs`: the same each time.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use shared::time::{Millis, Timestamp};

use super::outcome::{
    Bar, Decision, EquityPoint, FillRow, ModelUse, OrderRow, Outcome, PageRow, PositionRow, Run, TableUse,
};

/// 2023-03-01T00:00:00Z.
const FROM: i64 = 1_677_628_800_000;
/// Minutes between decisions.
const EVERY: i64 = 25;

/// A run in which nothing happened: every list is empty.
pub(super) fn idle() -> Outcome {
    let from = Timestamp::from_millis(FROM);
    Outcome {
        run: Run {
            days: 1,
            seed: 7,
            strategy: "demo".to_owned(),
            symbol: "BTC-USDT".to_owned(),
            quote: "USDT".to_owned(),
            model: "momentum".to_owned(),
            faults: "none".to_owned(),
            safety_mode: "Direct".to_owned(),
            approve: "none".to_owned(),
            from,
            to: from + Millis::from_minutes(24 * 60),
            equity_at_start: Decimal::from(10_000),
            notes: Vec::new(),
        },
        ticks: 0,
        decisions: Vec::new(),
        model: ModelUse::default(),
        orders: Vec::new(),
        fills: Vec::new(),
        positions: Vec::new(),
        equity: Vec::new(),
        bars: Vec::new(),
        pages: Vec::new(),
        pnl: Decimal::ZERO,
        buy_and_hold: Decimal::ZERO,
        fees: BTreeMap::new(),
        fees_in_quote: Decimal::ZERO,
        differences: Vec::new(),
        violations: Vec::new(),
        ddb: TableUse::default(),
        faults: BTreeMap::new(),
    }
}

/// So many days of trading with a bit of everything.
pub(super) fn rich(days: u32) -> Outcome {
    let mut world = World::new(days);
    for step in 0..i64::from(days) * 24 * 60 / 5 {
        world.five_minutes(step * 5);
    }
    world.finish()
}

/// A short run whose every text tries to be something else, with differences and violations.
pub(super) fn hostile() -> Outcome {
    let mut outcome = rich(1);
    let evil = "<script>alert(\"1\")</script><img src=http://evil.example/x onerror='boom()'> & \u{202e}gnp";
    outcome.run.strategy = format!("demo{evil}");
    outcome.run.model = "\u{1b}[31mred".to_owned();
    outcome.run.notes = vec![evil.to_owned(), "]]></style><script>".to_owned()];
    let many = "wörd 漢字 🦀 ".repeat(2_000);
    let texts = [evil.to_owned(), many, "x".repeat(5_000), String::new()];
    for (decision, text) in outcome.decisions.iter_mut().zip(texts.iter().cycle()) {
        decision.reason = text.clone();
        decision.about = Some(evil.to_owned());
    }
    for order in &mut outcome.orders {
        order.why = evil.to_owned();
        order.kind = evil.to_owned();
    }
    if let Some(fill) = outcome.fills.first_mut() {
        fill.order_id = format!("\"'>{evil}");
    }
    outcome.pages.push(PageRow {
        at: outcome.run.from,
        topic: "alerts".to_owned(),
        subject: evil.to_owned(),
        body: format!("https://evil.example/\n{evil}"),
    });
    outcome.fees.insert("<b>BNB</b>".to_owned(), Decimal::new(12, 3));
    outcome.differences =
        vec![evil.to_owned(), "balance BTC: books 0.10, venue 0.11\u{1b}[2J\nnext line".to_owned()];
    outcome.violations = vec![format!("two orders for one intent {evil}")];
    outcome
}

/// A position that is held.
struct Held {
    id: String,
    stop_id: String,
    quantity: Decimal,
    entry: Decimal,
    stop: Decimal,
    opened_at: Timestamp,
}

/// The little market and account behind a sample.
struct World {
    outcome: Outcome,
    random: u64,
    price: Decimal,
    first: Decimal,
    cash: Decimal,
    held: Option<Held>,
    hour: Vec<Decimal>,
}

impl World {
    fn new(days: u32) -> World {
        let mut outcome = idle();
        outcome.run.days = days;
        outcome.run.to = outcome.run.from + Millis::from_minutes(i64::from(days) * 24 * 60);
        outcome.run.faults = "10 %".to_owned();
        outcome.run.notes = vec![
            "limits.max_order_notional = 5000 (from the strategy)".to_owned(),
            "pnl_gate = on".to_owned(),
        ];
        let first = Decimal::from(23_140);
        World {
            outcome,
            random: 42,
            price: first,
            first,
            cash: Decimal::from(10_000),
            held: None,
            hour: Vec::new(),
        }
    }

    fn below(&mut self, bound: i64) -> i64 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.random >> 33).unwrap_or_default() % bound
    }

    fn five_minutes(&mut self, minute: i64) {
        let at = self.outcome.run.from + Millis::from_minutes(minute);
        self.outcome.ticks += 5;
        let step = self.below(6_201) - 3_080 + (minute / 1_000 % 5 - 2) * 350;
        self.price = (self.price + Decimal::new(step, 2)).max(Decimal::from(9_000));
        self.hour.push(self.price);
        if self.held.as_ref().is_some_and(|held| self.price <= held.stop) {
            self.stopped(at);
        }
        if minute % EVERY == 0 {
            self.decide(at);
        }
        if minute % 60 == 55 {
            self.mark(at);
        }
    }

    fn mark(&mut self, at: Timestamp) {
        let start = at - Millis::from_minutes(55);
        let hour = std::mem::take(&mut self.hour);
        let edge = |pick: Option<&Decimal>| pick.copied().unwrap_or(self.price);
        self.outcome.bars.push(Bar {
            at: start,
            open: edge(hour.first()),
            high: edge(hour.iter().max()) + Decimal::from(9),
            low: edge(hour.iter().min()) - Decimal::from(11),
            close: self.price,
        });
        let buy_and_hold = Decimal::from(10_000) / self.first * self.price;
        self.outcome.equity.push(EquityPoint { at, equity: self.equity(), buy_and_hold });
    }

    fn equity(&self) -> Decimal {
        self.cash + self.held.as_ref().map_or(Decimal::ZERO, |held| held.quantity * self.price)
    }

    fn decide(&mut self, at: Timestamp) {
        let chance = self.below(100);
        let (outcome, about) = match (chance, self.held.take()) {
            (0..7, None) => ("open", Some(self.open(at))),
            (0..8, Some(held)) => ("close", Some(self.close(at, held, "exit"))),
            (chance, held) => {
                self.held = held;
                (self.idle_outcome(at, chance), None)
            }
        };
        let (tokens_in, tokens_out) = (1_850 + chance.unsigned_abs(), 64 + chance.unsigned_abs() % 17);
        self.outcome.decisions.push(Decision {
            at,
            outcome: outcome.to_owned(),
            reason: reason(outcome).to_owned(),
            price: (outcome != "abstain:stale_quote").then_some(self.price),
            about,
            tokens_in,
            tokens_out,
            usd: Decimal::new(217, 5),
        });
    }

    fn idle_outcome(&mut self, at: Timestamp, chance: i64) -> &'static str {
        match chance {
            90..93 => "abstain:stale_quote",
            93..95 => "abstain:model",
            95 => {
                self.refused(at);
                "open"
            }
            96 => {
                self.page(at);
                "hold"
            }
            97 => "cancel",
            _ => "hold",
        }
    }

    fn order(&mut self, at: Timestamp, leg: &str, status: &str, position: &str) -> String {
        let order_id = format!("td{:04}{}", self.outcome.orders.len(), leg.chars().next().unwrap_or('x'));
        let filled = if status == "filled" { Decimal::new(2, 1) } else { Decimal::ZERO };
        self.outcome.orders.push(OrderRow {
            at,
            order_id: order_id.clone(),
            position_id: position.to_owned(),
            leg: leg.to_owned(),
            side: if leg == "entry" { "buy" } else { "sell" }.to_owned(),
            kind: if leg == "stop" {
                format!("stop {} limit {}", self.price - Decimal::from(220), self.price - Decimal::from(300))
            } else {
                "market".to_owned()
            },
            origin: if leg == "stop" { "rule" } else { "model" }.to_owned(),
            quantity: Decimal::new(2, 1),
            filled,
            average: (status == "filled").then_some(self.price),
            status: status.to_owned(),
            why: String::new(),
        });
        order_id
    }

    fn fill(&mut self, at: Timestamp, order_id: &str, leg: &str) {
        let (quantity, fee) = (Decimal::new(1, 1), Decimal::new(1, 4));
        for part in 0..2 {
            let fee = if leg == "entry" { fee } else { fee * self.price };
            let fee_asset = if leg == "entry" { "BTC" } else { "USDT" };
            *self.outcome.fees.entry(fee_asset.to_owned()).or_default() += fee;
            self.outcome.fees_in_quote += Decimal::new(1, 4) * self.price;
            self.outcome.fills.push(FillRow {
                at: at + Millis::from_secs(part),
                order_id: order_id.to_owned(),
                leg: leg.to_owned(),
                side: if leg == "entry" { "buy" } else { "sell" }.to_owned(),
                price: self.price,
                quantity,
                fee,
                fee_asset: fee_asset.to_owned(),
            });
        }
    }

    fn open(&mut self, at: Timestamp) -> String {
        let id = format!("pos-{:03}", self.outcome.positions.len());
        let order_id = self.order(at, "entry", "filled", &id);
        self.fill(at, &order_id, "entry");
        let stop_id = self.order(at + Millis::from_minutes(1), "stop", "open", &id);
        let quantity = Decimal::new(1_998, 4);
        self.cash -= Decimal::new(2, 1) * self.price;
        self.outcome.positions.push(PositionRow {
            position_id: id.clone(),
            status: "open".to_owned(),
            opened_at: at,
            closed_at: None,
            entry: Some(self.price),
            exit: None,
            bought: quantity,
            realised: Decimal::ZERO,
            exit_reason: None,
        });
        let stop = self.price - Decimal::from(220);
        self.held = Some(Held { id, stop_id, quantity, entry: self.price, stop, opened_at: at });
        order_id
    }

    fn close(&mut self, at: Timestamp, held: Held, reason: &str) -> String {
        self.set_status(&held.stop_id, "cancelled");
        let order_id = self.order(at, "exit", "filled", &held.id);
        self.fill(at, &order_id, "exit");
        self.closed(at, &held, reason);
        order_id
    }

    fn stopped(&mut self, at: Timestamp) {
        if let Some(held) = self.held.take() {
            self.set_status(&held.stop_id, "filled");
            self.fill(at, &held.stop_id.clone(), "stop");
            self.closed(at, &held, "stop");
        }
    }

    fn closed(&mut self, at: Timestamp, held: &Held, reason: &str) {
        let received = held.quantity * self.price * Decimal::new(999, 3);
        self.cash += received;
        for position in self.outcome.positions.iter_mut().filter(|one| one.position_id == held.id) {
            position.status = "closed".to_owned();
            position.opened_at = held.opened_at;
            position.closed_at = Some(at);
            position.exit = Some(self.price);
            position.realised = received - Decimal::new(2, 1) * held.entry;
            position.exit_reason = Some(reason.to_owned());
        }
    }

    fn set_status(&mut self, order_id: &str, status: &str) {
        let price = self.price;
        for order in self.outcome.orders.iter_mut().filter(|one| one.order_id == order_id) {
            order.status = status.to_owned();
            if status == "filled" {
                order.filled = order.quantity;
                order.average = Some(price);
            }
        }
    }

    fn refused(&mut self, at: Timestamp) {
        self.order(at, "entry", "refused", "pos-none");
        if let Some(order) = self.outcome.orders.last_mut() {
            order.why = "max_position_abs: position would be 0.6, allowed 0.5".to_owned();
        }
    }

    fn page(&mut self, at: Timestamp) {
        let alert = self.outcome.pages.len().is_multiple_of(2);
        self.outcome.pages.push(PageRow {
            at,
            topic: if alert { "alerts" } else { "notifications" }.to_owned(),
            subject: if alert { "demo: venue does not answer" } else { "demo: daily summary" }.to_owned(),
            body: "5 venue calls failed in 5 minutes (limit 4).\nRunbook: venue-does-not-answer".to_owned(),
        });
    }

    fn finish(mut self) -> Outcome {
        let equity = self.equity();
        let cycles = u64::try_from(self.outcome.decisions.len()).unwrap_or_default();
        let outcome = &mut self.outcome;
        outcome.pnl = equity - Decimal::from(10_000);
        outcome.buy_and_hold = Decimal::from(10_000) / self.first * self.price - Decimal::from(10_000);
        outcome.model = ModelUse {
            calls: cycles + 3,
            answered: cycles,
            tokens_in: outcome.decisions.iter().map(|one| one.tokens_in).sum(),
            tokens_out: outcome.decisions.iter().map(|one| one.tokens_out).sum(),
            usd: outcome.decisions.iter().map(|one| one.usd).sum(),
            ..ModelUse::default()
        };
        outcome.ddb = TableUse {
            calls: cycles * 31,
            rru: Decimal::from(cycles * 44) + Decimal::new(5, 1),
            wru: Decimal::from(cycles * 27),
        };
        outcome.faults = [("no answer", 4), ("throttled", 7), ("woken twice", 11)]
            .map(|(kind, many)| (kind.to_owned(), many))
            .into();
        self.outcome
    }
}

fn reason(outcome: &str) -> &'static str {
    match outcome {
        "open" => "Momentum over the last 25 minutes is positive and the spread is narrow; a stop 1 % below.",
        "close" => {
            "The move has faded: two lower highs, and volume is below its average. Taking what is there."
        }
        "cancel" => "The limit order is far from the market.",
        "abstain:stale_quote" => "",
        "abstain:model" => "The data contradict each other.",
        _ => "No clear direction; the range of the last hour holds.",
    }
}
