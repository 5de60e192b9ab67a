//! A strategy's life in the hands of a person: applied, started, looked at, stopped.

use std::sync::Mutex;

use bytes::Bytes;
use ops::emergency_stop::{self, Order as EmergencyOrder};
use ops::strategy::Wanted;
use ops::{model, start, status, stop, strategy};
use serde_json::Value;
use shared::books::Position;
use shared::model::Servers;
use shared::money::Notional;
use shared::probe::Probe;
use shared::records::{Incident, Shard};
use shared::settings::Settings;
use shared::signal::Severity;
use shared::state::Alert;
use shared::store::ScanTables;
use shared::tables::Function;
use shared::tick::Tick;
use shared::transport::{Request, Sending, Transport, TransportError};
use sim::service::{Response, Service};

use super::*;

const FILE: &str = "mine.toml";

fn toml(more: &str) -> String {
    format!(
        r#"
profile = "cautious"
strategy_id = "demo"
account = "paper"
venue = "binance"
symbols = ["BTC-USDT"]
model = "anthropic/claude-haiku-4-5"
llm_usd_per_day = 5.0
{more}
"#
    )
}

/// An account without a strategy, whose execute acknowledges what it finds, unless it is switched off.
struct Empty {
    aws: Arc<EmbeddedAws>,
    clock: SimClock,
    lambda: Arc<Lambda>,
    stage: Stage,
}

/// Lambda with one function: it does of execute's tick what a person waits for.
struct Lambda {
    stage: Stage,
    calls: Mutex<Vec<String>>,
    is_down: Mutex<bool>,
    /// Why models cannot be asked, by name; none where decide is not asked to.
    errors: Mutex<Option<Vec<(&'static str, &'static str)>>>,
}

impl Service for Lambda {
    fn serve(&self, request: sim::service::Request, now: Timestamp) -> Response {
        assert!(request.headers()["authorization"].to_str().unwrap().contains("/lambda/aws4_request"));
        let event: Value = serde_json::from_slice(request.body()).unwrap();
        self.calls.lock().unwrap().push(format!("{} {event}", request.uri().path_and_query().unwrap()));
        if *self.is_down.lock().unwrap() {
            let refused = Bytes::from_static(br#"{"Message":"Rate Exceeded."}"#);
            return http::Response::builder().status(429).body(refused).unwrap();
        }
        if let Some(model) = shared::probe::asked(&event) {
            return http::Response::new(self.probe(model).encode().to_string().into());
        }
        // The caller's own runtime waits meanwhile.
        std::thread::scope(|scope| scope.spawn(|| self.acknowledge(&event, now)).join()).unwrap();
        http::Response::new(Bytes::from_static(b"{}"))
    }
}

impl Lambda {
    fn probe(&self, model: &str) -> Probe {
        let errors = self.errors.lock().unwrap().clone().unwrap();
        let error = errors.iter().find(|(name, _)| *name == model).map_or("", |(_, error)| *error);
        Probe {
            model: model.to_owned(),
            request: "POST https://models.example/v1/messages\n{\"model\":\"x\"}".to_owned(),
            status: Some(200),
            answer: "{\"content\":[]}".to_owned(),
            read: if error.is_empty() { "hold: flat".to_owned() } else { String::new() },
            tokens_in: 812,
            tokens_out: 60,
            usd: Notional::parse("0.0012").unwrap(),
            error: error.to_owned(),
        }
    }

    fn acknowledge(&self, event: &Value, now: Timestamp) {
        let scheduled_at = Timestamp::parse(event["scheduled_at"].as_str().unwrap()).unwrap();
        let shard = u32::try_from(event["shard"].as_u64().unwrap()).unwrap();
        if (Tick { shard, of: 1, scheduled_at }).is_too_old(Function::Execute, now) {
            return;
        }
        let get = |key: Key| wait(self.stage.tables.get(&[key])).unwrap().remove(0);
        let Some(item) = get(records::shard::key(shard)) else { return };
        for id in records::shard::decode(&item).unwrap().strategies {
            let Some(state) = get(records::state::key(&id)) else { continue };
            let changes = vec![
                Change::Set(records::state::path::status_ack(), state["status"].clone()),
                Change::Set(records::state::path::status_ack_at(), records::attrs::time(now)),
            ];
            wait(self.stage.tables.write(vec![Write::update(records::state::key(&id), changes, vec![])]))
                .unwrap();
        }
    }
}

/// Every request that names this word is refused before it leaves.
#[derive(Debug)]
struct Refusing(SharedTransport, &'static str);

impl Transport for Refusing {
    fn send(&self, request: Request, timeout: Millis) -> Sending<'_> {
        let body = String::from_utf8_lossy(request.body());
        if body.contains("UpdateExpression") && body.contains(self.1) {
            return Box::pin(std::future::ready(Err(TransportError::NeverSent("unplugged".to_owned()))));
        }
        self.0.send(request, timeout)
    }
}

/// Somebody writes just before the first write arrives.
struct Before(SharedTransport, Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl std::fmt::Debug for Before {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Before")
    }
}

impl Transport for Before {
    fn send(&self, request: Request, timeout: Millis) -> Sending<'_> {
        let body = String::from_utf8_lossy(request.body());
        let is_write = body.contains("UpdateExpression") || body.contains("TransactItems");
        let somebody = is_write.then(|| self.1.lock().unwrap().take()).flatten();
        if let Some(writes) = somebody {
            std::thread::spawn(writes).join().unwrap();
        }
        self.0.send(request, timeout)
    }
}

