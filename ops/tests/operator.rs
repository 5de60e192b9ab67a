//! The commands that operate a stage, over the embedded AWS: in process, and once as the built program behind a
//! socket. What they leave is what execute reads.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

#[path = "operator/strategies.rs"]
mod strategies;

use std::process::Command;
use std::sync::Arc;

use ops::gate;
use ops::not_done::NotDone;
use ops::person::Person;
use ops::stage::Stage;
use ops::{approvals, approve, model, reject, status};
use serde_json::json;
use shared::approval::{Answer, Offer, verify};
use shared::aws::clients::{AwsConfig, AwsKeys, time_source};
use shared::ids::{AccountId, Env, Leg, OrderId, PositionId, ProviderId, StrategyId, Symbol};
use shared::market::Side;
use shared::money::{Price, Qty};
use shared::order::{Kind, Order, Origin, State, Terms};
use shared::records;
use shared::records::llm::{Cause, Declined, LlmLedger, SwitchedOff, TOKEN_BOUND, UNUSABLE, Unusable};
use shared::secret::Secret;
use shared::state::{Alert, GateName, Live, StrategyState};
use shared::status::{Hold, Status};
use shared::store::{Attr, Change, Item, Key, Path, ReadTables, Write, WriteTables};
use shared::tables::{Names, PREFIX, Table};
use shared::time::{Millis, Timestamp};
use shared::transport::SharedTransport;
use sim::aws::{EmbeddedAws, HOSTS};
use sim::clock::SimClock;
use sim::in_process::InProcess;
use sim::socket::serve_local;
use sim::world::REGION;

const KEY: &str = "approval-canary";

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}
fn noon() -> Timestamp {
    at("2023-03-01T12:00:00Z")
}
/// Far enough for a program that has the real time.
fn end() -> Timestamp {
    at("2999-01-01T00:00:00Z")
}
fn env() -> Env {
    Env::parse("paper").unwrap()
}
fn demo() -> StrategyId {
    StrategyId::parse("demo").unwrap()
}

/// A stage with one strategy, one of whose orders waits.
struct World {
    aws: Arc<EmbeddedAws>,
    clock: SimClock,
    stage: Stage,
}

/// How a command ended, and what the person saw.
type Ended = (Result<(), NotDone>, String);

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn terms() -> Terms {
    let position_id = PositionId::parse("demo.1677672000").unwrap();
    let account = AccountId::parse("main").unwrap();
    Terms {
        order_id: OrderId::derive(&env(), &account, &position_id, Leg::Entry, 0),
        position_id,
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
        decided_price: Some(Price::parse("20000").unwrap()),
        decided_at: noon(),
        decision: None,
        created_at: noon(),
        trace: "demo-1".to_owned(),
    }
}

fn offered() -> State {
    State::AwaitingApproval { expires_at: end(), bound: Price::parse("20100").unwrap() }
}

impl World {
    fn new() -> World {
        let names = Names { prefix: PREFIX.to_owned(), env: env() };
        let aws = Arc::new(EmbeddedAws::new(REGION, noon()).unwrap());
        for table in Table::ALL {
            aws.create_table(&names.table(table), table.hash_key(), table.range_key()).unwrap();
        }
        aws.create_secret(&names.approval_secret(), &json!({"api_key": KEY}).to_string());
        let clock = SimClock::new(noon());
        let transport: SharedTransport = Arc::new(InProcess::new(clock.shared()).route(HOSTS, aws.clone()));
        let config = AwsConfig {
            region: REGION.to_owned(),
            endpoint: None,
            keys: Some(AwsKeys { access_key: "sim".into(), secret_key: "sim".into(), session_token: None }),
            timeout: Millis::from_secs(3),
            time: time_source(noon),
        };
        let world = World { aws, clock, stage: Stage::over(names, &config, &transport) };
        let mut state = StrategyState::first(demo(), Status::Running, noon());
        let live = Live::Order { position: terms().position_id, leg: Leg::Entry };
        state.live.insert(terms().order_id.to_string(), live);
        world.put(records::state::key(&demo()), records::state::encode(&state));
        world.put(world.order_key(), records::order::encode(&Order { terms: terms(), state: offered() }));
        world
    }

