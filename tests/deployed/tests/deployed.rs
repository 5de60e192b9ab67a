//! The real stacks in an emulated account, with IAM evaluation on, looked at from outside with the real AWS CLI.
//!
//! One test, because one deployment serves all of it and schedules fire in real minutes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

#[path = "deployed/runbook.rs"]
mod runbook;
#[path = "deployed/trading.rs"]
mod trading;

use std::path::Path;

use deployed::account::{ACCOUNT, Account, REGION};
use deployed::aws::Caller;
use deployed::cdk::{self, Cdk, Change};
use deployed::elsewhere::Elsewhere;
use deployed::program::{self, Program};
use deployed::run::Failed;
use deployed::tools::Tools;
use deployed::until::{now, until};
use deployed::{aws_json, packages, readme};
use serde_json::Value;
use shared::ids::{AccountId, Env, StrategyId};
use shared::records::{self, AccountLedger, Shard};
use shared::settings::Settings;
use shared::state::StrategyState;
use shared::status::Status;
use shared::store::{Item, Key};
use shared::tables::{Names, PREFIX, Table};
use shared::time::{Millis, Timestamp};

/// A tick comes each minute; the second one is certain within this.
const TWO_TICKS: u64 = 150;

/// The stage, its account, and the one who looks.
struct Stage<'a> {
    names: Names,
    aws: Caller<'a>,
    /// Receives what the alerts topic is told.
    pager: String,
}

#[test]
fn the_stacks_are_deployed_run_and_page() {
    let (tools, folder) = Tools::here(env!("CARGO_TARGET_TMPDIR")).unwrap_or_else(|error| panic!("{error}"));
    let account = Account::open(&tools, &folder).unwrap_or_else(|error| panic!("{error}"));
    let elsewhere = Elsewhere::open().unwrap_or_else(|error| panic!("{error}"));
    let (venue, model) = (elsewhere.venue.clone(), elsewhere.model.clone());
    let packages = packages::folder(&tools);
    let cdk = Cdk { tools: &tools, account: &account, packages, output: cdk::output(&folder), venue, model };
    let scenario = Scenario { cdk, elsewhere, folder: &folder };
    scenario.play().unwrap_or_else(|error| panic!("{error}"));
}

/// Everything that stands on this machine.
struct Scenario<'a> {
    cdk: Cdk<'a>,
    elsewhere: Elsewhere,
    folder: &'a Path,
}

impl Scenario<'_> {
    fn play(&self) -> Result<(), Failed> {
        assert!(readme::commands().len() <= readme::MOST, "{:?}", readme::commands());
        println!("{}", readme::follow(&self.cdk)?);
        let Cdk { tools, account, .. } = self.cdk;
        let root = Caller::root(tools, account);
        let stage = Stage::look(root.clone())?;
        stage.seed()?;
        stage.every_schedule_is_enabled()?;
        stage.permissions_are_those_of_the_roles()?;
        // Everything that a person does has the permissions of an operator, and no other.
        trading::file(self.folder)?;
        let operator = operator(&root)?;
        let tradai = Program::new(program::built(tools), self.folder, operator.clone());
        let trading = trading::Trading { stage: &stage, tradai, operator, elsewhere: &self.elsewhere };
        trading.a_strategy_is_applied_and_started()?;

        stage.beats_are_fresh_although_nothing_trades()?;
        stage.a_stale_beat_is_a_page_and_an_alarm()?;
        trading.its_other_commands_have_answers_here()?;

        trading.a_denied_secret_is_a_page_and_it_runs_without_the_denial()?;
        trading.it_buys_and_the_books_are_the_exchanges()?;
        trading.a_stop_is_acknowledged_at_once_and_it_starts_again()?;
        trading.the_readmes_strategy_trades_on_paper()?;
        assert_eq!(self.cdk.deploy()?, Change::None, "a second deployment changes nothing");
        trading.a_roll_back_trades_on()?;
        trading.the_founding_runbooks_commands_do_what_it_says()?;
        trading.what_was_sold_by_hand_is_in_the_books()?;
        trading.an_emergency_stop_stops_it()?;
        trading.execute_is_taken_its_concurrency_and_given_it_back()?;
        stage.a_page_that_cannot_be_published_is_an_alarm_and_goes_out_once_it_can()
    }
}

