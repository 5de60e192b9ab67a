//! Where the older system broke its own contract: each judge finds the break in a faithful imitation, and none in
//! ours. What crosses decide, execute and the venue is here; the rest stands beside the code that it is about.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::cell::RefCell;
use std::sync::LazyLock;

use ops::apply::apply;
use ops::approve;
use ops::offers::awaiting;
use ops::paper::input::{self, Input};
use ops::paper::options::{Approve, FaultLevel, ModelChoice, Options};
use ops::paper::venues::{MarketOnly, ReadOnly, Trading};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use shared::approval::Offer;
use shared::ids::Env;
use shared::model::Servers;
use shared::money::Qty;
use shared::order::Terms;
use shared::ports::{
    AskModel, BadReply, Level, Line, Log, ModelError, Question, RawReply, Reply, ReportedUsage, Stop,
    ToolCall,
};
use shared::roster::Trail;
use shared::secret::Secret;
use shared::settings::{SafetyMode, Settings};
use shared::status::Status;
use shared::tables::{Names, PREFIX};
use shared::tick::Tick;
use shared::time::{Millis, Timestamp};
use sim::model::Policy;
use sim::world::{APPROVAL_KEY, World, WorldConfig};

/// The bundled strategy and the first hours of the bundled market, read once.
static GIVEN: LazyLock<Input> = LazyLock::new(|| {
    let mut given = input::read(&Options {
        servers: None,
        days: 1,
        candles: None,
        strategy: None,
        model: ModelChoice::Scripted(Policy::Momentum),
        record: None,
        approve: Approve::None,
        faults: FaultLevel::None,
        seed: 1,
        json: true,
        report: "unused.html".into(),
        serve: false,
    })
    .unwrap();
    given.candles.truncate(240);
    given
});

/// A model that wishes what the test says and keeps everything that it was shown.
#[derive(Default)]
struct Mind {
    wish: RefCell<Value>,
    shown: RefCell<String>,
}

impl AskModel for Mind {
    fn servers(&self) -> &Servers {
        Servers::none()
    }
    fn serves(&self, provider: &str) -> bool {
        provider == "anthropic"
    }
    async fn ask(&self, question: &Question) -> Result<RawReply, ModelError> {
        let said = question.message();
        let schema = &question.tool.schema;
        self.shown.borrow_mut().push_str(&format!("{}\n{schema}\n{said}\n", question.system));
        Ok(RawReply { body: self.wish.borrow().to_string().into_bytes() })
    }
    fn read(&self, _: &str, reply: &RawReply) -> Result<Reply, BadReply> {
        let input = serde_json::from_slice(&reply.body).map_err(|error| BadReply(error.to_string()))?;
        let calls = vec![ToolCall { name: "decide".to_owned(), input }];
        Ok(Reply {
            stop: Stop::Tool,
            text: String::new(),
            calls,
            usage: ReportedUsage::default(),
            note: None,
        })
    }
}

#[derive(Default)]
struct Lines(RefCell<Vec<Line>>);

impl Log for Lines {
    fn write(&self, line: Line) {
        self.0.borrow_mut().push(line);
    }
}

/// The bundled strategy at a simulated exchange, its model in the test's hands.
struct Ours {
    world: World,
    settings: Settings,
    mind: Mind,
    log: Lines,
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn env() -> Env {
    Env::parse("paper").unwrap()
}

impl Ours {
    fn new(safety_mode: SafetyMode) -> Ours {
        let given = GIVEN.clone();
        let settings = Settings { safety_mode, decide_every: Millis::from_minutes(1), ..given.settings };
        let world = World::new(WorldConfig {
            names: Names { prefix: PREFIX.to_owned(), env: env() },
            account: settings.account.to_string(),
            symbol: given.symbol,
            start: given.candles[120].open_time,
            candles: given.candles,
            cash: Decimal::from(10_000),
            bnb: Decimal::ZERO,
            policy: Policy::Momentum,
            seed: 1,
        })
        .unwrap();
        let ours = Ours { world, settings, mind: Mind::default(), log: Lines::default() };
        let tables = ours.world.aws_ports(&ours.world.network()).tables;
        let now = ours.world.clock.now();
        wait(apply(&tables, &ours.settings, 0, Status::Running, now)).unwrap();
        ours.reconcile();
        ours
    }