    fn put(&self, key: Key, item: Item) {
        wait(self.stage.tables.write(vec![Write::put_if_absent(key, item)])).unwrap();
    }
    fn change(&self, key: Key, path: Path, attr: Attr) {
        wait(self.stage.tables.write(vec![Write::update(key, vec![Change::Set(path, attr)], vec![])]))
            .unwrap();
    }
    fn hold(&self, hold: Hold) {
        let path = records::state::path::hold(hold);
        self.change(records::state::key(&demo()), path, records::attrs::time(noon()));
    }
    fn order_key(&self) -> Key {
        records::order::key(&terms().position_id, &terms().order_id)
    }
    fn item(&self, key: Key) -> Item {
        wait(self.stage.tables.get(&[key])).unwrap().remove(0).unwrap()
    }
    fn answer(&self) -> Option<Answer> {
        records::order::approval(&self.item(self.order_key())).unwrap()
    }
    fn move_order_to(&self, state: &State) {
        let changes = records::order::state_changes(state);
        wait(self.stage.tables.write(vec![Write::update(self.order_key(), changes, vec![])])).unwrap();
    }

    fn run(
        &self,
        typed: &str,
        command: impl AsyncFnOnce(&Stage, &mut Person<'_>) -> Result<(), NotDone>,
    ) -> Ended {
        let (mut out, mut input) = (Vec::new(), typed.as_bytes());
        let mut person = Person { out: &mut out, input: &mut input };
        let ended = wait(command(&self.stage, &mut person));
        (ended, String::from_utf8(out).unwrap())
    }
    fn approve(&self, typed: &str, now: Timestamp) -> Ended {
        let id = terms().order_id;
        let yes = typed == "--yes";
        self.run(typed, async |stage, person| {
            approve::ask_and_approve(stage, &id, "ada", yes, person, || now).await
        })
    }
    fn reject(&self, now: Timestamp) -> Ended {
        let id = terms().order_id;
        self.run("", async |stage, person| reject::reject(stage, &id, "ada", person, now).await)
    }
    fn list(&self, now: Timestamp) -> Ended {
        self.run("", async |stage, person| approvals::list(stage, person, now).await)
    }
    fn reset(&self, gate: Option<GateName>) -> Ended {
        self.run("", async |stage, person| gate::reset(stage, &demo(), gate, "ada", person, noon()).await)
    }
}

fn input(ended: &Ended) -> String {
    let Err(NotDone::Input(line)) = &ended.0 else { panic!("{ended:?}") };
    assert!(!line.to_string().contains('\n'), "{line}");
    line.to_string()
}
fn refused(ended: &Ended) -> String {
    let Err(NotDone::Refused(line)) = &ended.0 else { panic!("{ended:?}") };
    line.clone()
}

#[test]
fn what_waits_is_listed_with_terms_bound_and_end() {
    let world = World::new();
    let (ended, shown) = world.list(end() - Millis::from_secs(899));
    ended.unwrap();
    let id = terms().order_id.to_string();
    let wanted = [
        "demo",
        &id,
        "buy 0.01 BTC-USDT market, stop 19000, no take profit, at most 20100 each",
        "in 14 min 59 s",
    ];
    assert!(wanted.iter().all(|part| shown.contains(part)), "{shown}");
    world.reject(noon()).0.unwrap();
    assert_eq!(world.list(noon()), (Ok(()), "nothing waits\n".to_owned()));
}

/// A list that may lack something says so, and ends otherwise than well.
#[test]
fn a_strategy_that_cannot_be_read_hides_no_other_and_is_named() {
    let world = World::new();
    let other = StrategyId::parse("broken").unwrap();
    let key = records::state::key(&other);
    let mut item = records::state::encode(&StrategyState::first(other, Status::Running, noon()));
    item.insert("live".to_owned(), Attr::S("?".to_owned()));
    world.put(key, item);
    let listed = world.list(noon());
    assert!(listed.1.contains("buy 0.01 BTC-USDT"), "{listed:?}");
    assert!(refused(&listed).contains("broken"), "{listed:?}");
    world.approve("--yes", noon()).0.unwrap();
}

#[test]
fn an_order_is_shown_in_full_and_approved_exactly_as_shown() {
    let world = World::new();
    let (ended, shown) = world.approve("yes\n", noon());
    ended.unwrap();
    let id = terms().order_id.to_string();
    for part in [
        id.as_str(),
        "demo, account main, stage paper",
        "at most 201 USDT",
        "at a price of 20000",
        "2999-01-01",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains(KEY), "{shown}");
    let Some(Answer::Approved(given)) = world.answer() else { panic!("{:?}", world.answer()) };
    assert_eq!((given.by.as_str(), given.at), ("ada", noon()));
    let offer = Offer::of(&Order { terms: terms(), state: offered() }).unwrap();
    assert!(verify(&Secret::new(KEY.to_owned()), &env(), &offer, &given));
}

#[test]
fn nothing_is_approved_without_the_whole_word_or_the_flag() {
    let world = World::new();
    for typed in ["y\n", "no\n", "\n", "yes please\n"] {
        assert_eq!(refused(&world.approve(typed, noon())), "not confirmed, nothing was done");
    }
    assert!(input(&world.approve("", noon())).contains("--yes"));
    assert_eq!(world.answer(), None);
    world.approve("--yes", noon()).0.unwrap();
    assert!(world.answer().is_some());
}

#[test]
fn an_order_that_does_not_wait_is_one_line_that_says_why() {
    let both = |world: &World, wanted: &str, now: Timestamp| {
        for ended in [world.approve("--yes", now), world.reject(now)] {
            assert!(input(&ended).contains(wanted), "{ended:?}");
        }
    };
    let world = World::new();
    both(&world, "its offer ended at 2999-01-01", end());
    world.approve("--yes", noon()).0.unwrap();
    both(&world, "is approved already, by ada at 2023-03-01T12:00:00Z", noon());
    let world = World::new();
    world.reject(noon()).0.unwrap();
    assert!(matches!(world.answer(), Some(Answer::Rejected(_))));
    both(&world, "is rejected already, by ada", noon());
    let world = World::new();
    world.move_order_to(&State::DryRun);
    both(&world, "does not wait for an answer: it is dry_run", noon());
    world.change(records::state::key(&demo()), Path::of("live"), Attr::M(Item::new()));
    both(&world, "lives in stage paper: it is over, or never was", noon());
}

/// The person takes their time, and the order becomes another meanwhile.
#[test]
fn an_order_that_changes_while_the_person_reads_is_not_approved() {
    let world = World::new();
    let ended = world.run("", async |stage, person| {
        let mut slow = Meanwhile { world: &world, state: Some(offered_at("20200")) };
        let mut person = Person { out: person.out, input: &mut slow };
        approve::ask_and_approve(stage, &terms().order_id, "ada", false, &mut person, noon).await
    });
    assert!(input(&ended).contains("has changed since it was shown"), "{ended:?}");
    assert_eq!(world.answer(), None);
}

fn offered_at(bound: &str) -> State {
    State::AwaitingApproval { expires_at: end(), bound: Price::parse(bound).unwrap() }
}

/// Types yes, once the order has become another.
struct Meanwhile<'a> {
    world: &'a World,
    state: Option<State>,
}

