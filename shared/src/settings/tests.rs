//! What a strategy file says, and what it is told when it is wrong.

use super::*;
use crate::ids::Symbol;
use crate::money::Percent;

/// Every field, and no profile.
const FULL: &str = r#"strategy_id = "demo"
account = "paper"
venue = "binance"
backend = "exchange"
testnet = true
symbols = ["BTC-USDT"]
decide_every_seconds = 1500
model = "anthropic/claude-haiku-4-5"
model_fallbacks = ["openai/gpt-5-mini"]
llm_usd_per_day = 5.0
safety_mode = "TwoPhase"
order_cooldown_seconds = 90
approval_expiry_minutes = 20
[limits]
max_order_notional = 5000.0
max_daily_orders = 100
max_daily_cancels = 101
max_position_abs = 0.5
allowed_symbols = ["BTC-USDT", "ETH-USDT"]
max_opens_per_hour = 2
max_price_drift_percent = 0.6
max_decision_age_seconds = 120
[gate]
threshold = 5
cooldown_ms = 60000
[pnl_gate]
max_daily_loss = 500.0
[exits]
max_stop_distance_percent = 5.0
take_profit_percent = 3.0
trailing_percent = 1.5
exit_limit_minutes = 6
entry_timeout_minutes = 10
[crash]
fall_percent = 5.5
window_minutes = 15
action = "halt"
[ask]
context_top_k = 2
when_moved_percent = 0.2
tokens_per_five_minutes = 6000
answer_tokens = 1500
"#;

/// The least that a file must state.
const LEAST: &str = r#"profile = "cautious"
strategy_id = "demo"
account = "paper"
venue = "binance"
symbols = ["BTC-USDT"]
model = "anthropic/claude-haiku-4-5"
llm_usd_per_day = 5.0
"#;

const DEMO: &str = include_str!("../../../ops/strategies/demo.toml");
const AXON: &str = include_str!("../../../ops/strategies/axon-sample.toml");

fn load(text: &str) -> Loaded {
    Settings::from_toml(text, "s.toml").unwrap()
}
fn notes(text: &str) -> String {
    load(text).notes.iter().map(|note| format!("{note}\n")).collect()
}
fn refusal(text: &str) -> String {
    let said = Settings::from_toml(text, "s.toml").unwrap_err().to_string();
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}
/// The full file with one line written differently; a line that becomes nothing is dropped.
fn with(old: &str, new: &str) -> String {
    assert!(FULL.contains(old), "{old}");
    FULL.replacen(old, new, 1)
}
/// Checks what each change of the full file is told.
fn check_refusals(cases: &[(&str, &str, &str)]) {
    for (old, new, said) in cases {
        assert_eq!(refusal(&with(old, new)), *said, "{new}");
    }
}
fn percent(text: &str) -> Percent {
    Percent::parse(text).unwrap()
}
fn symbols(names: &[&str]) -> Vec<Symbol> {
    names.iter().map(|name| Symbol::parse(name).unwrap()).collect()
}

#[test]
fn a_file_that_states_everything_needs_no_profile_and_supplies_every_field() {
    let Loaded { settings, notes } = load(FULL);
    let expected = Settings {
        strategy_id: StrategyId::parse("demo").unwrap(),
        account: AccountId::parse("paper").unwrap(),
        venue: VenueId::parse("binance").unwrap(),
        backend: Backend::Exchange,
        testnet: true,
        paper_balance: None,
        symbols: symbols(&["BTC-USDT"]),
        decide_every: Millis::from_minutes(25),
        model: "anthropic/claude-haiku-4-5".to_owned(),
        model_fallbacks: vec!["openai/gpt-5-mini".to_owned()],
        context_top_k: 2,
        ask_when_moved: Some(percent("0.2")),
        llm_usd_per_day: Notional::parse("5").unwrap(),
        llm_tokens: Tokens::new(6_000).unwrap(),
        llm_answer_tokens: Some(1_500),
        safety_mode: SafetyMode::TwoPhase,
        order_cooldown: Millis::from_secs(90),
        limits: Limits {
            max_order_notional: Notional::parse("5000").unwrap(),
            max_daily_orders: 100,
            max_daily_cancels: 101,
            max_position_abs: Qty::parse("0.5").unwrap(),
            allowed_symbols: symbols(&["BTC-USDT", "ETH-USDT"]),
            max_opens_per_hour: 2,
            max_price_drift: percent("0.6"),
            max_decision_age: Millis::from_secs(120),
        },
        gate: Gate { threshold: 5, cooldown: Millis(60_000) },
        pnl_gate: Notional::parse("500").unwrap(),
        exits: Exits {
            max_stop_distance: percent("5"),
            take_profit: Some(percent("3")),
            trailing: Some(percent("1.5")),
            exit_limit: Millis::from_minutes(6),
            entry_timeout: Millis::from_minutes(10),
        },
        crash: Crash { fall: percent("5.5"), window: Millis::from_minutes(15), action: CrashAction::Halt },
        approval_expiry: Millis::from_minutes(20),
    };
    assert_eq!(settings, expected);
    assert_eq!(notes, []);
}