    fn tick(&self) -> (Tick, Timestamp) {
        let now = self.world.clock.now();
        (Tick { shard: 0, of: 1, scheduled_at: now.minute() }, now + Millis::from_secs(55))
    }
    /// The next minute begins.
    fn next_minute(&self) {
        self.world.clock.set(self.world.clock.now().minute() + Millis::from_minutes(1));
        self.world.exchange.advance(self.world.clock.now());
    }
    fn reconcile(&self) {
        let network = self.world.network();
        let ports = reconcile::Ports {
            tables: &self.world.aws_ports(&network).tables,
            trail: &Trail::default(),
            accounts: &ReadOnly::new(&self.world, &network),
            clock: &self.world.clock,
            log: &self.log,
        };
        let (tick, deadline) = self.tick();
        wait(reconcile::handle(tick, deadline, &ports)).unwrap();
    }
    fn decide(&self) {
        let network = self.world.network();
        let ports = decide::Ports {
            tables: &self.world.aws_ports(&network).tables,
            trail: &Trail::default(),
            venues: &MarketOnly::new(&self.world, &network),
            model: &self.mind,
            clock: &self.world.clock,
            log: &self.log,
        };
        let (tick, deadline) = self.tick();
        wait(decide::handle(tick, deadline, &env(), &ports)).unwrap();
    }
    fn execute(&self) {
        let network = self.world.network();
        let (tick, deadline) = self.tick();
        let shift = execute::turn::Shift {
            env: &env(),
            tick,
            deadline,
            tables: &self.world.aws_ports(&network).tables,
            trail: &Trail::default(),
            clock: &self.world.clock,
            log: &self.log,
            approval_key: Some(Secret::new(APPROVAL_KEY.to_owned())),
        };
        wait(execute::handle(&shift, &Trading::new(&self.world, &network))).unwrap();
    }
    /// The model wishes to buy at the market, and execute serves it.
    fn buy(&self, quantity: &str) {
        self.next_minute();
        let price = self.price();
        *self.mind.wish.borrow_mut() = json!({
            "action": "open", "symbol": "BTC-USDT", "side": "buy", "order_type": "market",
            "quantity": quantity, "stop_loss": (price * Decimal::new(98, 2)).round_dp(2).to_string(),
            "reason": "the test says so",
        });
        self.decide();
        self.execute();
    }
    fn price(&self) -> Decimal {
        self.world.exchange.mark_price(self.world.clock.now()).unwrap()
    }
    /// What people are asked for.
    fn offers(&self) -> Vec<Offer> {
        let tables = self.world.aws_ports(&self.world.network()).tables;
        wait(awaiting(&tables, &self.settings.strategy_id)).unwrap()
    }
    /// The entries that the exchange has seen.
    fn bought(&self) -> Vec<Decimal> {
        let orders = self.world.exchange.orders();
        let buys = orders.iter().filter(|order| order.side == sim::exchange::Side::Buy);
        buys.map(|order| order.quantity.normalize()).collect()
    }
}

// Break 1: metric names and labels.

/// A label with every value that it may have.
type Label = (&'static str, &'static [&'static str]);

const SIDE: Label = ("side", &["buy", "sell"]);
const FATE: Label = ("status", &["success", "rejected", "failed"]);
/// What an order that was sent or taken back carries.
const ACTED: &[&str] = &[
    "trading_orders_total",
    "trading_daily_orders_count",
    "trading_tool_execute_duration_seconds",
    "backend_call_duration_seconds",
];

/// What a line says, the documented metrics that it carries, and their labels with every value that we write.
const LINES: [(&str, &[&str], &[Label]); 5] = [
    ("order sent", ACTED, &[("tool", &["place"]), SIDE, FATE]),
    ("order cancelled", ACTED, &[("tool", &["cancel"]), SIDE, FATE]),
    (
        "order refused",
        &["trading_orders_total", "trading_risk_rejections_total"],
        &[
            ("tool", &["place", "cancel"]),
            SIDE,
            ("status", &["rejected"]),
            ("source", &["risk_limits", "risk_gate", "safety_mode"]),
        ],
    ),
    (
        "venue call failed",
        &["trading_backend_errors_total"],
        &[("backend", &["mock", "exchange"]), ("kind", &["network", "rejected", "timeout", "other"])],
    ),
    ("order reviewed", &["risk_check_duration_seconds"], &[("verdict", &["passed", "refused"])]),
];

/// Every documented name of a metric.
const NAMES: [&str; 8] = [
    "trading_orders_total",
    "trading_risk_rejections_total",
    "trading_backend_errors_total",
    "trading_tool_execute_duration_seconds",
    "trading_daily_orders_count",
    "llm_decision_duration_seconds",
    "risk_check_duration_seconds",
    "backend_call_duration_seconds",
];

/// What the documented table does not know of these lines.
fn undocumented(lines: &[Line]) -> Vec<String> {
    lines
        .iter()
        .flat_map(|line| strange_names(&line.fields).into_iter().chain(strange_labels(line)))
        .collect()
}

fn strange_names(fields: &Map<String, Value>) -> Vec<String> {
    let is_metric = |name: &&String| {
        ["trading_", "llm_", "risk_check", "backend_call"].iter().any(|prefix| name.starts_with(prefix))
    };
    let strange = fields.keys().filter(is_metric).filter(|name| !NAMES.contains(&name.as_str()));
    strange.map(|name| format!("name {name}")).collect()
}

fn strange_labels(line: &Line) -> Vec<String> {
    let lines = || LINES.iter().filter(|(what, _, _)| *what == line.what);
    let lacking =
        lines().flat_map(|(_, metrics, _)| *metrics).filter(|name| !line.fields.contains_key(**name));
    let lacking = lacking.map(|name| format!("{} lacks {name}", line.what));
    let labels = lines().flat_map(|(_, _, labels)| *labels);
    let strange =
        labels.filter_map(|(label, values)| match line.fields.get(*label).and_then(Value::as_str) {
            Some(value) if values.contains(&value) => None,
            found => Some(format!("{} {label} {found:?}", line.what)),
        });
    strange.chain(lacking).collect()
}

#[test]
fn break_1_log_fields_have_the_documented_names_and_labels() {
    let ours = Ours::new(SafetyMode::Direct);
    ours.buy("9");
    ours.buy("0.01");
    ours.next_minute();
    *ours.mind.wish.borrow_mut() = json!({ "action": "close", "symbol": "BTC-USDT", "reason": "enough" });
    ours.decide();
    ours.execute();
    ours.buy("0.01");
    ours.world.exchange.throttle(ours.world.clock.now(), Millis::from_secs(90));
    ours.next_minute();
    ours.execute();
    let lines = ours.log.0.borrow().clone();
    for (what, _, _) in LINES {
        assert!(lines.iter().any(|line| line.what == what), "nothing says {what}: {lines:#?}");
    }
    for name in ["trading_daily_orders_count", "llm_decision_duration_seconds"] {
        assert!(lines.iter().any(|line| line.fields.contains_key(name)), "nothing says {name}");
    }
    assert_eq!(undocumented(&lines), Vec::<String>::new());
}

/// What its code emits where the table above says otherwise.
#[test]
fn break_1_is_found_in_an_imitation() {
    let line = |what| Line::new(Level::Info, Timestamp::from_millis(0), what).with("mode", "Direct");
    let whole = |(what, metrics, labels): (&'static str, &'static [&str], &'static [Label])| {
        let line = metrics.iter().fold(line(what), |line, name| line.with(name, 1));
        labels.iter().fold(line, |line, (label, values)| line.with(label, values[0]))
    };
    let [sent, cancelled, refused, failed, _] = LINES.map(whole);
    let all = [&sent, &cancelled, &refused, &failed];
    assert!(all.into_iter().all(|one| undocumented(std::slice::from_ref(one)).is_empty()));
    let theirs = [
        line("order sent"),
        sent.clone().with("side", "Buy"),
        sent.clone().with("status", "Filled"),
        sent.clone().with("status", "DryRun"),
        sent.with("trading_order_latency_ns", 7),
        cancelled.with("tool", "place"),
        refused.clone().with("trading_risk_blocks_total", 1),
        refused.clone().with("trading_gate_blocks_total", 1),
        refused.with("source", "max_order_notional"),
        failed.with("kind", "Timeout"),
        line("venue call failed").with("error", "timeout"),
    ];
    for one in theirs {
        assert!(!undocumented(std::slice::from_ref(&one)).is_empty(), "{one:?}");
    }
}

// Break 3: a market order has no price, and so no limit.

/// Whether market orders worth more than `limit` are sent, or one well below it is not. `send` says whether an
/// order of this worth reached the venue.
fn escapes_the_limit(limit: Decimal, send: impl Fn(Decimal) -> bool) -> bool {
    let share = |percent: i64| limit * Decimal::new(percent, 2);
    let over = [101, 150, 1_000].map(share).into_iter().any(&send);
    over || !send(share(98))
}

#[test]
fn break_3_a_market_order_is_bound_by_the_notional_limit() {
    let limit = Ours::new(SafetyMode::Direct).settings.limits.max_order_notional.value();
    assert!(!escapes_the_limit(limit, |worth| {
        let ours = Ours::new(SafetyMode::Direct);
        // The open of the minute in which the order will be served.
        let at = ours.world.clock.now().minute() + Millis::from_minutes(1);
        let price = ours.world.exchange.mark_price(at).unwrap();
        let rounding = if worth > limit { 1 } else { 0 };
        let quantity = (worth / price).trunc_with_scale(5) + Decimal::new(rounding, 5);
        ours.buy(&quantity.normalize().to_string());
        !ours.bought().is_empty()
    }));
}

#[test]
fn break_3_is_found_in_an_imitation() {
    let limit = Decimal::from(5_000);
    let checks = |worth: Decimal, price: Option<Decimal>| price.is_none() || worth <= limit;
    assert!(escapes_the_limit(limit, |worth| checks(worth, None)));
    assert!(!escapes_the_limit(limit, |worth| checks(worth, Some(Decimal::ONE))));
}

// Break 4: the token of the second phase.

/// Something that sends an order only after a second yes.
trait TwoPhase {
    /// The model wishes, with everything that it was shown at hand.
    fn wish(&mut self, quantity: &str);
    /// The second yes, by whoever read `quantity`.
    fn confirm(&mut self, quantity: &str);
    /// Time goes by.
    fn pass(&mut self, minutes: u32);
    /// The venue fails until time goes by.
    fn fail_once(&mut self);
    /// What reached the venue.
    fn sent(&self) -> usize;
}

/// How the second phase of a fresh system is broken.
fn two_phase_breaks<T: TwoPhase>(fresh: impl Fn() -> T) -> Vec<&'static str> {
    let mut breaks = Vec::new();
    let mut alone = fresh();
    for _ in 0..3 {
        alone.wish("0.01");
        alone.pass(2);
    }
    if alone.sent() > 0 {
        breaks.push("the model confirms itself");
    }
    let mut late = fresh();
    late.wish("0.01");
    late.pass(20);
    late.confirm("0.01");
    if late.sent() > 0 {
        breaks.push("a yes has no end");
    }
    let mut other = fresh();
    other.wish("0.01");
    other.confirm("0.02");
    if other.sent() > 0 {
        breaks.push("what is sent is not what was confirmed");
    }
    let mut failing = fresh();
    failing.wish("0.01");
    failing.fail_once();
    failing.confirm("0.01");
    failing.pass(1);
    failing.confirm("0.01");
    if failing.sent() != 1 {
        breaks.push("a failing venue loses the yes");
    }
    breaks
}

impl TwoPhase for Ours {
    fn wish(&mut self, quantity: &str) {
        self.buy(quantity);
    }
    fn confirm(&mut self, quantity: &str) {
        let tables = self.world.aws_ports(&self.world.network()).tables;
        let now = self.world.clock.now();
        // Only what waits and has no answer is offered; a second yes is nothing.
        for offer in self.offers() {
            let terms = Terms { quantity: Qty::parse(quantity).unwrap(), ..offer.terms.clone() };
            let read = Offer { terms, ..offer };
            let key = Secret::new(APPROVAL_KEY.to_owned());
            drop(wait(approve::approve(&tables, &key, &env(), &read, "ada", now)));
        }
        self.execute();
    }
    fn pass(&mut self, minutes: u32) {
        self.world.exchange.set_skew(Millis(0));
        for _ in 0..minutes {
            self.next_minute();
            self.execute();
        }
    }
    fn fail_once(&mut self) {
        // Its clock is off: what is signed is refused.
        self.world.exchange.set_skew(Millis::from_secs(-20));
    }
    fn sent(&self) -> usize {
        self.bought().len()
    }
}

#[test]
fn break_4_a_second_yes_is_a_persons_of_exact_terms_for_a_while_and_survives_a_failing_venue() {
    assert_eq!(two_phase_breaks(|| Ours::new(SafetyMode::TwoPhase)), [""; 0]);
}

/// Nothing that the model is shown, before or after a person's yes, could confirm anything.
#[test]
fn break_4_no_token_reaches_the_model() {
    let mut ours = Ours::new(SafetyMode::TwoPhase);
    ours.wish("0.01");
    let [offer] = &ours.offers()[..] else { panic!("nothing waits") };
    let tables = ours.world.aws_ports(&ours.world.network()).tables;
    let key = Secret::new(APPROVAL_KEY.to_owned());
    let given = wait(approve::approve(&tables, &key, &env(), offer, "ada", ours.world.clock.now())).unwrap();
    ours.wish("0.01");
    ours.wish("0.01");
    let shown = ours.mind.shown.borrow();
    assert!(shown.contains("BTC-USDT"), "{shown}");
    for secret in [APPROVAL_KEY, given.mac.as_str(), "token", "\"ada\""] {
        assert!(!shown.contains(secret), "the model was shown {secret}");
    }
}

/// Its first call answers with a token, its second takes one.
#[derive(Default)]
struct Imitation {
    token: Option<String>,
    stored: Option<String>,
    shown: Option<String>,
    is_failing: bool,
    sent: Vec<String>,
}

impl TwoPhase for Imitation {
    fn wish(&mut self, quantity: &str) {
        match self.shown.take() {
            // The token stands in the result of the model's own call.
            Some(_) => self.confirm(quantity),
            None => {
                self.token = Some("confirm-1".to_owned());
                self.shown = self.token.clone();
                self.stored = Some(quantity.to_owned());
            }
        }
    }
    fn confirm(&mut self, quantity: &str) {
        let is_within_limits = quantity.parse::<Decimal>().is_ok_and(|quantity| quantity < Decimal::ONE);
        let known = self.token.take().is_some();
        if known && is_within_limits && !std::mem::take(&mut self.is_failing) {
            self.sent.extend(self.stored.take());
        }
    }
    fn pass(&mut self, _: u32) {}
    fn fail_once(&mut self) {
        self.is_failing = true;
    }
    fn sent(&self) -> usize {
        self.sent.len()
    }
}

#[test]
fn break_4_is_found_in_an_imitation() {
    assert_eq!(
        two_phase_breaks(Imitation::default),
        [
            "the model confirms itself",
            "a yes has no end",
            "what is sent is not what was confirmed",
            "a failing venue loses the yes",
        ]
    );
}

// Break 8: a published form that the parser does not read.

/// The published form: every field with the words that it may hold, none where it may hold any text.
fn published(schema: &Value) -> Vec<(String, Vec<String>)> {
    let fields = schema["properties"].as_object().unwrap();
    let words = |field: &Value| field["enum"].as_array().cloned().unwrap_or_default();
    let word = |word: Value| word.as_str().unwrap().to_owned();
    fields.iter().map(|(name, field)| (name.clone(), words(field).into_iter().map(word).collect())).collect()
}

/// Every answer that obeys the published form: each field absent, or with one of its words. `1` is a text, a
/// number above zero, and an id.
fn obedient(fields: &[(String, Vec<String>)]) -> Vec<Map<String, Value>> {
    let mut answers = vec![Map::new()];
    for (name, words) in fields {
        let texts = if words.is_empty() { vec!["1".to_owned()] } else { words.clone() };
        let with = |answer: &Map<String, Value>, text: &String| {
            let mut answer = answer.clone();
            answer.insert(name.clone(), json!(text));
            answer
        };
        let longer: Vec<_> =
            answers.iter().flat_map(|answer| texts.iter().map(move |text| with(answer, text))).collect();
        answers.extend(longer);
    }
    answers
}

/// What is published and in no obedient answer that is understood.
fn not_understood(schema: &Value, reads: impl Fn(&Value) -> bool) -> Vec<String> {
    let fields = published(schema);
    let understood: Vec<_> =
        obedient(&fields).into_iter().filter(|answer| reads(&Value::Object(answer.clone()))).collect();
    let says =
        |name: &str, word: &str| understood.iter().any(|answer| answer.get(name) == Some(&json!(word)));
    let mut found = Vec::new();
    for (name, words) in &fields {
        let words = if words.is_empty() { vec!["1".to_owned()] } else { words.clone() };
        found.extend(words.iter().filter(|word| !says(name, word)).map(|word| format!("{name} {word}")));
    }
    found
}

#[test]
fn break_8_whatever_the_published_form_names_is_understood() {
    let symbols = [shared::ids::Symbol::parse("BTC-USDT").unwrap()];
    let tool = decide::prompt::tool(&symbols);
    let reads = |input: &Value| {
        let call = ToolCall { name: tool.name.clone(), input: input.clone() };
        let (calls, usage) = (vec![call], ReportedUsage::default());
        let reply = Ok(Reply { stop: Stop::Tool, text: String::new(), calls, usage, note: None });
        matches!(decide::verdict::verdict(&reply, &symbols), decide::verdict::Verdict::Final(..))
    };
    assert_eq!(not_understood(&tool.schema, reads), Vec::<String>::new());
}

/// `replace_order` is published flat and read nested.
#[test]
fn break_8_is_found_in_an_imitation() {
    let text = || json!({"type": "string"});
    let schema = json!({"properties": {"order_id": text(), "quantity": text(), "price": text()}});
    let nested = |input: &Value| input.get("new_req").is_some_and(|new| new.get("quantity").is_some());
    assert_eq!(not_understood(&schema, nested), ["order_id 1", "quantity 1", "price 1"]);
    let flat = |input: &Value| input.get("order_id").is_some();
    assert_eq!(not_understood(&schema, flat), Vec::<String>::new());
}

// Break 10: a conversation that is made shorter until it fits, and never is.

/// Something that still asks after so many questions never ends.
const STILL_AT_IT: usize = 100;

/// There is no conversation to be made shorter: a cycle is one question and at most one more.
#[test]
fn break_10_a_model_that_only_ever_says_more_is_asked_twice_at_most() {
    let ours = Ours::new(SafetyMode::Direct);
    ours.next_minute();
    let babble = "more ".repeat(20_000);
    *ours.mind.wish.borrow_mut() = json!({"action": "open", "reason": babble, "thoughts": babble});
    ours.decide();
    let asked = ours.mind.shown.borrow().matches("\"allowed_actions\":").count();
    assert!((1..=2).contains(&asked), "{asked} questions");
    assert_eq!(ours.bought(), Vec::<Decimal>::new());
}

#[test]
fn break_10_is_found_in_an_imitation() {
    // Its summary of a message may be as long as the message.
    let compact = |summary: fn(usize) -> usize| {
        let (mut length, mut asked) = (8_192, 0);
        while length > 4_096 && asked < STILL_AT_IT {
            length = summary(length);
            asked += 1;
        }
        asked
    };
    assert_eq!(compact(|length| length), STILL_AT_IT);
    assert_eq!(compact(|length| length / 2), 1);
}