impl std::io::Read for Meanwhile<'_> {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Ok(0)
    }
}
impl std::io::BufRead for Meanwhile<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if let Some(state) = self.state.take() {
            // A person types outside of the program's own runtime.
            std::thread::scope(|scope| scope.spawn(|| self.world.move_order_to(&state)).join()).unwrap();
        }
        Ok(b"yes\n")
    }
    fn consume(&mut self, _: usize) {}
}

#[test]
fn without_the_approval_secret_nothing_is_approved_and_the_mend_is_named() {
    let world = World::new();
    world.aws.create_secret("tradai/paper/approval", "{}");
    let line = input(&world.approve("--yes", noon()));
    assert!(line.contains("tradai/paper/approval") && line.contains("api_key"), "{line}");
    // To reject needs no key.
    world.reject(noon()).0.unwrap();
}

#[test]
fn models_that_are_off_are_resumed_by_a_person_who_is_named() {
    let world = World::new();
    let resume = || world.run("", async |stage, person| model::resume(stage, "ada", person, noon()).await);
    assert!(input(&resume()).contains("no model is switched off"));
    let name = ProviderId::parse("fleet").unwrap();
    let off = SwitchedOff { at: at("2023-03-01T11:55:00Z"), detail: "501 USD within an hour".to_owned() };
    let ledger = LlmLedger { switched_off: Some(off), ..LlmLedger::first(name.clone()) };
    let key = records::llm::key(&name);
    let put = Write::put_if_absent(key.clone(), records::llm::encode(&ledger));
    wait(world.stage.tables.write(vec![put])).unwrap();
    let (ended, shown) = resume();
    ended.unwrap();
    assert!(shown.contains("resumed by ada: fleet") && shown.contains("501 USD"), "{shown}");
    let ledger = records::llm::decode(&world.item(key)).unwrap();
    assert_eq!(ledger.off(), None);
    assert!(ledger.switched_off.is_some(), "what was switched off is decide's to say");
    assert!(input(&resume()).contains("no model is switched off"));
}

