//! The stage trades: what a person does with `tradai` and with the runbooks' commands, and what comes of it at the
//! exchange.

use deployed::elsewhere::{Elsewhere, READ_KEY, SECRET, TRADE_KEY};
use deployed::program::{Program, Said};
use deployed::run::Failed;
use deployed::until::{now, until};
use serde_json::{Value, json};
use shared::tables::{PREFIX, Table};
use shared::time::{Millis, Timestamp};
use sim::aws::Published;
use sim::checks::{Item, Outside, Stage as Names, books_equal_venue};
use sim::exchange::{NewOrder, OrderStatus, Side};

use super::runbook::{self, Command};
use super::{Stage, TWO_TICKS};

/// The strategy decides every minute; it buys within some of them, and execute and the exchange follow.
const CYCLES: u64 = 300;
/// Longer than from one of its decisions to the next, and what execute makes of it.
const CYCLE: i64 = 100;
/// A beat of execute is stale after three minutes, and heartbeat sees it within another.
const STALE: u64 = 180 + TWO_TICKS;
/// Execute acknowledges a status within 70 seconds.
const ACKNOWLEDGED: u64 = 75;

/// The strategy that trades at the exchange.
pub(super) const STRATEGY: &str = "small";
/// Its file: small orders at the exchange, often.
const FILE: &str = r#"
profile = "cautious"
strategy_id = "small"
account = "main"
venue = "binance"
backend = "exchange"
testnet = true
symbols = ["BTC-USDT"]
decide_every_seconds = 60
model = "anthropic/claude-haiku-4-5"
llm_usd_per_day = 5.0
safety_mode = "Direct"
order_cooldown_seconds = 0
[limits]
max_opens_per_hour = 30
[ask]
tokens_per_five_minutes = 20_000
"#;

/// The trading stage, its operator, and the world outside.
pub(super) struct Trading<'a> {
    pub(super) stage: &'a Stage<'a>,
    pub(super) tradai: Program<'a>,
    pub(super) operator: deployed::aws::Caller<'a>,
    pub(super) elsewhere: &'a Elsewhere,
}

/// The strategy that the README starts, on the paper venue.
pub(super) const README: &str = "demo";

/// The tables as the checkers see them, without what has no exchange behind it.
struct Tables<'a>(&'a Stage<'a>);

impl Outside for Tables<'_> {
    fn items(&self, table: &str) -> Result<Vec<Item>, String> {
        let scan = ["dynamodb", "scan", "--consistent-read", "--table-name", table];
        let found = self.0.aws.ask(&scan).map_err(|error| error.to_string())?;
        let is_elsewhere = |item: &Item| {
            let text = |name: &str| item.get(name).and_then(|value| value["S"].as_str()).unwrap_or_default();
            let id = text("ledger_id");
            // A fill names its position alone.
            let is_of_readme = |name: &str| name.split('.').next() == Some(README);
            (id.starts_with("account#") && id != "account#main")
                || ["strategy_id", "position_id"].iter().any(|name| is_of_readme(text(name)))
        };
        let items = found["Items"].as_array().cloned().unwrap_or_default();
        let items = items.into_iter().filter_map(|item| item.as_object().cloned());
        Ok(items.filter(|item| !is_elsewhere(item)).collect())
    }
    fn published(&self) -> Vec<Published> {
        Vec::new()
    }
}