impl Empty {
    fn new() -> Empty {
        let names = Names { prefix: PREFIX.to_owned(), env: env() };
        let aws = Arc::new(EmbeddedAws::new(REGION, noon()).unwrap());
        for table in Table::ALL {
            aws.create_table(&names.table(table), table.hash_key(), table.range_key()).unwrap();
        }
        for topic in shared::tables::Topic::ALL {
            aws.create_topic(&names.topic(topic));
        }
        let clock = SimClock::new(noon());
        let plain = InProcess::new(clock.shared()).route(HOSTS, aws.clone());
        let behind: SharedTransport = Arc::new(plain.clone());
        let lambda = Arc::new(Lambda {
            stage: Stage::over(names.clone(), &config(), &behind),
            calls: Mutex::default(),
            is_down: Mutex::default(),
            errors: Mutex::default(),
        });
        let network = plain.route(&format!("lambda.{REGION}.amazonaws.com"), Arc::<Lambda>::clone(&lambda));
        let transport: SharedTransport = Arc::new(network);
        Empty { stage: Stage::over(names, &config(), &transport), aws, clock, lambda }
    }

    /// With `demo`, applied and started, and all beats fresh.
    fn running() -> Empty {
        let world = Empty::new();
        world.apply("").0.unwrap();
        world.status("demo", Status::Running);
        world.set("demo", "status_ack", Attr::S("running".to_owned()));
        world
    }

    /// The same account where requests with this word in them do not leave the machine.
    fn without(&self, word: &'static str) -> Stage {
        let network = InProcess::new(self.clock.shared()).route(HOSTS, self.aws.clone());
        let network =
            network.route(&format!("lambda.{REGION}.amazonaws.com"), Arc::<Lambda>::clone(&self.lambda));
        let transport: SharedTransport = Arc::new(Refusing(Arc::new(network), word));
        Stage::over(self.stage.names.clone(), &config(), &transport)
    }

    /// The same account, in which `writes` happens just before the first write from here.
    fn after(&self, writes: impl FnOnce(&Stage) + Send + 'static) -> Stage {
        let network = InProcess::new(self.clock.shared()).route(HOSTS, self.aws.clone());
        let stage = self.stage.clone();
        let writes: Box<dyn FnOnce() + Send> = Box::new(move || writes(&stage));
        let transport: SharedTransport = Arc::new(Before(Arc::new(network), Mutex::new(Some(writes))));
        Stage::over(self.stage.names.clone(), &config(), &transport)
    }