#[test]
fn a_model_that_needs_a_person_is_shown_until_a_person_says_that_it_is_mended() {
    let world = World::new();
    let name = ProviderId::parse("anthropic").unwrap();
    let (since, key) = (at("2023-03-01T11:55:00Z"), records::llm::key(&name));
    let gone = Unusable {
        cause: Cause::Gone,
        since,
        tried_at: since,
        detail: "no such model: model: claude-2.1".to_owned(),
    };
    let unusable = [("claude-2.1".to_owned(), gone)].into();
    let alert = Alert { since, key: "claude-2.1 gone".to_owned(), detail: "no such model".to_owned() };
    let alerts = [(UNUSABLE.to_owned(), alert)].into();
    let ledger = LlmLedger { unusable, alerts, ..LlmLedger::first(name) };
    world.put(key.clone(), records::llm::encode(&ledger));
    let status = || world.run("", async |stage, person| status::show(stage, None, person, noon()).await).1;
    assert!(status().contains("page: model-unusable, llm#anthropic"), "{}", status());
    let resume = || world.run("", async |stage, person| model::resume(stage, "ada", person, noon()).await);
    let (ended, shown) = resume();
    ended.unwrap();
    assert!(shown.contains("resumed by ada: anthropic/claude-2.1, of no use since"), "{shown}");
    let mended = records::llm::decode(&world.item(key)).unwrap();
    assert_eq!(mended.standing().count(), 0);
    assert_eq!((&mended.unusable, &mended.alerts), (&ledger.unusable, &ledger.alerts), "these are decide's");
    assert!(!status().contains("model-unusable"), "{}", status());
    assert!(input(&resume()).contains("nothing to resume"));
}

#[test]
fn a_model_that_refuses_every_question_is_resumed_and_one_bounded_too_high_is_lowered() {
    let world = World::new();
    let name = ProviderId::parse("anthropic").unwrap();
    let (since, key) = (at("2023-03-01T11:55:00Z"), records::llm::key(&name));
    let declined = Declined {
        model: "old".to_owned(),
        count: 5,
        first: since - Millis::from_minutes(10),
        since: Some(since),
        at: since,
        detail: "400: no".to_owned(),
    };
    let alert = Alert { since, key: "small".to_owned(), detail: "small used 900 %".to_owned() };
    let ledger = LlmLedger {
        declined: [("demo old".to_owned(), declined)].into(),
        factors: [("small".to_owned(), 900)].into(),
        alerts: [(TOKEN_BOUND.to_owned(), alert)].into(),
        ..LlmLedger::first(name)
    };
    world.put(key.clone(), records::llm::encode(&ledger));
    let (ended, shown) =
        world.run("", async |stage, person| model::resume(stage, "ada", person, noon()).await);
    ended.unwrap();
    assert!(shown.contains("anthropic/old, refuses every question of demo since"), "{shown}");
    let lower = |model| world.run("", async |stage, person| model::lower(stage, model, "ada", person).await);
    assert!(input(&lower("small")).contains("PROVIDER/MODEL"));
    assert!(input(&lower("openai/small")).contains("of openai these are: none"));
    assert!(input(&lower("anthropic/large")).contains("of anthropic these are: anthropic/small"));
    let (ended, shown) = lower("anthropic/small");
    ended.unwrap();
    assert!(shown.contains("lowered by ada: anthropic/small had used 900 %"), "{shown}");
    let after = records::llm::decode(&world.item(key)).unwrap();
    assert!(after.factors.is_empty() && after.is_over(TOKEN_BOUND, noon()) && after.needs_person().is_none());
    assert!(input(&lower("anthropic/small")).contains("is not raised"));
}

#[test]
fn one_damaged_ledger_keeps_no_other_model_from_being_resumed() {
    let world = World::new();
    let off = SwitchedOff { at: at("2023-03-01T11:55:00Z"), detail: "501 USD within an hour".to_owned() };
    let plant = |name: &str| {
        let name = ProviderId::parse(name).unwrap();
        let ledger = LlmLedger { switched_off: Some(off.clone()), ..LlmLedger::first(name.clone()) };
        world.put(records::llm::key(&name), records::llm::encode(&ledger));
        records::llm::key(&name)
    };
    let (first, damaged, last) = (plant("anthropic"), plant("bedrock"), plant("fleet"));
    world.change(damaged.clone(), Path::of("count"), Attr::S("many".to_owned()));
    let before = world.item(damaged.clone());
    let resume = || world.run("", async |stage, person| model::resume(stage, "ada", person, noon()).await);
    let (ended, shown) = resume();
    for key in [first, last] {
        assert_eq!(records::llm::decode(&world.item(key.clone())).unwrap().off(), None, "{key:?}");
    }
    assert_eq!(world.item(damaged), before);
    assert_eq!(shown.matches("resumed by ada").count(), 2, "{shown}");
    assert!(shown.contains("llm#bedrock") && shown.contains("count"), "{shown}");
    let is_damaged = |ended: Result<(), NotDone>| matches!(ended.unwrap_err(), NotDone::Refused(why) if why.contains("llm#bedrock"));
    assert!(is_damaged(ended));
    assert!(is_damaged(resume().0), "what cannot be read is not said to be on");
}