impl Trading<'_> {
    /// Applied and started, while execute may not read the key that it trades with.
    pub(super) fn a_strategy_is_applied_and_started(&self) -> Result<(), Failed> {
        for (name, keys) in [
            ("main/trade", json!({"api_key": TRADE_KEY, "api_secret": SECRET})),
            ("main/read", json!({"api_key": READ_KEY, "api_secret": SECRET})),
            ("llm/anthropic", json!({"api_key": "sk-ant-deployed"})),
        ] {
            let (name, keys) = (format!("tradai/dev/{name}"), keys.to_string());
            let put = ["secretsmanager", "put-secret-value", "--secret-id", &name, "--secret-string", &keys];
            self.operator.ask(&put)?;
        }
        self.stage.denies("execute", "secretsmanager:GetSecretValue")?;
        let said = self.well(&["strategy", "apply", "small.toml"])?;
        assert!(said.out.contains("small is stopped, in shard 0 of stage dev"), "{said:?}");
        let said = self.well(&["start", STRATEGY])?;
        assert!(said.out.contains("small is in warmup; it was stopped"), "{said:?}");
        Ok(())
    }

    /// The denied key has kept execute from serving it, somebody was paged, and it runs once it may be read.
    pub(super) fn a_denied_secret_is_a_page_and_it_runs_without_the_denial(&self) -> Result<(), Failed> {
        self.stage.page_about("heartbeat-stale", STRATEGY, STALE)?;
        let state = self.stage.state(STRATEGY)?;
        let beat = |name: &str| Timestamp::parse(state[name]["S"].as_str().unwrap()).unwrap();
        let behind = beat("last_decided_at").since(beat("last_executed_at"));
        assert!(behind > Millis::from_minutes(2), "execute has served it: {state}");
        self.stage.denies_no_more("execute")?;
        self.tick("reconcile")?;
        self.becomes("running", TWO_TICKS)
    }

    /// What the README led to: a strategy that has bought on the paper venue, without any key of an exchange.
    pub(super) fn the_readmes_strategy_trades_on_paper(&self) -> Result<(), Failed> {
        // Its file says every 25 minutes, and its own minute of them is up to as long away.
        let table = self.stage.names.table(Table::StrategyConfig);
        let key = json!({"strategy_id": {"S": README}}).to_string();
        let update = ["dynamodb", "update-item", "--table-name", &table, "--key", &key];
        let often = ["--update-expression", "SET decide_every_seconds = :s"];
        let values = ["--expression-attribute-values", r#"{":s":{"N":"60"}}"#];
        self.stage.aws.ask(&[update.as_slice(), often.as_slice(), values.as_slice()].concat())?;
        until("the README's strategy holds something", CYCLES, || {
            let said = self.tradai.run(&["status", README])?;
            Ok((
                said.out.contains("running") && said.out.contains("BTC-USDT open, entry "),
                format!("{said:?}"),
            ))
        })
    }

    /// What the older service's look at its processes, logs and alarms has become.
    pub(super) fn its_other_commands_have_answers_here(&self) -> Result<(), Failed> {
        for (text, part) in runbook::INSTEAD {
            let answer = self.operator.paste(runbook::ours(text), &[("ENVIRONMENT", "dev")])?;
            let said = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
            assert!(said.contains(part), "{text}: {said}");
        }
        Ok(())
    }

    /// The last resort: execute is not run at all, until it may again.
    pub(super) fn execute_is_taken_its_concurrency_and_given_it_back(&self) -> Result<(), Failed> {
        let paste = |text: &'static str| self.operator.paste(runbook::ours(text), &[("ENVIRONMENT", "dev")]);
        let reserved =
            || Ok::<_, Failed>(paste(runbook::CONCURRENCY)?["ReservedConcurrentExecutions"].clone());
        assert_eq!(reserved()?, Value::Null);
        paste(runbook::SCALE_DOWN)?;
        assert_eq!(reserved()?, 0);
        paste(runbook::SCALE_UP)?;
        assert_eq!(reserved()?, Value::Null);
        Ok(())
    }

    /// One person takes over, and gives it back.
    pub(super) fn a_stop_is_acknowledged_at_once_and_it_starts_again(&self) -> Result<(), Failed> {
        // An entry that is under way keeps it from being whole for a moment; to stop again is to say the same.
        until("the stop is acknowledged, and no order but stops lives", ACKNOWLEDGED, || {
            let said = self.tradai.run(&["stop", STRATEGY])?;
            let is_whole = said.code == Some(0) && said.out.contains("acknowledged by execute: positions ");
            Ok((is_whole, format!("{said:?}")))
        })?;
        self.well(&["start", STRATEGY])?;
        self.becomes("running", TWO_TICKS)
    }

    /// Bought at the exchange, recorded, protected, and shown.
    pub(super) fn it_buys_and_the_books_are_the_exchanges(&self) -> Result<(), Failed> {
        self.holds_with_a_stop()?;
        self.books_equal_venue()?;
        // The page of the denied secret ends with heartbeat's next look.
        until("status shows what is held, and nothing that needs a person", TWO_TICKS, || {
            let said = self.tradai.run(&["status", STRATEGY])?;
            let shown = ["running", "BTC-USDT open, entry ", "order ", "stop, sell ", "USD"];
            let is_well = said.code == Some(0) && shown.iter().all(|part| said.out.contains(part));
            Ok((is_well, format!("{said:?}")))
        })
    }

    /// A version that is newer is deployed and taken back with the runbook's commands, while a position is held.
    pub(super) fn a_roll_back_trades_on(&self) -> Result<(), Failed> {
        for function in ["decide", "execute"] {
            let name = format!("tradai-dev-{function}");
            let of = ["--function-name", name.as_str()];
            let ask = |args: &[&str]| self.stage.aws.ask(&[&["lambda"], args, of.as_slice()].concat());
            let first =
                ask(&["get-alias", "--name", "live"])?["FunctionVersion"].as_str().unwrap().to_owned();
            ask(&["update-function-configuration", "--description", "the next one"])?;
            let next = ask(&["publish-version"])?["Version"].as_str().unwrap().to_owned();
            assert_ne!(first, next);
            ask(&["update-alias", "--name", "live", "--function-version", &next])?;
            assert_eq!(self.tick(function)?["ExecutedVersion"], next.as_str());
            let variables = [("FUNCTION", function), ("NUMBER", first.as_str())];
            let paste = |text: &'static str| {
                let variables = [&[("ENVIRONMENT", "dev")], variables.as_slice()].concat();
                self.operator.paste(runbook::ours(text), &variables)
            };
            let listed = paste(runbook::VERSIONS)?;
            assert!(listed.to_string().contains(&format!("{first:?}")), "{listed}");
            assert_eq!(paste(runbook::WHICH)?, next.as_str());
            paste(runbook::ROLL_BACK)?;
            assert_eq!(paste(runbook::WHICH)?, first.as_str());
            assert_eq!(self.tick(function)?["ExecutedVersion"], first.as_str());
        }
        // The version before sells what was held, and buys anew.
        let sold = self.trades(Side::Sell);
        self.close_with_execute()?;
        until("the position is sold", TWO_TICKS, || Ok((self.trades(Side::Sell) > sold, self.exchange())))?;
        self.holds_with_a_stop()?;
        self.books_equal_venue()
    }

    /// Every command on DynamoDB of the founding runbook, as it stands there.
    pub(super) fn the_founding_runbooks_commands_do_what_it_says(&self) -> Result<(), Failed> {
        let position = self.position()?;
        let stops: Vec<i64> = self.elsewhere.exchange.open_orders().iter().map(|order| order.id).collect();
        for Command { says, text, then } in runbook::FOUNDING {
            let text = text.replace("STRATEGY_ID", STRATEGY).replace("POSITION_ID", &position);
            let answer = self.operator.paste(&text, &[("ENVIRONMENT", "dev")])?;
            println!("{says}");
            self.comes_of(then, &answer, &position, &stops).map_err(|error| Failed::Ended {
                what: format!("{says}\n{text}"),
                said: format!("{error}\n{answer}"),
            })?;
        }
        Ok(())
    }

    fn comes_of(
        &self,
        then: &runbook::Then,
        answer: &Value,
        position: &str,
        stops: &[i64],
    ) -> Result<(), Failed> {
        use runbook::Then;
        match then {
            Then::Shows(pointer, value) => {
                assert_eq!(answer.pointer(pointer).and_then(Value::as_str), Some(*value), "{answer}");
                Ok(())
            }
            Then::Lists(what) => {
                let items = answer["Items"].as_array().cloned().unwrap_or_default();
                assert!(items.iter().any(|item| item.to_string().contains(what)), "{what}: {answer}");
                Ok(())
            }
            Then::Acknowledged(status) => {
                let what = format!("status_ack is {status}");
                until(&what, ACKNOWLEDGED, || self.state_says("status_ack", status))
            }
            Then::Setting(name, value) => {
                let item = self.item(Table::StrategyConfig, &json!({"strategy_id": {"S": STRATEGY}}))?;
                assert_eq!(item[name]["N"], *value, "{item}");
                Ok(())
            }
            Then::ClosedByAPerson => {
                let what = "what a person closed has left `live`, and its stop is cancelled";
                until(what, TWO_TICKS, || {
                    let (state, exchange) = (self.stage.state(STRATEGY)?, self.exchange());
                    let lives = state["live"].to_string().contains(position);
                    let open = self.elsewhere.exchange.open_orders();
                    let rests = open.iter().any(|order| stops.contains(&order.id));
                    Ok((!lives && !rests, format!("{state} {exchange}")))
                })?;
                let item = self.item(Table::Positions, &json!({"position_id": {"S": position}}))?;
                assert_eq!(
                    (&item["status"]["S"], &item["closed_manually"]["BOOL"]),
                    (&json!("closed"), &json!(true))
                );
                Ok(())
            }
        }
    }

    /// What is held stays protected, and nothing more is bought.
    pub(super) fn an_emergency_stop_stops_it(&self) -> Result<(), Failed> {
        self.holds_with_a_stop()?;
        let said = self.tradai.run(&["emergency-stop", "--all", "--reason", "a drill"])?;
        for part in ["small: stopped", "small: acknowledged, positions 1, resting stops 1", "topic was told"]
        {
            assert!(said.out.contains(part), "{part}: {said:?}");
        }
        // The one that stands in no shard is named, and kept no other from being stopped.
        assert!(said.code == Some(1) && said.err.contains("lost: execute has not acknowledged"), "{said:?}");
        assert!(
            !said.err.contains(STRATEGY) && !said.err.contains(README) && !said.err.contains("idle"),
            "{said:?}"
        );
        self.stage.page_about("emergency stop", "a drill", TWO_TICKS)?;
        let before = self.elsewhere.exchange.orders().len();
        let since = now();
        let what = "the model would have been asked again, and nothing was sent";
        until(what, CYCLES, || {
            assert_eq!(self.elsewhere.exchange.orders().len(), before, "{}", self.exchange());
            Ok((now().since(since).as_secs() > CYCLE, String::new()))
        })?;
        let [stop] = &self.elsewhere.exchange.open_orders()[..] else { panic!("{}", self.exchange()) };
        assert_eq!((stop.side, stop.status), (Side::Sell, OrderStatus::New));
        // What was sold by hand may still be told.
        let said = self.tradai.run(&["status", STRATEGY])?;
        assert!(said.out.contains("small: stopped by ada at "), "{said:?}");
        self.books_equal_venue()
    }

    /// Sold by hand at the exchange, as the page says, and found by reconcile as a trade that is not ours.
    pub(super) fn what_was_sold_by_hand_is_in_the_books(&self) -> Result<(), Failed> {
        let held = self.elsewhere.exchange.balance("BTC");
        let quantity =
            (held.free + held.locked).round_dp_with_strategy(5, rust_decimal::RoundingStrategy::ToZero);
        let sell = NewOrder::market(Side::Sell, quantity);
        self.elsewhere
            .exchange
            .manual_order(now(), &sell)
            .unwrap_or_else(|why| panic!("{why:?} {}", self.exchange()));
        self.tick("reconcile")?;
        self.books_equal_venue()
    }

    /// A command that ends well.
    fn well(&self, args: &[&str]) -> Result<Said, Failed> {
        let said = self.tradai.run(args)?;
        assert_eq!(said.code, Some(0), "{args:?}: {said:?}");
        Ok(said)
    }

    /// The runbook's tick by hand, and what Lambda says of it.
    fn tick(&self, function: &str) -> Result<Value, Failed> {
        let (name, at) = (format!("tradai-dev-{function}"), now().minute().to_string());
        let event = json!({"shard": 0, "of": 1, "scheduled_at": at}).to_string();
        let invoke =
            ["lambda", "invoke", "--function-name", &name, "--qualifier", "live", "--payload", &event];
        let answer = self.operator.ask(&[invoke.as_slice(), &["/dev/null"]].concat())?;
        assert!(answer["FunctionError"].is_null(), "{function}: {answer}");
        Ok(answer)
    }

    fn becomes(&self, status: &str, seconds: u64) -> Result<(), Failed> {
        until(&format!("{STRATEGY} is {status}"), seconds, || self.state_says("status", status))
    }

    fn state_says(&self, name: &str, value: &str) -> Result<(bool, String), Failed> {
        let state = self.stage.state(STRATEGY)?;
        Ok((state[name]["S"] == value, state.to_string()))
    }

    /// Bought, and its stop rests.
    fn holds_with_a_stop(&self) -> Result<(), Failed> {
        until("a position is held and its stop rests", CYCLES, || {
            let orders = self.elsewhere.exchange.open_orders();
            let rests =
                orders.iter().any(|order| order.side == Side::Sell && order.status == OrderStatus::New);
            let state = self.stage.state(STRATEGY)?;
            let is_held = state["live"].to_string().contains(r#"{"S":"p"}"#);
            Ok((rests && is_held, format!("{state} {}", self.exchange())))
        })
    }

    fn books_equal_venue(&self) -> Result<(), Failed> {
        let names = Names::new(PREFIX, "dev");
        until("books equal venue", TWO_TICKS, || {
            let differences = books_equal_venue(&Tables(self.stage), &names, &self.elsewhere.exchange);
            Ok((differences.is_empty(), differences.join("\n")))
        })
    }

    /// The wish of the runbook, under the next number.
    fn close_with_execute(&self) -> Result<(), Failed> {
        assert!(
            include_str!("../../../../docs/runbook.md").contains(runbook::CLOSE),
            "the runbook says it otherwise"
        );
        let (state, position) = (self.stage.state(STRATEGY)?, self.position()?);
        let seen = state["intent_seq"]["N"].as_str().unwrap().to_owned();
        let next = seen.parse::<u64>().unwrap().saturating_add(1).to_string();
        let text = runbook::CLOSE.replace("STRATEGY_ID", STRATEGY).replace("POSITION_ID", &position);
        let text = text.replace("1677628801", &next).replace("1677628800", &seen);
        self.operator.paste(&text, &[("ENVIRONMENT", "dev")]).map(|_| ())
    }

    /// The position that lives.
    fn position(&self) -> Result<String, Failed> {
        let state = self.stage.state(STRATEGY)?;
        let live = state["live"]["M"].as_object().cloned().unwrap_or_default();
        let is_position = |entry: &Value| entry.pointer("/M/k/S").and_then(Value::as_str) == Some("p");
        let found = live.iter().find(|(_, entry)| is_position(entry)).map(|(id, _)| id.clone());
        Ok(found.unwrap_or_else(|| panic!("no position lives: {state}")))
    }

    fn item(&self, table: Table, key: &Value) -> Result<Value, Failed> {
        let (table, key) = (self.stage.names.table(table), key.to_string());
        let get = ["dynamodb", "get-item", "--consistent-read", "--table-name", &table, "--key", &key];
        Ok(self.stage.aws.ask(&get)?["Item"].clone())
    }

    fn trades(&self, side: Side) -> usize {
        let orders = self.elsewhere.exchange.orders();
        orders.iter().filter(|order| order.side == side && order.status == OrderStatus::Filled).count()
    }

    /// Its side, for whoever reads a failure.
    fn exchange(&self) -> String {
        format!("{:?} {:?}", self.elsewhere.exchange.orders(), self.elsewhere.exchange.balances())
    }
}

/// Writes the strategy's file where the program runs.
pub(super) fn file(folder: &std::path::Path) -> Result<(), Failed> {
    let path = folder.join("small.toml");
    std::fs::write(&path, FILE).map_err(|why| Failed::File { what: path.display().to_string(), why })
}