#[test]
fn every_value_that_the_file_does_not_state_is_printed() {
    insta::assert_snapshot!(notes(LEAST), @r#"
    default: backend = "mock"
    default: testnet = true
    default: paper_balance = "10000 USDT"
    default: decide_every_seconds = 1500
    default: model_fallbacks = []
    default: ask.context_top_k = 0
    default: ask.when_moved_percent = "off"
    default: ask.tokens_per_five_minutes = 12000
    default: ask.answer_tokens = "by-model"
    default: safety_mode = "DryRun"
    profile cautious: order_cooldown_seconds = 60
    profile cautious: limits.max_order_notional = 500.0
    profile cautious: limits.max_daily_orders = 20
    profile cautious: limits.max_daily_cancels = 50
    profile cautious: limits.max_position_abs = 0.01
    profile cautious: limits.allowed_symbols = ["BTC-USDT"]
    profile cautious: limits.max_opens_per_hour = 2
    profile cautious: limits.max_price_drift_percent = 0.5
    profile cautious: limits.max_decision_age_seconds = 120
    profile cautious: gate.threshold = 3
    profile cautious: gate.cooldown_ms = 300000
    profile cautious: pnl_gate.max_daily_loss = 100.0
    profile cautious: exits.max_stop_distance_percent = 5.0
    profile cautious: exits.take_profit_percent = 3.0
    profile cautious: exits.trailing_percent = 1.5
    profile cautious: exits.exit_limit_minutes = 5
    profile cautious: exits.entry_timeout_minutes = 10
    profile cautious: crash.fall_percent = 5.0
    profile cautious: crash.window_minutes = 15
    profile cautious: crash.action = "exit"
    default: approval_expiry_minutes = 15
    "#);
}

#[test]
fn the_defaults_are_the_paper_venue_on_the_test_network_without_sending() {
    let settings = load(LEAST).settings;
    assert_eq!(settings.backend, Backend::Mock);
    assert!(settings.testnet);
    assert_eq!(settings.safety_mode, SafetyMode::DryRun);
    assert_eq!(settings.decide_every, Millis::from_secs(1_500));
    assert_eq!(settings.approval_expiry, Millis::from_minutes(15));
    assert_eq!(settings.model_fallbacks, Vec::<String>::new());
}

#[test]
fn a_profile_allows_what_is_watched_and_nothing_else() {
    let settings = load(LEAST).settings;
    assert_eq!(settings.limits.allowed_symbols, settings.symbols);
}

#[test]
fn the_file_wins_over_its_profile() {
    let loaded = load(&format!("{LEAST}[limits]\nmax_opens_per_hour = 1\nallowed_symbols = []\n"));
    assert_eq!(loaded.settings.limits.max_opens_per_hour, 1);
    assert_eq!(loaded.settings.limits.allowed_symbols, []);
    let supplied = loaded.notes.iter().map(ToString::to_string);
    assert!(supplied.into_iter().all(|note| !note.contains("max_opens_per_hour =")));
}

#[test]
fn without_a_profile_no_field_may_be_missing_but_those_with_a_default() {
    let has_default = [
        "backend",
        "testnet",
        "decide_every_seconds",
        "model_fallbacks",
        "safety_mode",
        "approval_expiry_minutes",
        "context_top_k",
        "when_moved_percent",
        "tokens_per_five_minutes",
        "answer_tokens",
    ];
    let mut without = 0;
    for line in FULL.lines().filter(|line| !line.starts_with('[')) {
        let field = line.split(' ').next().unwrap();
        let read = Settings::from_toml(&with(&format!("{line}\n"), ""), "s.toml");
        assert_eq!(read.is_ok(), has_default.contains(&field), "{field}");
        without += 1;
    }
    // The profile, and what backend mock alone reads.
    assert_eq!(without, NATIVE.len() - 2);
}

#[test]
fn what_is_missing_is_named_with_its_table_and_how_to_write_it() {
    check_refusals(&[
        (
            "llm_usd_per_day = 5.0\n",
            "",
            "s.toml:1: llm_usd_per_day: this is missing; add llm_usd_per_day = \"5.0\" above the first table",
        ),
        (
            "max_daily_orders = 100\n",
            "",
            "s.toml:14: limits.max_daily_orders: this is missing; add max_daily_orders = 100 under [limits], or take it from a profile: profile = \"cautious\"",
        ),
        (
            "[pnl_gate]\nmax_daily_loss = 500.0\n",
            "",
            "s.toml:1: pnl_gate.max_daily_loss: this is missing; add max_daily_loss = \"500.0\" under [pnl_gate], or take it from a profile: profile = \"cautious\"",
        ),
        (
            "take_profit_percent = 3.0\n",
            "",
            "s.toml:28: exits.take_profit_percent: this is missing; add take_profit_percent = \"3.0\" under [exits], or take it from a profile: profile = \"cautious\"",
        ),
    ]);
}

#[test]
fn a_profile_does_not_supply_names_models_or_dollars() {
    for field in ["strategy_id", "account", "venue", "symbols", "model", "llm_usd_per_day"] {
        let text: String =
            LEAST.lines().filter(|line| !line.starts_with(field)).map(|line| format!("{line}\n")).collect();
        let said = refusal(&text);
        assert!(said.starts_with(&format!("s.toml:1: {field}: this is missing; add ")), "{said}");
        assert!(!said.contains("profile"), "{said}");
    }
}

#[test]
fn an_unknown_profile_is_refused_with_those_that_there_are() {
    assert_eq!(
        refusal(&LEAST.replace("cautious", "bold")),
        "s.toml:1: profile: \"bold\" is not a profile; the profiles are cautious"
    );
}

#[test]
fn rules_of_exit_are_switched_off_only_by_saying_so() {
    let off = with("take_profit_percent = 3.0", "take_profit_percent = \"off\"")
        .replace("trailing_percent = 1.5", "trailing_percent = \"off\"");
    let exits = load(&off).settings.exits;
    assert_eq!((exits.take_profit, exits.trailing), (None, None));
    let stop = with("max_stop_distance_percent = 5.0", "max_stop_distance_percent = \"off\"");
    assert_eq!(
        refusal(&stop),
        "s.toml:29: exits.max_stop_distance_percent: \"off\" is not a decimal number; write for example \"5.0\""
    );
}

#[test]
fn both_spellings_of_the_safety_modes_are_read() {
    for (text, mode) in [
        ("DryRun", SafetyMode::DryRun),
        ("dry_run", SafetyMode::DryRun),
        ("TwoPhase", SafetyMode::TwoPhase),
        ("two_phase", SafetyMode::TwoPhase),
        ("Direct", SafetyMode::Direct),
        ("direct", SafetyMode::Direct),
    ] {
        assert_eq!(load(&with("TwoPhase", text)).settings.safety_mode, mode);
        assert_eq!(load(&AXON.replacen("TwoPhase", text, 1)).settings.safety_mode, mode);
    }
}

#[test]
fn numbers_are_decimals_above_zero_and_percents_below_a_hundred() {
    let notional = "max_order_notional = 5000.0";
    let drift = "max_price_drift_percent = 0.6";
    check_refusals(&[
        (
            notional,
            "max_order_notional = \"abc\"",
            "s.toml:15: limits.max_order_notional: \"abc\" is not a decimal number; write for example \"5000.0\"",
        ),
        (
            notional,
            "max_order_notional = 0.0",
            "s.toml:15: limits.max_order_notional: 0 is not above zero; write for example \"5000.0\"",
        ),
        (
            notional,
            "max_order_notional = -1",
            "s.toml:15: limits.max_order_notional: -1 is negative; write for example \"5000.0\"",
        ),
        (
            notional,
            "max_order_notional = inf",
            "s.toml:15: limits.max_order_notional: \"inf\" is not a decimal number; write for example \"5000.0\"",
        ),
        (
            notional,
            "max_order_notional = nan",
            "s.toml:15: limits.max_order_notional: \"nan\" is not a decimal number; write for example \"5000.0\"",
        ),
        (
            notional,
            "max_order_notional = 1e300",
            "s.toml:15: limits.max_order_notional: \"1e300\" is not a decimal number; write for example \"5000.0\"",
        ),
        (
            notional,
            "max_order_notional = 20000000000000.0",
            "s.toml:15: limits.max_order_notional: \"20000000000000.0\" is out of range: at most 10000000000000 with 15 decimals; write for example \"5000.0\"",
        ),
        (
            notional,
            "max_order_notional = true",
            "s.toml:15: limits.max_order_notional: true is not a decimal number; write for example \"5000.0\"",
        ),
        (
            notional,
            "max_order_notional = [1, 2.5]",
            "s.toml:15: limits.max_order_notional: [1, 2.5] is not a decimal number; write for example \"5000.0\"",
        ),
        (
            drift,
            "max_price_drift_percent = 100",
            "s.toml:21: limits.max_price_drift_percent: 100 is not below 100 percent; write for example \"0.5\"",
        ),
        (
            drift,
            "max_price_drift_percent = 0",
            "s.toml:21: limits.max_price_drift_percent: 0 is not above zero; write for example \"0.5\"",
        ),
        (
            "llm_usd_per_day = 5.0",
            "llm_usd_per_day = -5.0",
            "s.toml:10: llm_usd_per_day: -5 is negative; write for example \"5.0\"",
        ),
    ]);
}

#[test]
fn counts_are_whole_and_bounded() {
    let orders = "max_daily_orders = 100";
    check_refusals(&[
        (
            orders,
            "max_daily_orders = 0",
            "s.toml:16: limits.max_daily_orders: 0 is not within 1 to 10000; write for example 100",
        ),
        (
            orders,
            "max_daily_orders = 10001",
            "s.toml:16: limits.max_daily_orders: 10001 is not within 1 to 10000; write for example 100",
        ),
        (
            orders,
            "max_daily_orders = -1",
            "s.toml:16: limits.max_daily_orders: -1 is not within 1 to 10000; write for example 100",
        ),
        (
            orders,
            "max_daily_orders = 100.5",
            "s.toml:16: limits.max_daily_orders: 100.5 is not a whole number; write for example 100",
        ),
        (
            orders,
            "max_daily_orders = \"100\"",
            "s.toml:16: limits.max_daily_orders: \"100\" is not a whole number; write for example 100",
        ),
        (
            "threshold = 5",
            "threshold = 0",
            "s.toml:24: gate.threshold: 0 is not within 1 to 10000; write for example 5",
        ),
        (
            "tokens_per_five_minutes = 6000",
            "tokens_per_five_minutes = 60001",
            "s.toml:41: ask.tokens_per_five_minutes: 60001 is not within 1000 to 60000; write for example 12000",
        ),
        (
            "tokens_per_five_minutes = 6000",
            "tokens_per_five_minutes = 999",
            "s.toml:41: ask.tokens_per_five_minutes: 999 is not within 1000 to 60000; write for example 12000",
        ),
        (
            "decide_every_seconds = 1500",
            "decide_every_seconds = 0",
            "s.toml:7: decide_every_seconds: 0 is not within 1 to 86400; write for example 1500",
        ),
        (
            "decide_every_seconds = 1500",
            "decide_every_seconds = 90",
            "s.toml:7: decide_every_seconds: 90 seconds are not a whole number of minutes; write for example 1500",
        ),
        (
            "window_minutes = 15",
            "window_minutes = 1441",
            "s.toml:36: crash.window_minutes: 1441 is not within 1 to 1440; write for example 15",
        ),
    ]);
}

#[test]
fn words_and_names_are_checked() {
    check_refusals(&[
        (
            "\"TwoPhase\"",
            "\"Fast\"",
            "s.toml:11: safety_mode: \"Fast\" is not known; it is one of DryRun, TwoPhase, Direct",
        ),
        (
            "\"halt\"",
            "\"pray\"",
            "s.toml:37: crash.action: \"pray\" is not known; it is one of reduce, exit, halt",
        ),
        (
            "\"exchange\"",
            "\"oms\"",
            "s.toml:4: backend: backend oms does not exist yet; it is one of mock, exchange, backtest",
        ),
        (
            "\"exchange\"",
            "\"real\"",
            "s.toml:4: backend: \"real\" is not known; it is one of mock, exchange, backtest",
        ),
        (
            "testnet = true",
            "testnet = \"true\"",
            "s.toml:5: testnet: \"true\" is not true or false; write for example true",
        ),
        (
            "\"demo\"",
            "\"my demo\"",
            "s.toml:1: strategy_id: \"my demo\" is not a strategy id of 1 to 64 characters of A-Z, a-z, 0-9, - and _; write for example \"demo\"",
        ),
        ("\"demo\"", "7", "s.toml:1: strategy_id: 7 is not a text; write for example \"demo\""),
        (
            "\"demo\"",
            "\"\"\"a\nb\"\"\"",
            "s.toml:1: strategy_id: \"a\\nb\" is not a strategy id of 1 to 64 characters of A-Z, a-z, 0-9, - and _; write for example \"demo\"",
        ),
        (
            "\"anthropic/claude-haiku-4-5\"",
            "\"claude\"",
            "s.toml:8: model: \"claude\" is not a model like provider/name; write for example \"anthropic/claude-haiku-4-5\"",
        ),
        (
            "account = \"paper\"",
            "account = 2023-03-01",
            "s.toml:2: account: a date or time is not a text; write for example \"paper\"",
        ),
    ]);
}

#[test]
fn lists_are_checked_item_by_item_with_the_items_line() {
    let watched = "symbols = [\"BTC-USDT\"]";
    let many: Vec<String> = (0..51).map(|number| format!("\"C{number}-USDT\"")).collect();
    let many = format!("symbols = [{}]", many.join(", "));
    assert!(refusal(&with(watched, &many)).contains("51 items are more than 50; "));
    check_refusals(&[
        (watched, "symbols = []", "s.toml:6: symbols: the list is empty; write for example [\"BTC-USDT\"]"),
        (
            watched,
            "symbols = \"BTC-USDT\"",
            "s.toml:6: symbols: \"BTC-USDT\" is not a list; write for example [\"BTC-USDT\"]",
        ),
        (
            watched,
            "symbols = [\n  \"BTC-USDT\",\n  \"BTCUSDT\",\n]",
            "s.toml:8: symbols: \"BTCUSDT\" is not a symbol like BTC-USDT; write for example [\"BTC-USDT\"]",
        ),
        (
            watched,
            "symbols = [\n  \"BTC-USDT\",\n  \"BTC-USDT\",\n]",
            "s.toml:8: symbols: \"BTC-USDT\" stands here twice; remove one",
        ),
        (watched, "symbols = [1]", "s.toml:6: symbols: 1 is not a text; write for example [\"BTC-USDT\"]"),
    ]);
}

#[test]
fn unknown_fields_and_tables_are_refused_with_the_nearest_that_there_is() {
    check_refusals(&[
        (
            "max_daily_orders = 100",
            "max_daily_order = 100",
            "s.toml:16: limits.max_daily_order: there is no such field; did you mean limits.max_daily_orders?",
        ),
        (
            "threshold = 5",
            "threshold = 5\nmax_opens_per_hour = 3",
            "s.toml:25: gate.max_opens_per_hour: there is no such field; did you mean limits.max_opens_per_hour?",
        ),
        (
            "threshold = 5",
            "threshold = 5\ntestnet = false",
            "s.toml:25: gate.testnet: there is no such field; did you mean testnet, above the first table?",
        ),
        (
            "threshold = 5",
            "threshold = 5\nspeed = 3",
            "s.toml:25: gate.speed: there is no such field; the fields here are gate.threshold, gate.cooldown_ms",
        ),
        ("[limits]", "[limit]", "s.toml:14: limit: there is no such table; did you mean [limits]?"),
        (
            "[crash]",
            "[weather]\n[crash]",
            "s.toml:34: weather: there is no such table; the tables are limits, gate, pnl_gate, exits, crash, ask",
        ),
        (
            "[crash]",
            "[[crash]]",
            "s.toml:34: crash: this is a table, not a value; write [crash] on its own line",
        ),
    ]);
    assert_eq!(
        refusal(&format!("{LEAST}limits = 5\n")),
        "s.toml:8: limits: this is a table, not a value; write [limits] on its own line"
    );
    assert_eq!(
        refusal(&format!("{LEAST}[backend]\nkind = \"mock\"\n")),
        "s.toml:8: backend: this is a table, not a value; write backend = \"mock\""
    );
    assert_eq!(
        refusal(&format!("{LEAST}\"gate.threshold\" = 9\n")),
        "s.toml:8: \"gate.threshold\": there is no such field; did you mean gate.threshold?"
    );
}

#[test]
fn a_text_that_is_not_toml_is_refused_with_its_line() {
    assert_eq!(
        refusal(&with("threshold = 5", "threshold = 5\nthreshold = 6")),
        "s.toml:25: this is not TOML: duplicate key threshold; ops/strategies/demo.toml shows how a file looks"
    );
    for (text, line) in
        [("a = 1\nb = ", 2), ("a = 1\n\n[limits\n", 3), ("= 3", 1), ("a = 1\na = 2", 2), ("[a]\n[a]", 2)]
    {
        let said = refusal(text);
        assert!(said.starts_with(&format!("s.toml:{line}: this is not TOML: ")), "{said}");
    }
}

#[test]
fn an_empty_file_is_refused() {
    for text in ["", "\n\n", "# nothing\n"] {
        assert_eq!(
            refusal(text),
            "s.toml:1: the file is empty; ops/strategies/demo.toml shows how a file looks"
        );
    }
}

#[test]
fn a_file_without_end_is_refused() {
    let text = format!("# {}\n", "x".repeat(70_000));
    assert_eq!(refusal(&text), "s.toml:1: the file has 70003 bytes; at most 65536 are read");
}

#[test]
fn windows_line_ends_and_inline_tables_are_read() {
    assert_eq!(load(&FULL.replace('\n', "\r\n")), load(FULL));
    assert_eq!(load(&format!("\u{feff}{FULL}")), load(FULL));
    let inline = with("[gate]\nthreshold = 5\ncooldown_ms = 60000\n", "")
        .replace("[limits]", "gate = { threshold = 5, cooldown_ms = 60_000 }\n[limits]");
    assert_eq!(load(&inline), load(FULL));
}

#[test]
fn secrets_have_no_place_in_a_file_and_are_never_printed() {
    for field in ["api_key", "api_secret", "bot_token", "limits.password"] {
        let said = refusal(&format!("{field} = \"hunter2\"\n{LEAST}"));
        assert!(said.ends_with("remove it: keys are kept in Secrets Manager, never in a file"), "{said}");
        assert!(!said.contains("hunter2"));
    }
    for literal in
        ["\"hunter2\"", "\"${A:-hunter2}\"", "\"${hunter2\"", "[\"hunter2\"]", "7777", "\"\"", "\"${}\""]
    {
        let said = refusal(&AXON.replace("\"${AXON_API_SECRET}\"", literal));
        assert_eq!(
            said,
            "s.toml:7: trading.api_secret: this is not a placeholder and may be a secret; write \"${NAME}\", keep the key in Secrets Manager, and replace the key that stood here"
        );
    }
    for broken in ["hunter2", "\"hunter2", "'hunter2\"", "\"hunter2\\q\""] {
        let said = refusal(&AXON.replace("\"${AXON_API_SECRET}\"", broken));
        assert!(said.starts_with("s.toml:7: this is not TOML: ") && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn what_is_stated_and_not_used_is_reported() {
    for (backend, supplied) in [("mock", "default: paper_balance = \"10000 USDT\"\n"), ("backtest", "")] {
        let said = notes(&with("\"exchange\"", &format!("{backend:?}")));
        assert_eq!(said, format!("{supplied}testnet is not used by backend {backend}\n"));
        let said = notes(&AXON.replacen("\"exchange\"", &format!("{backend:?}"), 1));
        assert!(said.contains(&format!("trading.testnet is not used by backend {backend}\n")), "{said}");
    }
}

/// The full file on paper, with this line.
fn on_paper(line: &str) -> String {
    with("backend = \"exchange\"\ntestnet = true", &format!("backend = \"mock\"\n{line}"))
        .replace("symbols = [\"BTC-USDT\"]\ndecide", "testnet = true\nsymbols = [\"BTC-USDT\"]\ndecide")
}

#[test]
fn a_paper_account_begins_with_what_is_stated() {
    let loaded = load(&on_paper("paper_balance = \"2500.5 USDT\""));
    assert_eq!(loaded.settings.paper_balance.unwrap().to_string(), "2500.5 USDT");
    assert_eq!(loaded.notes.len(), 1, "testnet is not used");
    let other = notes(&on_paper("paper_balance = \"2500 EUR\""));
    assert!(other.contains("paper_balance: 2500 EUR buys nothing that is watched"), "{other}");
    let elsewhere = with("testnet = true", "testnet = true\npaper_balance = \"5 USDT\"");
    assert_eq!(notes(&elsewhere), "paper_balance is not used by backend exchange\n");
    assert_eq!(load(&on_paper("")).notes.len(), 2, "supplied by default, and testnet is not used");
    let usual =
        load(&on_paper(&format!("paper_balance = {}", super::super::known::example("paper_balance"))));
    assert_eq!(usual.settings.paper_balance.unwrap().to_string(), PaperBalance::USUAL);
    for (stated, why) in [
        ("\"10000\"", "\"10000\": not an amount and an asset"),
        ("\"0 USDT\"", "\"0 USDT\": not above zero"),
        ("\"-5 USDT\"", "\"-5 USDT\": not above zero"),
        ("10000", "10000 is not a text"),
    ] {
        let said = refusal(&on_paper(&format!("paper_balance = {stated}")));
        let mend = "write for example \"10000 USDT\"";
        assert_eq!(said, format!("s.toml:5: paper_balance: {why}; {mend}"));
    }
    for bad in ["\"NaN USDT\"", "\"1e400 USDT\"", "\"5 us dollars\"", "\"5 \""] {
        refusal(&on_paper(&format!("paper_balance = {bad}")));
    }
}

#[test]
fn real_money_and_symbols_that_cannot_be_opened_are_remarked_on() {
    assert_eq!(
        notes(&with("testnet = true", "testnet = false")),
        "testnet: false, so orders at binance move real money\n"
    );
    assert_eq!(
        notes(&with("symbols = [\"BTC-USDT\"]", "symbols = [\"BTC-USDT\", \"SOL-USDT\"]")),
        "symbols: SOL-USDT is watched and never opened: limits.allowed_symbols lacks it\n"
    );
}

#[test]
fn the_documented_layout_loads_and_shows_every_field() {
    let documented = include_str!("file.rs").lines().skip_while(|line| *line != "//! ```toml").skip(1);
    let example = documented.take_while(|line| *line != "//! ```");
    let text: String = example.map(|line| format!("{}\n", line.trim_start_matches("//! "))).collect();
    assert_eq!(notes(&text), "testnet is not used by backend mock\n");
}

#[test]
fn the_bundled_strategy_loads() {
    let settings = load(DEMO).settings;
    assert_eq!(settings.backend, Backend::Mock);
    assert_eq!(settings.safety_mode, SafetyMode::Direct);
    assert_eq!(settings.symbols, symbols(&["BTC-USDT"]));
    assert_eq!(settings.decide_every, Millis::from_minutes(25));
    assert_eq!(settings.limits.max_order_notional, Notional::parse("5000").unwrap());
    assert_eq!(settings.limits.max_position_abs, Qty::parse("0.5").unwrap());
    assert_eq!(settings.limits.max_daily_orders, 100);
    assert_eq!(settings.pnl_gate, Notional::parse("500").unwrap());
}

#[test]
fn the_axon_sample_loads_with_its_four_limits_and_its_gate() {
    let settings = load(AXON).settings;
    assert_eq!(settings.backend, Backend::Exchange);
    assert!(settings.testnet);
    assert_eq!(settings.safety_mode, SafetyMode::TwoPhase);
    assert_eq!(settings.symbols, symbols(&["BTC-USDT", "ETH-USDT"]));
    assert_eq!(settings.limits.allowed_symbols, settings.symbols);
    assert_eq!(settings.limits.max_order_notional, Notional::parse("50000").unwrap());
    assert_eq!(settings.limits.max_daily_orders, 100);
    assert_eq!(settings.limits.max_position_abs, Qty::parse("10").unwrap());
    assert_eq!(settings.gate, Gate { threshold: 5, cooldown: Millis(60_000) });
}

#[test]
fn what_the_axon_sample_does_not_say_or_nobody_reads_is_printed() {
    insta::assert_snapshot!(notes(AXON), @r#"
    trading.api_key is not used since keys are read from Secrets Manager
    trading.api_secret is not used since keys are read from Secrets Manager
    metrics.callback is not used since metrics go to CloudWatch
    axon-llm layout: strategy_id = "axon"
    axon-llm layout: account = "axon"
    axon-llm layout: venue = "binance"
    default: decide_every_seconds = 1500
    axon-llm layout: model = "anthropic/claude-haiku-4-5"
    default: model_fallbacks = []
    default: ask.context_top_k = 0
    default: ask.when_moved_percent = "off"
    axon-llm layout: llm_usd_per_day = 1.0
    default: ask.tokens_per_five_minutes = 12000
    default: ask.answer_tokens = "by-model"
    profile cautious: order_cooldown_seconds = 60
    profile cautious: limits.max_daily_cancels = 50
    profile cautious: limits.max_opens_per_hour = 2
    profile cautious: limits.max_price_drift_percent = 0.5
    profile cautious: limits.max_decision_age_seconds = 120
    profile cautious: pnl_gate.max_daily_loss = 100.0
    profile cautious: exits.max_stop_distance_percent = 5.0
    profile cautious: exits.take_profit_percent = 3.0
    profile cautious: exits.trailing_percent = 1.5
    profile cautious: exits.exit_limit_minutes = 5
    profile cautious: exits.entry_timeout_minutes = 10
    profile cautious: crash.fall_percent = 5.0
    profile cautious: crash.window_minutes = 15
    profile cautious: crash.action = "exit"
    default: approval_expiry_minutes = 15
    "#);
}

#[test]
fn an_axon_file_takes_the_name_that_the_caller_gives_and_a_native_file_keeps_its_own() {
    let name = StrategyId::parse("mine").unwrap();
    let read = |text| Settings::from_toml_named(text, "s.toml", Some(&name)).unwrap().settings;
    assert_eq!(read(AXON).strategy_id, name);
    assert_eq!(read(FULL).strategy_id.as_str(), "demo");
    assert_eq!(load(AXON).settings.strategy_id.as_str(), "axon");
}

#[test]
fn an_axon_file_is_refused_in_its_own_words() {
    for (old, new, said) in [
        (
            "\"exchange\"",
            "\"oms\"",
            "s.toml:5: trading.backend: backend oms does not exist yet; it is one of mock, exchange, backtest",
        ),
        (
            "\"RejectionCircuitBreaker\"",
            "\"AlwaysOpenGate\"",
            "s.toml:20: gate.type: there is no gate \"AlwaysOpenGate\"; write \"RejectionCircuitBreaker\"",
        ),
        (
            "max_position_abs = 10.0",
            "max_position_abs = \"ten\"",
            "s.toml:16: risk.max_position_abs: \"ten\" is not a decimal number; write for example \"0.5\"",
        ),
        (
            "allowed_symbols = [\"BTC-USDT\", \"ETH-USDT\"]\n",
            "",
            "s.toml:13: risk.allowed_symbols: this is missing; add allowed_symbols = [\"BTC-USDT\"] under [risk]",
        ),
        (
            "max_daily_orders",
            "max_daily_ordres",
            "s.toml:15: risk.max_daily_ordres: there is no such field; did you mean risk.max_daily_orders?",
        ),
        (
            "callback = \"prometheus:http://localhost:9100/metrics\"",
            "callback = 1",
            "s.toml:25: metrics.callback: this is not a text; remove it: metrics go to CloudWatch",
        ),
    ] {
        assert_eq!(refusal(&AXON.replacen(old, new, 1)), said);
    }
}

#[test]
fn the_two_layouts_do_not_mix() {
    assert_eq!(
        refusal(&format!("{LEAST}[risk]\nmax_daily_orders = 5\n")),
        "s.toml:8: risk: this belongs to axon-llm's layout, and profile in line 1 to tradai's own; use one layout for the whole file"
    );
    assert_eq!(
        refusal(&format!("{AXON}[limits]\nmax_opens_per_hour = 5\n")),
        "s.toml:4: trading: this belongs to axon-llm's layout, and limits in line 26 to tradai's own; use one layout for the whole file"
    );
}

#[test]
fn every_profile_can_stand_behind_a_file() {
    for (name, _) in PROFILES {
        assert!(Settings::from_toml(&LEAST.replace("cautious", name), "s.toml").is_ok(), "{name}");
    }
}

#[test]
fn every_example_is_one_that_is_read() {
    let of_its_own = ["profile", "paper_balance"];
    for (field, example) in NATIVE.iter().filter(|(field, _)| !of_its_own.contains(field)) {
        let (table, leaf) = field.rsplit_once('.').unwrap_or(("", field));
        let mut inside = "";
        let rewritten = FULL.lines().map(|line| {
            inside = if line.starts_with('[') { line.trim_matches(['[', ']']) } else { inside };
            let here = inside == table && line.split(' ').next() == Some(leaf);
            if here { format!("{leaf} = {example}\n") } else { format!("{line}\n") }
        });
        let text: String = rewritten.collect();
        assert!(text.contains(&format!("{leaf} = {example}\n")), "{field}");
        assert!(Settings::from_toml(&text, "s.toml").is_ok(), "{field}");
    }
}

proptest::proptest! {
    #[test]
    fn every_digit_of_a_number_is_kept(whole in 1u64..10_000_000_000_000, decimals in "[0-9]{1,15}", quoted: bool) {
        let digits = format!("{whole}.{decimals}");
        let written = if quoted { format!("{digits:?}") } else { digits.clone() };
        let text = with("max_order_notional = 5000.0", &format!("max_order_notional = {written}"));
        let exact = rust_decimal::Decimal::from_str_exact(&digits).unwrap();
        proptest::prop_assert_eq!(load(&text).settings.limits.max_order_notional.value(), exact);
    }
    #[test]
    fn no_text_breaks_the_reader_and_every_refusal_is_one_line(text in "\\PC*") {
        if let Err(bad) = Settings::from_toml(&text, "s.toml") {
            proptest::prop_assert_eq!(bad.to_string().lines().count(), 1);
        }
    }
    #[test]
    fn no_value_of_a_field_breaks_the_reader(line in 0usize..40, value in "[-+\"\\[\\]{}a-z0-9._, \n]{0,12}") {
        let place = FULL.lines().nth(line).unwrap();
        let field = place.split(' ').next().unwrap();
        if let Err(bad) = Settings::from_toml(&with(place, &format!("{field} = {value}")), "s.toml") {
            proptest::prop_assert_eq!(bad.to_string().lines().count(), 1);
        }
    }
}