#[test]
fn a_gate_is_reset_by_a_request_that_names_gate_person_and_time() {
    let world = World::new();
    assert!(input(&world.reset(None)).contains("no gate of demo is open"));
    world.hold(Hold::Divergence);
    assert!(input(&world.reset(Some(GateName::Pnl))).contains("the pnl gate of demo is not open"));
    world.hold(Hold::RejectionGate);
    world.reset(None).0.unwrap();
    let asked = |world: &World| world.item(records::state::key(&demo()))["gate_reset"].clone();
    let request = |gate: &str| {
        let text = |text: &str| Attr::S(text.to_owned());
        let by = ("by".to_owned(), text("ada"));
        Attr::M(Item::from([
            ("gate".to_owned(), text(gate)),
            by,
            ("at".to_owned(), text("2023-03-01T12:00:00Z")),
        ]))
    };
    assert_eq!(asked(&world), request("rejection"));
    world.hold(Hold::PnlGate);
    assert!(input(&world.reset(None)).contains("--gate"));
    world.reset(Some(GateName::Pnl)).0.unwrap();
    assert_eq!(asked(&world), request("pnl"));
    // The request touches neither the holds nor what execute counts.
    let state = records::state::decode(&world.item(records::state::key(&demo()))).unwrap();
    assert_eq!((state.holds.len(), state.status), (3, Status::Running));
    let nobody = StrategyId::parse("nobody").unwrap();
    let ended =
        world.run("", async |stage, person| gate::reset(stage, &nobody, None, "ada", person, noon()).await);
    assert!(input(&ended).contains("no strategy nobody in stage paper"), "{ended:?}");
}

/// The built program: environment, arguments, output and exit codes.
#[test]
fn the_program_lists_approves_and_refuses_over_a_socket() {
    let world = World::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let served = runtime.block_on(serve_local(world.aws.clone(), world.clock.shared())).unwrap();
    let run = |args: &[&str], keys: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tradai"));
        command.env_clear().env("AWS_ENDPOINT_URL", served.url()).env("AWS_DEFAULT_REGION", REGION);
        command.env("USER", "ada").envs(keys.iter().copied()).args(args);
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let keys = [("AWS_ACCESS_KEY_ID", "sim"), ("AWS_SECRET_ACCESS_KEY", "sim")];
    let id = terms().order_id.to_string();
    let (code, shown, _) = run(&["approvals", "--env", "paper"], &keys);
    assert!(code == Some(0) && shown.contains(&id), "{code:?} {shown}");
    let (code, _, said) = run(&["approve", &id, "--env", "paper"], &keys);
    assert_eq!((code, said.as_str()), (Some(2), "tradai: nobody answered; in a script, give --yes\n"));
    let (code, shown, said) = run(&["approve", &id, "--env", "paper", "--yes", "--as", "eve"], &keys);
    assert!(code == Some(0) && shown.contains("approved by eve"), "{code:?} {shown} {said}");
    let (code, _, said) = run(&["reject", &id, "--env", "paper"], &keys);
    assert!(code == Some(2) && said.contains("is approved already, by eve"), "{said}");
    let (code, _, said) = run(&["gate", "reset", "demo", "--env", "paper"], &keys);
    assert!(code == Some(2) && said.starts_with("tradai: no gate of demo is open"), "{said}");
    let (code, _, said) = run(&["approvals", "--env", "paper"], &[]);
    assert!(code == Some(2) && said.starts_with("tradai: AWS_ACCESS_KEY_ID is not set"), "{said}");
    let (code, _, said) = run(&["approvals", "--env", "nowhere"], &keys);
    assert!(code == Some(1) && said.lines().count() == 1, "{said}");
    assert!(matches!(world.answer(), Some(Answer::Approved(given)) if given.by == "eve"));
}