/// A role that has the policies of people who operate, and nothing else.
fn operator<'a>(root: &Caller<'a>) -> Result<Caller<'a>, Failed> {
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"sts:AssumeRole",
        "Principal":{{"AWS":"arn:aws:iam::{ACCOUNT}:root"}}}}]}}"#
    );
    root.ask(&["iam", "create-role", "--role-name", "ada", "--assume-role-policy-document", &trust])?;
    for policy in ["operator", "viewer"] {
        let arn = format!("arn:aws:iam::{ACCOUNT}:policy/tradai-dev-{policy}");
        root.ask(&["iam", "attach-role-policy", "--role-name", "ada", "--policy-arn", &arn])?;
    }
    // Where AWS asks for lambda:UpdateAlias, the emulator asks for the permission to list what is updated; and it does not
    // see which alarms DescribeAlarms names.
    let lists = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
        "Action":["lambda:ListAliases","cloudwatch:DescribeAlarms"],"Resource":"*"}]}"#;
    let policy = ["--role-name", "ada", "--policy-name", "emulator", "--policy-document", lists];
    root.ask(&[&["iam", "put-role-policy"], policy.as_slice()].concat())?;
    root.as_role("ada")
}

impl<'a> Stage<'a> {
    fn look(aws: Caller<'a>) -> Result<Stage<'a>, Failed> {
        let names = Names { prefix: PREFIX.to_owned(), env: Env::parse("dev").unwrap() };
        let (topic, queue) = (arn("sns", "tradai-dev-alerts"), arn("sqs", "pager"));
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"sqs:SendMessage",
            "Principal":{{"Service":"sns.amazonaws.com"}},"Resource":"{queue}"}}]}}"#
        );
        let attributes = serde_json::json!({ "Policy": policy }).to_string();
        let made = aws.ask(&["sqs", "create-queue", "--queue-name", "pager", "--attributes", &attributes])?;
        let pager = made["QueueUrl"].as_str().unwrap().to_owned();
        let subscribe = ["sns", "subscribe", "--topic-arn", &topic, "--protocol", "sqs"];
        aws.ask(&[subscribe.as_slice(), &["--notification-endpoint", &queue]].concat())?;
        Ok(Stage { names, aws, pager })
    }

    /// `idle` is stopped and in the shard, beside what the README has put there; `lost` runs, but stands in no shard, and its beats are old.
    fn seed(&self) -> Result<(), Failed> {
        let (since, long_ago) = (now(), now() - Millis::from_minutes(30));
        self.strategy("idle", Status::Stopped, since)?;
        self.strategy("lost", Status::Running, long_ago)?;
        let shard = Shard { shard: 0, strategies: vec![id(trading::README), id("idle")] };
        self.put(&records::shard::key(0), records::shard::encode(&shard))
    }

    fn strategy(&self, name: &str, status: Status, since: Timestamp) -> Result<(), Failed> {
        let settings = Settings::from_toml(&toml(name), "deployed.toml").unwrap().settings;
        self.put(&records::strategy_config::key(&id(name)), records::strategy_config::encode(&settings))?;
        let state = StrategyState::first(id(name), status, since);
        self.put(&records::state::key(&id(name)), records::state::encode(&state))?;
        let ledger = AccountLedger::first(AccountId::parse(name).unwrap());
        self.put(&records::account::key(&ledger.account), records::account::encode(&ledger))
    }

    fn put(&self, key: &Key, item: Item) -> Result<(), Failed> {
        let mut item = aws_json::item(&item);
        item[key.table.hash_key()] = serde_json::json!({ "S": key.hash });
        let table = self.names.table(key.table);
        self.aws.ask(&["dynamodb", "put-item", "--table-name", &table, "--item", &item.to_string()])?;
        Ok(())
    }

    fn state(&self, name: &str) -> Result<Value, Failed> {
        let table = self.names.table(Table::TradingState);
        let key = format!(r#"{{"strategy_id":{{"S":"{name}"}}}}"#);
        let found = self.aws.ask(&[
            "dynamodb",
            "get-item",
            "--consistent-read",
            "--table-name",
            &table,
            "--key",
            &key,
        ])?;
        Ok(found["Item"].clone())
    }

    fn every_schedule_is_enabled(&self) -> Result<(), Failed> {
        let found = self.aws.ask(&["scheduler", "list-schedules", "--group-name", "tradai-dev"])?;
        let schedules = found["Schedules"].as_array().unwrap();
        assert_eq!(schedules.len(), packages::FUNCTIONS.len(), "{found}");
        assert!(schedules.iter().all(|schedule| schedule["State"] == "ENABLED"), "{found}");
        Ok(())
    }

    /// What each role may not do is refused by the account, not only absent from the code.
    fn permissions_are_those_of_the_roles(&self) -> Result<(), Failed> {
        let read = |secret: &'static str| ["secretsmanager", "get-secret-value", "--secret-id", secret];
        let (trade, reading, model) =
            ("tradai/dev/main/trade", "tradai/dev/main/read", "tradai/dev/llm/anthropic");
        let approval = "tradai/dev/approval";
        let may_read = [
            ("decide", vec![model]),
            ("execute", vec![trade, approval]),
            ("heartbeat", vec![]),
            ("reconcile", vec![reading]),
        ];
        let order = r#"{"position_id":{"S":"p"},"order_id":{"S":"o"}}"#;
        let orders = self.names.table(Table::Orders);
        for (function, own) in may_read {
            let role = self.aws.as_role(&format!("tradai-dev-{function}"))?;
            for secret in [trade, reading, model, approval] {
                let denied = role.is_denied(&read(secret))?;
                assert_eq!(denied, !own.contains(&secret), "{function} and {secret}");
            }
            let delete = ["dynamodb", "delete-item", "--table-name", &orders, "--key", order];
            assert!(role.is_denied(&delete)?, "{function} may delete an order");
        }
        let heartbeat = self.aws.as_role("tradai-dev-heartbeat")?;
        let put = ["dynamodb", "put-item", "--table-name", &orders, "--item", order];
        assert!(heartbeat.is_denied(&put)?, "heartbeat may write an order");
        Ok(())
    }

    /// A stopped strategy with nothing live needs no exchange, and is still looked after each minute.
    fn beats_are_fresh_although_nothing_trades(&self) -> Result<(), Failed> {
        let first = self.state("idle")?;
        until("decide and execute beat for idle", TWO_TICKS, || {
            let state = self.state("idle")?;
            let moved = |name: &str| state[name]["S"].as_str() > first[name]["S"].as_str();
            Ok((moved("last_decided_at") && moved("last_executed_at"), state.to_string()))
        })
    }

    fn a_stale_beat_is_a_page_and_an_alarm(&self) -> Result<(), Failed> {
        self.page_about("heartbeat-stale", "lost", TWO_TICKS)?;
        self.alarm_rings("heartbeat-stale", TWO_TICKS)?;
        let table = self.names.table(Table::Incidents);
        let incidents = self.aws.ask(&["dynamodb", "scan", "--consistent-read", "--table-name", &table])?;
        let of_lost =
            |item: &&Value| item["kind"]["S"] == "heartbeat-stale" && item["subject"]["S"] == "lost";
        let found: Vec<&Value> = incidents["Items"].as_array().unwrap().iter().filter(of_lost).collect();
        assert_eq!(found.len(), 1, "one fact is one incident: {incidents}");
        assert!(found[0]["published_at"]["S"].is_string(), "{incidents}");
        Ok(())
    }

    /// Nobody wakes decide and execute any more, and the topic refuses heartbeat: the one alarm that is left rings.
    fn a_page_that_cannot_be_published_is_an_alarm_and_goes_out_once_it_can(&self) -> Result<(), Failed> {
        self.denies("heartbeat", "sns:Publish")?;
        for function in ["decide", "execute"] {
            let name = format!("tradai-dev-{function}-0");
            self.aws.ask(&["scheduler", "delete-schedule", "--group-name", "tradai-dev", "--name", &name])?;
        }
        self.status_of("idle", "reducing")?;
        // Stale after two to three minutes, undelivered three minutes later.
        self.alarm_rings("pages-undelivered", 6 * 60 + TWO_TICKS)?;
        self.denies_no_more("heartbeat")?;
        self.page_about("heartbeat-stale", "idle", TWO_TICKS)
    }

    /// A mistake in the account: a function may not do this any more.
    fn denies(&self, function: &str, action: &str) -> Result<(), Failed> {
        let refusal = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Action":"{action}","Resource":"*"}}]}}"#
        );
        let role = format!("tradai-dev-{function}");
        let policy = ["--role-name", &role, "--policy-name", "refusal", "--policy-document", &refusal];
        self.aws.ask(&[&["iam", "put-role-policy"], policy.as_slice()].concat()).map(|_| ())
    }

    /// The mistake is mended.
    fn denies_no_more(&self, function: &str) -> Result<(), Failed> {
        let role = format!("tradai-dev-{function}");
        let policy = ["iam", "delete-role-policy", "--role-name", &role, "--policy-name", "refusal"];
        self.aws.ask(&policy).map(|_| ())
    }

    fn status_of(&self, name: &str, status: &str) -> Result<(), Failed> {
        let table = self.names.table(Table::TradingState);
        let key = format!(r#"{{"strategy_id":{{"S":"{name}"}}}}"#);
        let values = format!(r#"{{":s":{{"S":"{status}"}}}}"#);
        let update = ["dynamodb", "update-item", "--table-name", &table, "--key", &key];
        let what =
            ["--update-expression", "SET #s = :s", "--expression-attribute-names", r##"{"#s":"status"}"##];
        let values = ["--expression-attribute-values", values.as_str()];
        self.aws.ask(&[update.as_slice(), what.as_slice(), values.as_slice()].concat())?;
        Ok(())
    }

    fn page_about(&self, kind: &str, subject: &str, seconds: u64) -> Result<(), Failed> {
        let receive =
            ["sqs", "receive-message", "--max-number-of-messages", "10", "--queue-url", &self.pager];
        let mut seen = Vec::new();
        until(&format!("a page {kind} about {subject}"), seconds, || {
            let found = self.aws.ask(&receive)?;
            let bodies = found["Messages"].as_array().cloned().unwrap_or_default();
            seen.extend(bodies.iter().filter_map(|message| message["Body"].as_str().map(str::to_owned)));
            let told = |body: &String| body.contains(kind) && body.contains(subject);
            Ok((seen.iter().any(told), seen.join("\n")))
        })
    }

    fn alarm_rings(&self, name: &str, seconds: u64) -> Result<(), Failed> {
        let name = format!("tradai-dev-{name}");
        until(&format!("{name} in ALARM"), seconds, || {
            let found = self.aws.ask(&["cloudwatch", "describe-alarms", "--alarm-names", &name])?;
            let state = found["MetricAlarms"][0]["StateValue"].clone();
            Ok((state == "ALARM", state.to_string()))
        })
    }
}

fn arn(service: &str, name: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{name}")
}

fn id(name: &str) -> StrategyId {
    StrategyId::parse(name).unwrap()
}

fn toml(name: &str) -> String {
    format!(
        r#"
profile = "cautious"
strategy_id = "{name}"
account = "{name}"
venue = "binance"
backend = "mock"
symbols = ["BTC-USDT"]
model = "anthropic/claude-haiku-4-5"
llm_usd_per_day = 1.0
safety_mode = "DryRun"
"#
    )
}