    fn run(
        &self,
        stage: &Stage,
        command: impl AsyncFnOnce(&Stage, &mut Person<'_>) -> Result<(), NotDone>,
    ) -> Ended {
        let (mut out, mut input) = (Vec::new(), &b""[..]);
        let ended = wait(command(stage, &mut Person { out: &mut out, input: &mut input }));
        (ended, String::from_utf8(out).unwrap())
    }
    fn apply(&self, more: &str) -> Ended {
        self.apply_text(&toml(more), None)
    }
    fn apply_text(&self, text: &str, shard: Option<u32>) -> Ended {
        let loaded = Settings::from_toml(text, FILE).unwrap();
        let wanted = Wanted { loaded: &loaded, file: FILE, shard, probes: false };
        self.run(&self.stage, async |stage, person| strategy::apply_file(stage, wanted, person, noon()).await)
    }
    fn stop(&self, id: &str) -> Ended {
        self.run(&self.stage, async |stage, person| stop::stop(stage, &named(id), "ada", person, noon).await)
    }
    fn start(&self, id: &str) -> Ended {
        self.run(&self.stage, async |stage, person| start::start(stage, &named(id), person, noon()).await)
    }
    fn show(&self, only: Option<&str>, now: Timestamp) -> Ended {
        let id = only.map(named);
        self.run(&self.stage, async |stage, person| status::show(stage, id.as_ref(), person, now).await)
    }
    fn emergency(&self, stage: &Stage, only: Option<&str>) -> Ended {
        let only = only.map(named);
        let order = EmergencyOrder { only: only.as_ref(), by: "ada", reason: Some("the market is mad") };
        self.run(stage, async |stage, person| emergency_stop::stop(stage, &order, person, noon).await)
    }

    fn put(&self, key: Key, item: Item) {
        wait(self.stage.tables.write(vec![Write::put_if_absent(key, item)])).unwrap();
    }
    fn update(&self, id: &str, changes: Vec<Change>) {
        let write = Write::update(records::state::key(&named(id)), changes, vec![]);
        wait(self.stage.tables.write(vec![write])).unwrap();
    }
    fn set(&self, id: &str, name: &str, attr: Attr) {
        self.update(id, vec![Change::Set(Path::of(name), attr)]);
    }
    fn status(&self, id: &str, status: Status) {
        self.set(id, "status", records::state::status_attr(status));
    }
    fn state_item(&self, id: &str) -> Item {
        wait(self.stage.tables.get(&[records::state::key(&named(id))])).unwrap().remove(0).unwrap()
    }
    fn state(&self, id: &str) -> StrategyState {
        records::state::decode(&self.state_item(id)).unwrap()
    }
    fn settings(&self, id: &str) -> Settings {
        let key = records::strategy_config::key(&named(id));
        records::strategy_config::decode(&wait(self.stage.tables.get(&[key])).unwrap().remove(0).unwrap())
            .unwrap()
    }
    fn holds(&self, id: &str) -> Vec<Hold> {
        self.state(id).holds.into_keys().collect()
    }
    fn everything(&self) -> Vec<Vec<Item>> {
        Table::ALL.into_iter().map(|table| wait(self.stage.tables.scan(table)).unwrap()).collect()
    }
    /// Another strategy in the same shard, with an account of its own.
    fn another(&self, id: &str) {
        let text = toml("").replace("\"demo\"", &format!("{id:?}")).replace("\"paper\"", &format!("{id:?}"));
        self.apply_text(&text, None).0.unwrap();
        self.status(id, Status::Running);
    }
}

fn config() -> AwsConfig {
    AwsConfig {
        region: REGION.to_owned(),
        endpoint: None,
        keys: Some(AwsKeys { access_key: "sim".into(), secret_key: "sim".into(), session_token: None }),
        timeout: Millis::from_secs(3),
        time: time_source(noon),
    }
}

fn named(id: &str) -> StrategyId {
    StrategyId::parse(id).unwrap()
}

#[test]
fn a_new_strategy_begins_stopped_with_every_item_that_it_needs() {
    let world = Empty::new();
    let (ended, shown) = world.apply("");
    ended.unwrap();
    let state = world.state("demo");
    assert_eq!(state, StrategyState::first(named("demo"), Status::Stopped, noon()));
    assert_eq!(world.settings("demo"), Settings::from_toml(&toml(""), FILE).unwrap().settings);
    let keys = [records::account::key(&AccountId::parse("paper").unwrap()), records::shard::key(0)];
    let items = wait(world.stage.tables.get(&keys)).unwrap();
    assert!(records::account::decode(items[0].as_ref().unwrap()).is_ok());
    let shard = Shard { shard: 0, strategies: vec![named("demo")] };
    assert_eq!(records::shard::decode(items[1].as_ref().unwrap()), Ok(shard));
    for part in [
        "profile cautious: limits.max_order_notional = 500.0",
        "made: ledgers shard#0",
        "demo is stopped, in shard 0 of stage paper; to trade: tradai start demo --env paper",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let before = world.everything();
    let (ended, shown) = world.apply("");
    ended.unwrap();
    assert!(shown.ends_with("demo is as the file says already, in shard 0 of stage paper\n"), "{shown}");
    assert_eq!(world.everything(), before);
}

/// What a person has noted beside the settings stays too.
#[test]
fn settings_change_field_by_field_and_nothing_of_the_state_is_reset() {
    let world = Empty::running();
    world.update(
        "demo",
        vec![Change::Set(records::state::path::hold(Hold::PnlGate), records::attrs::time(noon()))],
    );
    world.set("demo", "intent_seq", Attr::N("99".to_owned()));
    let key = records::strategy_config::key(&demo());
    let noted = Change::Set(Path::of("noted"), Attr::S("ask ada first".to_owned()));
    wait(world.stage.tables.write(vec![Write::update(key.clone(), vec![noted], vec![])])).unwrap();
    let before = world.state_item("demo");
    let (ended, shown) = world.apply("safety_mode = \"Direct\"\n[limits]\nmax_order_notional = 300");
    ended.unwrap();
    for line in ["safety_mode: DryRun -> Direct", "limits.max_order_notional: 500 -> 300"] {
        assert!(shown.lines().any(|one| one == line), "{line}: {shown}");
    }
    assert_eq!(shown.matches(" -> ").count(), 2, "{shown}");
    assert_eq!(world.state_item("demo"), before);
    let item = wait(world.stage.tables.get(&[key])).unwrap().remove(0).unwrap();
    assert_eq!(item["noted"], Attr::S("ask ada first".to_owned()));
    assert_eq!(world.settings("demo").limits.max_order_notional.to_string(), "300");
}

#[test]
fn what_cannot_be_served_is_refused_with_file_field_and_mend_and_nothing_is_written() {
    let symbols = "symbols = [\"BTC-USDT\"]";
    let dear = "llm_usd_per_day = 5.0";
    for (line, instead, wanted) in [
        ("venue = \"binance\"", "venue = \"kraken\"", "venue: kraken is not served; write binance"),
        (symbols, "symbols = [\"BNB-USDT\"]", "symbols: BNB-USDT cannot be claimed"),
        (
            "anthropic/claude",
            "home/claude",
            "model: home/claude-haiku-4-5 is of no provider or server that is served",
        ),
        (
            "anthropic/claude",
            "ollama/claude",
            "model: ollama/claude-haiku-4-5 is of no provider or server that is served",
        ),
        (dear, "llm_usd_per_day = 0.001", "llm_usd_per_day: anthropic/claude-haiku-4-5 could never be asked"),
        (dear, "llm_usd_per_day = 5.0\nbackend = \"backtest\"", "backend: backtest runs on one machine only"),
    ] {
        let world = Empty::new();
        let text = toml("").replace(line, instead);
        assert_ne!(text, toml(""));
        let said = input(&world.apply_text(&text, None));
        assert!(said.starts_with("mine.toml: ") && said.contains(wanted) && said.contains("; "), "{said}");
        assert!(world.everything().iter().all(Vec::is_empty));
    }
}

#[test]
fn more_markets_than_five_minutes_have_room_for_are_refused() {
    let many: Vec<String> = (0..50).map(|nth| format!("C{nth}-USDT")).collect();
    let text = toml("").replace("[\"BTC-USDT\"]", &format!("{many:?}"));
    let text = text.replace("anthropic/claude-haiku-4-5", "anthropic/claude-opus-5-5");
    let said = input(&Empty::new().apply_text(&text, None));
    assert!(said.contains("tokens within five minutes, most 12000; watch fewer markets"), "{said}");
}

/// With so many tokens in five minutes.
fn with_tokens(text: &str, tokens: u32) -> String {
    format!("{text}\n[ask]\ntokens_per_five_minutes = {tokens}")
}

#[test]
fn a_schedule_for_which_five_minutes_have_too_few_tokens_is_refused_with_what_would_have_room() {
    let fallback = |text: &str| format!("{text}\nmodel_fallbacks = [\"anthropic/claude-sonnet-5\"]");
    let luna = toml("decide_every_seconds = 120").replace("anthropic/claude-haiku-4-5", "openai/gpt-6-luna");
    let every = |seconds: u32| toml(&format!("decide_every_seconds = {seconds}"));
    for (text, tokens, wanted) in [
        (every(60), 10_000, "decide_every_seconds: 5 questions to anthropic/claude-haiku-4-5"),
        (every(120), 6_500, "decide_every_seconds: 3 questions to anthropic/claude-haiku-4-5"),
        (fallback(&luna), 6_500, "decide_every_seconds: 3 questions to anthropic/claude-sonnet-5"),
    ] {
        let world = Empty::new();
        let said = input(&world.apply_text(&with_tokens(&text, tokens), None));
        assert!(said.starts_with("mine.toml: ") && said.contains(wanted), "{said}");
        assert!(world.everything().iter().all(Vec::is_empty));
        // Both mends that it names have room.
        let (_, mends) = said.split_once(&format!("most {tokens}; write ")).unwrap();
        let (slower, allowed) =
            mends.split_once(" or more, or allow them: tokens_per_five_minutes = ").unwrap();
        let allowed = allowed.trim_end_matches(" under [ask]").parse().unwrap();
        world.apply_text(&with_tokens(&text, allowed), None).0.unwrap();
        let slower = text.replace("seconds = 60", &format!("seconds = {slower}"));
        let slower = slower.replace("seconds = 120", "seconds = 180");
        Empty::new().apply_text(&with_tokens(&slower, tokens), None).0.unwrap();
    }
    for every in [120, 180, 300, 1_500] {
        Empty::new().apply(&format!("decide_every_seconds = {every}")).0.unwrap();
    }
    Empty::new().apply_text(&with_tokens(&luna, 6_500), None).0.unwrap();
}

#[test]
fn tokens_that_are_too_few_for_one_question_are_refused_by_their_own_name() {
    let said = input(&Empty::new().apply_text(&with_tokens(&toml(""), 1_000), None));
    assert!(said.contains("ask.tokens_per_five_minutes: ") && said.contains("12000 as usual"), "{said}");
}

/// A question, its correction and one fallback: which of them has no room, and with what figure all have it.
#[test]
fn what_fits_once_and_perhaps_not_every_time_is_told_with_the_figure_to_set() {
    let haiku = "anthropic/claude-haiku-4-5";
    let thinks = "model_fallbacks = [\"anthropic/claude-opus-5-5\"]";
    for (text, part) in [
        (with_tokens(&toml(""), 2_500), "a question once something is held"),
        (with_tokens(&toml(""), 5_000), "a question and the correction of a malformed answer"),
        (
            with_tokens(&toml("decide_every_seconds = 120"), 10_000),
            "3 questions and the correction of a malformed answer",
        ),
        (
            with_tokens(&toml(thinks), 11_000),
            "a question, a correction and the fallback anthropic/claude-opus-5-5",
        ),
        (
            toml("").replace(haiku, "anthropic/claude-opus-5-5"),
            "a question and the correction of a malformed answer",
        ),
    ] {
        let (ended, shown) = Empty::new().apply_text(&text, None);
        ended.unwrap();
        let wanted = format!("may not have room within five minutes for {part}; tokens_per_five_minutes = ");
        assert!(shown.contains(&wanted), "{part}: {shown}");
        let (_, figure) = shown.split_once(&wanted).unwrap();
        let figure = figure.split(' ').next().unwrap().parse().unwrap();
        let text = text.split("\n[ask]").next().unwrap();
        let (_, shown) = Empty::new().apply_text(&with_tokens(text, figure), None);
        assert!(!shown.contains("may not have room"), "{figure}: {shown}");
    }
    let (_, shown) = Empty::new().apply("");
    assert!(!shown.contains("room") && !shown.contains("llm_usd_per_day"), "{shown}");
}

#[test]
fn a_days_dollars_that_do_not_last_are_told_with_what_is_enough() {
    for (dollars, part) in [
        ("0.5", "0.5 is sure to pay for"),
        ("0.01", "0.01 may not pay for a question, its correction and one fallback"),
    ] {
        let text = toml("decide_every_seconds = 300").replace("5.0", dollars);
        let (ended, shown) = Empty::new().apply_text(&text, None);
        ended.unwrap();
        let line = shown.lines().find(|line| line.starts_with("llm_usd_per_day: ")).unwrap();
        assert!(line.contains(part), "{line}");
        let enough = line.split_once("; ").unwrap().1.trim_end_matches(" is enough");
        let (_, shown) = Empty::new().apply_text(&text.replace(dollars, enough), None);
        assert!(!shown.contains("llm_usd_per_day: "), "{enough}: {shown}");
    }
}

#[test]
fn a_retired_model_is_refused_and_a_retiring_one_is_told_by_apply_and_status() {
    let now = at("2026-12-01T12:00:00Z");
    let apply = |world: &Empty, model: &str| {
        let loaded =
            Settings::from_toml(&toml("").replace("anthropic/claude-haiku-4-5", model), FILE).unwrap();
        let wanted = Wanted { loaded: &loaded, file: FILE, shard: None, probes: false };
        world.run(&world.stage, async |stage, person| strategy::apply_file(stage, wanted, person, now).await)
    };
    let world = Empty::new();
    let said = input(&apply(&world, "openai/gpt-4.1-nano"));
    assert!(
        said.contains("model: openai/gpt-4.1-nano is retired since its last day, 2026-10-23; name"),
        "{said}"
    );
    assert!(world.everything().iter().all(Vec::is_empty));
    let told = "model: openai/gpt-5-mini has its last day on 2026-12-11, in 10 days; name another before";
    let (ended, shown) = apply(&world, "openai/gpt-5-mini");
    ended.unwrap();
    assert!(shown.lines().any(|line| line == told), "{shown}");
    let (_, shown) = world.show(None, now);
    assert!(shown.contains(&format!("demo: {told}")), "{shown}");
    let (_, shown) = world.show(None, at("2026-12-12T00:00:00Z"));
    assert!(shown.contains("demo: model: openai/gpt-5-mini is retired since its last day"), "{shown}");
}

/// The item that the stack writes.
fn put_servers(world: &Empty, home: &str) {
    let text = |text: &str| Attr::S(text.to_owned());
    let mut options = Item::from([("url".to_owned(), text(home))]);
    options.insert("usd_per_million_in".to_owned(), Attr::N("0".to_owned()));
    options.insert("usd_per_million_out".to_owned(), Attr::N("0".to_owned()));
    let servers = Item::from([("home".to_owned(), Attr::M(options))]);
    let item =
        Item::from([("ledger_id".to_owned(), text("servers#llm")), ("servers".to_owned(), Attr::M(servers))]);
    world.put(Servers::key(), item);
}

#[test]
fn a_model_of_a_server_of_the_stage_is_applied_at_its_own_price() {
    let world = Empty::new();
    put_servers(&world, "https://models.example/v1");
    let text = toml("").replace("anthropic/claude-haiku-4-5", "home/llama").replace("5.0", "0.01");
    let (ended, shown) = world.apply_text(&text, None);
    ended.unwrap();
    assert!(!shown.contains("llm_usd_per_day: "), "a model that costs nothing: {shown}");
    let damaged = Empty::new();
    put_servers(&damaged, "models.example");
    assert!(refused(&damaged.apply("")).contains("servers.home.url: "));
    assert!(refused(&damaged.show(None, noon())).contains("servers.home.url: "));
}

#[test]
fn an_assumed_price_is_called_so_in_status() {
    let world = Empty::running();
    assert!(!world.show(None, noon()).1.contains("assumed"));
    let text = toml("").replace("claude-haiku-4-5", "claude-next");
    world.apply_text(&text, None).0.unwrap();
    assert!(world.show(None, noon()).1.contains("0 of 5 USD, assumed"), "{:?}", world.show(None, noon()));
}

/// What decide says of each model, by name.
fn with_probes(world: &Empty, text: &str, errors: &[(&'static str, &'static str)]) -> Ended {
    *world.lambda.errors.lock().unwrap() = Some(errors.to_vec());
    let loaded = Settings::from_toml(text, FILE).unwrap();
    let wanted = Wanted { loaded: &loaded, file: FILE, shard: None, probes: true };
    world.run(&world.stage, async |stage, person| strategy::apply_file(stage, wanted, person, noon()).await)
}

#[test]
fn apply_asks_the_chain_inside_decide_and_refuses_a_model_that_cannot_be_asked() {
    let world = Empty::new();
    let (model, fallback) = ("anthropic/claude-haiku-4-5", "openai/gpt-6-luna");
    let text = toml(&format!("model_fallbacks = [{fallback:?}]"));
    let said = input(&with_probes(&world, &text, &[(model, "HTTP 400: tool_choice: no")]));
    let wanted = format!("mine.toml: model: {model} cannot be asked: HTTP 400: tool_choice: no; ");
    assert!(said.starts_with(&wanted) && said.ends_with("--no-probe"), "{said}");
    assert!(world.everything().iter().all(Vec::is_empty));
    let called = format!(
        r#"/2015-03-31/functions/{}/invocations?Qualifier=live {{"probe":"{model}"}}"#,
        world.stage.names.function(Function::Decide)
    );
    assert_eq!(*world.lambda.calls.lock().unwrap(), [called]);

    let (ended, shown) = with_probes(&world, &text, &[(fallback, "no key: empty")]);
    ended.unwrap();
    for line in [
        format!("probe: {model} answers hold: flat (812 tokens in, 60 out, 0.0012 dollars)"),
        format!("warning: model_fallbacks: {fallback} cannot be asked: no key: empty"),
    ] {
        assert!(shown.lines().any(|one| one == line), "{line}: {shown}");
    }
    assert_eq!(world.settings("demo").model, model);
}

#[test]
fn apply_says_that_a_stage_without_decide_is_not_probed_and_refuses_what_is_not_known() {
    let world = Empty::new();
    let loaded = Settings::from_toml(&toml(""), FILE).unwrap();
    let wanted = Wanted { loaded: &loaded, file: FILE, shard: None, probes: true };
    let apply = |stage: &Stage| {
        world.run(stage, async |stage, person| strategy::apply_file(stage, wanted, person, noon()).await)
    };
    *world.lambda.is_down.lock().unwrap() = true;
    let said = refused(&apply(&world.stage));
    assert!(said.contains("is not probed") && said.contains("Rate Exceeded"), "{said}");
    assert!(said.contains("--no-probe") && world.everything().iter().all(Vec::is_empty));
    // The embedded AWS alone, which has no functions.
    let network = InProcess::new(world.clock.shared())
        .route(&format!("lambda.{REGION}.amazonaws.com"), world.aws.clone());
    let transport: SharedTransport = Arc::new(network.route(HOSTS, world.aws.clone()));
    let bare = Stage::over(world.stage.names.clone(), &config(), &transport);
    let (ended, shown) = apply(&bare);
    ended.unwrap();
    assert!(shown.contains("is not probed: stage paper has no decide function yet"), "{shown}");
}

#[test]
fn a_probe_on_aws_shows_what_decide_answers() {
    let world = Empty::new();
    let probe = |model: &str, errors: &[(&'static str, &'static str)]| {
        *world.lambda.errors.lock().unwrap() = Some(errors.to_vec());
        world.run(&world.stage, async |stage, person| model::probe_on(stage, model, person, noon()).await)
    };
    let (ended, shown) = probe("anthropic/claude-haiku-4-5", &[]);
    ended.unwrap();
    insta::assert_snapshot!(shown, @r#"
    request
    POST https://models.example/v1/messages
    {
      "model": "x"
    }
    answer: HTTP 200
    {
      "content": []
    }
    read as hold: flat
    used 812 tokens in, 60 out, 0.0012 dollars
    "#);
    let ended = probe("anthropic/claude-haiku-4-5", &[("anthropic/claude-haiku-4-5", "HTTP 401: no")]);
    assert!(ended.1.contains("why not: HTTP 401: no"), "{ended:?}");
    assert!(input(&ended).contains("anthropic/claude-haiku-4-5 cannot be asked: HTTP 401: no"));
}

#[test]
fn what_somebody_changed_at_the_same_moment_is_not_overwritten() {
    let world = Empty::running();
    let apply = |stage: &Stage, text: &str| {
        let loaded = Settings::from_toml(text, FILE).unwrap();
        let wanted = Wanted { loaded: &loaded, file: FILE, shard: None, probes: false };
        world.run(stage, async |stage, person| strategy::apply_file(stage, wanted, person, noon()).await)
    };
    let by_hand = |key: Key, path: Path, attr: Attr| {
        move |stage: &Stage| {
            let write = Write::update(key, vec![Change::Set(path, attr)], vec![]);
            wait(stage.tables.write(vec![write])).unwrap();
        }
    };
    let cooldown = records::strategy_config::path::order_cooldown_seconds();
    let key = records::strategy_config::key(&demo());
    let stage = world.after(by_hand(key, cooldown, Attr::N("77".to_owned())));
    assert!(refused(&apply(&stage, &toml("order_cooldown_seconds = 30"))).contains("apply it again"));
    assert_eq!(world.settings("demo").order_cooldown, Millis::from_secs(77));
    // One more strategy joins the shard meanwhile: the new one is made whole or not at all.
    let joined = records::shard::strategies_attr(&[named("demo"), named("faster")]);
    let stage = world.after(by_hand(records::shard::key(0), records::shard::path::strategies(), joined));
    let before = world.everything();
    let text = toml("").replace("\"demo\"", "\"slower\"").replace("\"paper\"", "\"own\"");
    assert!(refused(&apply(&stage, &text)).contains("apply it again"));
    let shard = wait(world.stage.tables.get(&[records::shard::key(0)])).unwrap().remove(0).unwrap();
    assert_eq!(records::shard::decode(&shard).unwrap().strategies, [named("demo"), named("faster")]);
    let others = |tables: Vec<Vec<Item>>| tables.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(others(world.everything()), others(before));
    // And a status that has just changed is not started over.
    world.status("demo", Status::Halted);
    let stopped = records::state::status_attr(Status::Stopped);
    let stage = world.after(by_hand(records::state::key(&demo()), Path::of("status"), stopped));
    let started = world.run(&stage, async |stage, person| start::start(stage, &demo(), person, noon()).await);
    assert!(refused(&started).contains("its status has just changed"), "{started:?}");
    assert_eq!(world.state("demo").status, Status::Stopped);
}

#[test]
fn an_asset_of_an_account_belongs_to_one_strategy_and_an_account_to_one_shard() {
    let world = Empty::new();
    world.apply_text(&toml(""), Some(3)).0.unwrap();
    let other = toml("").replace("\"demo\"", "\"other\"");
    let said = input(&world.apply_text(&other, None));
    assert!(said.contains("symbols: BTC of account paper belongs to strategy demo"), "{said}");
    let ether = other.replace("BTC-USDT", "ETH-USDT");
    assert!(input(&world.apply_text(&ether, Some(0))).contains("trades in shard 3"));
    world.apply_text(&ether, None).0.unwrap();
    let key = records::shard::key(3);
    let shard = wait(world.stage.tables.get(&[key])).unwrap().remove(0).unwrap();
    assert_eq!(records::shard::decode(&shard).unwrap().strategies, [named("demo"), named("other")]);
    // Nor may it be taken later.
    assert!(input(&world.apply_text(&other, None)).contains("belongs to strategy demo"));
    world.apply_text(&other.replace("\"paper\"", "\"own\""), None).0.unwrap();
}

#[test]
fn where_orders_rest_changes_while_it_is_stopped_and_nothing_lives_and_not_otherwise() {
    let world = Empty::running();
    let moved = toml("").replace("account = \"paper\"", "account = \"second\"");
    let refused = |world: &Empty| input(&world.apply_text(&moved, None));
    assert!(refused(&world).contains("account: it changes where orders rest"));
    world.status("demo", Status::Stopped);
    let lives = records::state::live_attr(&Live::Position);
    world.update("demo", vec![Change::Set(records::state::path::live("demo.7"), lives)]);
    assert!(refused(&world).contains("something of it lives"));
    assert_eq!(world.settings("demo").account.as_str(), "paper");
    world.set("demo", "live", Attr::M(Item::new()));
    world.apply_text(&moved, None).0.unwrap();
    assert_eq!(world.settings("demo").account.as_str(), "second");
}

#[test]
fn a_stop_binds_at_once_and_shows_what_execute_made_of_it() {
    let world = Empty::running();
    let (ended, shown) = world.stop("demo");
    ended.unwrap();
    assert!(shown.contains("acknowledged by execute: positions 0, resting stops 0"), "{shown}");
    let state = world.state("demo");
    assert_eq!((state.status, state.status_ack), (Status::Stopped, Some(Status::Stopped)));
    assert_eq!(state.halt_reason.as_deref(), Some("stopped by ada at 2023-03-01T12:00:00Z"));
    // Its ordinary event, to the version that runs.
    let function = world.stage.names.function(Function::Execute);
    let called = format!(
        r#"/2015-03-31/functions/{function}/invocations?Qualifier=live {{"shard":0,"of":1,"scheduled_at":"2023-03-01T12:00:00Z"}}"#
    );
    assert_eq!(*world.lambda.calls.lock().unwrap(), [called]);
    assert!(input(&world.stop("nobody")).contains("no strategy nobody in stage paper"));
}

#[test]
fn a_stop_stands_although_execute_cannot_be_woken_and_says_so() {
    let world = Empty::running();
    *world.lambda.is_down.lock().unwrap() = true;
    let ended = world.stop("demo");
    assert!(ended.1.contains("Rate Exceeded"), "{ended:?}");
    assert!(
        refused(&ended).contains("demo is stopped, but execute has not acknowledged it yet"),
        "{ended:?}"
    );
    assert_eq!(world.state("demo").status, Status::Stopped);
}

#[test]
fn an_entry_that_still_lives_after_the_acknowledgement_is_named() {
    let world = Empty::running();
    let entry = records::state::live_attr(&Live::Order { position: terms().position_id, leg: Leg::Entry });
    let path = records::state::path::live(terms().order_id.as_str());
    world.update("demo", vec![Change::Set(path, entry)]);
    assert!(refused(&world.stop("demo")).contains("entries 1 and exits 0 are not over yet"));
}

/// A status that nobody can read is the night in which it matters.
#[test]
fn a_damaged_strategy_is_stopped_too() {
    for (name, attr) in
        [("status", Attr::Null), ("live", Attr::S("?".to_owned())), ("send_seq", Attr::Bool(true))]
    {
        let world = Empty::running();
        world.set("demo", name, attr);
        let ended = world.stop("demo");
        assert_eq!(world.state_item("demo")["status"], Attr::S("stopped".to_owned()));
        assert_eq!(ended.0.is_ok(), name == "status", "{name}: {ended:?}");
    }
}

#[test]
fn a_start_leads_to_warmup_from_wherever_and_takes_no_hold_away() {
    for from in [Status::Stopped, Status::Halted, Status::Reducing] {
        let world = Empty::running();
        world.status("demo", from);
        world.set("demo", "halt_reason", Attr::S("the key was refused".to_owned()));
        let held = records::state::path::hold(Hold::Divergence);
        world.update("demo", vec![Change::Set(held, records::attrs::time(noon() - Millis::from_minutes(7)))]);
        let (ended, shown) = world.start("demo");
        ended.unwrap();
        let wanted = format!("demo is in warmup; it was {}, the key was refused", from.as_str());
        assert!(
            shown.contains(&wanted) && shown.contains("divergence for 7 min, until books equal venue"),
            "{shown}"
        );
        let state = world.state("demo");
        assert_eq!((state.status, state.halt_reason), (Status::Warmup, None));
        assert_eq!(world.holds("demo"), [Hold::Divergence]);
    }
    let world = Empty::running();
    let (ended, shown) = world.start("demo");
    ended.unwrap();
    assert!(shown.contains("demo is running already"), "{shown}");
    assert_eq!(world.state("demo").status, Status::Running);
}

#[test]
fn what_no_function_could_serve_is_not_started() {
    let world = Empty::running();
    assert!(input(&world.start("nobody")).contains("no strategy nobody"));
    let lone = StrategyState::first(named("lone"), Status::Stopped, noon());
    world.put(records::state::key(&named("lone")), records::state::encode(&lone));
    assert!(refused(&world.start("lone")).contains("no item strategy-config lone"));
    let settings = Settings { strategy_id: named("lone"), ..world.settings("demo") };
    world.put(records::strategy_config::key(&named("lone")), records::strategy_config::encode(&settings));
    assert!(refused(&world.start("lone")).contains("lone stands in no shard"));
    assert_eq!(world.state("lone").status, Status::Stopped);
}

#[test]
fn an_emergency_stop_stops_all_wakes_each_shard_once_and_tells_people() {
    let world = Empty::running();
    world.another("second");
    let text = toml("").replace("\"demo\"", "\"far\"").replace("\"paper\"", "\"far\"");
    world.apply_text(&text, Some(1)).0.unwrap();
    let (ended, shown) = world.emergency(&world.stage, None);
    ended.unwrap();
    for id in ["demo", "second", "far"] {
        let state = world.state(id);
        assert_eq!((state.status, state.status_ack), (Status::Stopped, Some(Status::Stopped)), "{id}");
        assert!(shown.contains(&format!("{id}: acknowledged, positions 0")), "{shown}");
    }
    assert_eq!(world.lambda.calls.lock().unwrap().len(), 2);
    let told = world.aws.published();
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert!(told.topic_arn.ends_with(":tradai-paper-alerts"), "{told:?}");
    assert_eq!(told.subject.as_deref(), Some("[manual] emergency stop (paper)"));
    assert!(
        told.message.contains("all 3 strategies of stage paper by ada") && told.message.contains("is mad")
    );
}

/// Execute drops an event older than a minute and answers that all is well.
#[test]
fn a_stop_at_the_end_of_a_minute_is_acted_on_in_the_next_one() {
    let world = Empty::running();
    // The write and the invocation are of the last minute; what comes after is of this one.
    let late = noon() - Millis::from_secs(61);
    let moments = std::cell::RefCell::new(vec![late, late]);
    let clock = || moments.borrow_mut().pop().unwrap_or_else(noon);
    let late = async |stage: &Stage, person: &mut Person<'_>| {
        stop::stop(stage, &named("demo"), "ada", person, &clock).await
    };
    let (ended, shown) = world.run(&world.stage, late);
    ended.unwrap();
    assert!(shown.contains("acknowledged by execute"), "{shown}");
}

/// Somebody reads it through `head`.
#[test]
fn an_emergency_stop_whose_output_is_cut_off_is_no_less_a_stop() {
    let world = Empty::running();
    world.another("other");
    let mut out = CutOff;
    let order = EmergencyOrder { only: None, by: "ada", reason: None };
    let mut person = Person { out: &mut out, input: &mut &b""[..] };
    let ended = wait(emergency_stop::stop(&world.stage, &order, &mut person, noon));
    assert!(matches!(&ended, Err(NotDone::Refused(why)) if why.contains("output: ")), "{ended:?}");
    for id in ["demo", "other"] {
        assert_eq!(world.state(id).status_ack, Some(Status::Stopped), "{id}");
    }
    assert_eq!(world.aws.published().len(), 1, "people are told");
}

/// A pipe that nobody reads any more.
struct CutOff;

impl std::io::Write for CutOff {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_emergency_stop_goes_on_past_one_that_fails_and_names_it() {
    let world = Empty::running();
    world.another("broken");
    world.another("zeta");
    let ended = world.emergency(&world.without("broken"), None);
    let said = refused(&ended);
    assert!(said.contains("broken: not written") && said.contains("unplugged"), "{said}");
    assert!(!said.contains("demo") && !said.contains("zeta"), "{said}");
    assert_eq!(world.state("demo").status, Status::Stopped);
    assert_eq!(world.state("zeta").status, Status::Stopped);
    assert_eq!(world.state("broken").status, Status::Running);
    assert_eq!(world.aws.published().len(), 1, "people are told all the same");
    assert!(input(&world.emergency(&world.stage, Some("nobody"))).contains("no strategy nobody"));
    world.emergency(&world.stage, Some("broken")).0.unwrap();
    assert_eq!(world.state("broken").status, Status::Stopped);
}

#[test]
fn a_healthy_stage_is_a_table_and_exit_code_0() {
    let world = Empty::running();
    // Left by somebody who set the status by hand.
    world.set("demo", "halt_reason", Attr::S("of yesterday".to_owned()));
    let (ended, shown) = world.show(None, noon() + Millis::from_secs(40));
    ended.unwrap();
    insta::assert_snapshot!(shown, @r"
    stage paper at 2023-03-01T12:00:40Z
     strategy  status   holds  beat  decide  execute  reconcile  positions  orders  today
     demo      running  none   40 s  40 s    40 s     never      0          0       0 of 20 orders, 0 of 5 USD
    ");
    assert_eq!(
        Empty::new().show(None, noon()),
        (Ok(()), "stage paper at 2023-03-01T12:00:00Z\nno strategy\n".to_owned())
    );
    assert!(input(&world.show(Some("nobody"), noon())).contains("no strategy nobody"));
}

/// One that holds a position under a gate, whose beats are old and whose incident stands.
#[test]
fn what_is_held_and_what_is_wrong_is_shown_and_ends_with_exit_code_1() {
    let world = Empty::running();
    world.another("well");
    let held = Position::before_first_fill(
        terms().position_id,
        AccountId::parse("paper").unwrap(),
        terms().symbol,
        Price::parse("19000").unwrap(),
        None,
        noon(),
    );
    world.put(records::position::key(&held.id), records::position::encode(&held));
    let order = Order { terms: terms(), state: offered() };
    world.put(records::order::key(&held.id, &terms().order_id), records::order::encode(&order));
    let alert = Alert { since: noon(), key: "pnl".to_owned(), detail: "daily loss gate open".to_owned() };
    let live = |entry: &Live| records::state::live_attr(entry);
    world.update(
        "demo",
        vec![
            Change::Set(records::state::path::hold(Hold::PnlGate), records::attrs::time(noon())),
            Change::Set(records::state::path::alert("gate-open"), records::state::alert_attr(&alert)),
            Change::Set(records::state::path::live(&held.id.to_string()), live(&Live::Position)),
            Change::Set(
                records::state::path::live(terms().order_id.as_str()),
                live(&Live::Order { position: held.id.clone(), leg: Leg::Entry }),
            ),
        ],
    );
    let incident_id = shared::ids::IncidentId::derive(&env(), "gate-open", "demo", "noon");
    let incident = Incident {
        incident_id: incident_id.clone(),
        kind: "gate-open".to_owned(),
        severity: Severity::Page,
        strategy_id: Some(demo()),
        subject: "demo".to_owned(),
        since: noon(),
        detail: alert.detail.clone(),
        opened_at: noon(),
        claimed_at: None,
        published_at: None,
        reminded_at: None,
        resolved_at: None,
        recovery_published_at: None,
    };
    world.put(records::incident::key(&incident_id), records::incident::encode(&incident));
    let later = noon() + Millis::from_secs(130);
    let ended = world.show(Some("demo"), later);
    let said = refused(&ended);
    assert!(said.contains("gate-open of demo") && said.contains("heartbeat-stale of demo"), "{said}");
    insta::assert_snapshot!(ended.1, @r"
    stage paper at 2023-03-01T12:02:10Z
     strategy  status   holds           beat   decide  execute  reconcile  positions  orders  today
     demo      running  pnl_gate 2 min  2 min  2 min   2 min    never      1          1       0 of 20 orders, 0 of 5 USD
    demo: position demo.1677672000: 0 BTC-USDT open, entry not known, stop 19000
    demo: order 2jztl3qg4xy57q77743a4dnmfdww5d7q: entry, buy 0.01 BTC-USDT at the market, awaiting_approval
    page: gate-open, demo, for 2 min: daily loss gate open
    page: heartbeat-stale, demo, for 2 min, no incident yet: last_heartbeat is 2023-03-01T12:00:00Z, 130 s old
    ");
    assert!(!ended.1.contains("well"), "{ended:?}");
    let said = refused(&world.show(None, later));
    assert!(said.contains("heartbeat-stale of well"), "{said}");
}

#[test]
fn a_damaged_item_is_shown_as_unreadable_and_needs_a_person() {
    let world = Empty::running();
    world.set("demo", "live", Attr::S("?".to_owned()));
    let ended = world.show(None, noon());
    assert!(refused(&ended).contains("item-damaged of demo"), "{ended:?}");
    assert!(ended.1.contains("live: is a string"), "{ended:?}");
}

/// The built program: a file, its refusal, and the exit codes.
#[test]
fn the_program_applies_starts_and_shows_over_a_socket() {
    let world = Empty::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let served = runtime.block_on(serve_local(world.aws.clone(), world.clock.shared())).unwrap();
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join("strategy.toml");
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tradai"));
        command.env_clear().env("AWS_ENDPOINT_URL", served.url()).env("AWS_DEFAULT_REGION", REGION);
        command.env("AWS_ACCESS_KEY_ID", "sim").env("AWS_SECRET_ACCESS_KEY", "sim").env("USER", "ada");
        let output = command.args(args).args(["--env", "paper"]).current_dir(folder).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    std::fs::write(&file, toml("").replace("5.0", "\"many\"")).unwrap();
    let (code, _, said) = run(&["strategy", "apply", "strategy.toml"]);
    assert!(code == Some(2) && said.starts_with("tradai: strategy.toml:8: llm_usd_per_day: "), "{said}");
    std::fs::write(&file, toml("")).unwrap();
    let (code, shown, said) = run(&["strategy", "apply", "strategy.toml"]);
    assert!(code == Some(0) && shown.contains("demo is stopped"), "{shown} {said}");
    let (code, shown, said) = run(&["start", "demo"]);
    assert!(code == Some(0) && shown.contains("demo is in warmup"), "{shown} {said}");
    let (code, shown, _) = run(&["status", "demo"]);
    assert!(code == Some(0) && shown.contains("warmup"), "{shown}");
    // No function answers at this address.
    let (code, _, said) = run(&["stop", "demo"]);
    assert!(
        code == Some(1) && said.contains("has not acknowledged it yet") && said.lines().count() == 1,
        "{said}"
    );
    let (code, shown, said) = run(&["emergency-stop", "--all"]);
    assert!(code == Some(1) && shown.contains("demo: stopped"), "{shown} {said}");
    let (code, _, said) = run(&["emergency-stop"]);
    assert!(code == Some(2) && said.contains("--all"), "{said}");
    let (code, _, said) = run(&["strategy", "apply", "nowhere.toml"]);
    assert!(code == Some(2) && said.starts_with("tradai: nowhere.toml: the file cannot be read"), "{said}");
}
