//! Architecture as tests: what the page says about who may depend on what holds, or this is red.
//!
//! Each rule says what to do instead. Lints hold what lints can; this file holds the rest.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "helpers of tests fail as tests do"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The four functions.
const FUNCTIONS: [&str; 4] = ["decide", "execute", "heartbeat", "reconcile"];
/// Where Rust lives.
const RUST: [&str; 5] = ["functions", "shared", "sim", "ops", "tests"];
/// Files of `shared` that plan: no waiting, no clock, no environment, no floats for money.
const PURE: [&str; 11] =
    ["ids", "time", "money", "market", "decision", "order", "books", "status", "signal", "state", "reported"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file below `top` whose name ends so, as its path from the root and its text.
fn files(top: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(top)];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
        for path in entries.map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !["target", "node_modules"].contains(&name.as_str()) {
                folders.push(path);
            } else if name.ends_with(ending) {
                let short = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                found.push((short.clone(), read(&short)));
            }
        }
    }
    found.sort();
    found
}

fn sources(top: &str) -> Vec<(String, String)> {
    files(top, ".rs")
}

fn all_sources() -> Vec<(String, String)> {
    RUST.into_iter().flat_map(sources).collect()
}

/// Whether `text` names `word` as a whole word.
fn names(text: &str, word: &str) -> bool {
    let part = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    text.match_indices(word).any(|(at, _)| {
        let before = at.checked_sub(1).map(|at| text.as_bytes()[at]);
        !part(before) && !part(text.as_bytes().get(at + word.len()).copied())
    })
}

/// Fails with every place where one of `words` stands in a file that may not have it.
fn banned(files: &[(String, String)], words: &[&str], allowed: impl Fn(&str) -> bool, instead: &str) {
    let mut found = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| !allowed(path)) {
        for (number, line) in text.lines().enumerate() {
            let word = words.iter().find(|word| line.contains(**word));
            found.extend(word.map(|word| format!("{path}:{}: {word}", number + 1)));
        }
    }
    assert!(found.is_empty(), "{instead}:\n{}", found.join("\n"));
}

/// This file spells what it bans.
fn is_this(path: &str) -> bool {
    path == "tests/tests/tidy.rs"
}

/// `cargo tree` over what is locked, without the network.
fn tree(args: &[&str]) -> String {
    let fixed = ["tree", "--offline", "--locked", "--prefix", "none", "--edges", "normal"];
    let output = Command::new(env!("CARGO")).args(fixed).args(args).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn functions_do_not_know_each_other() {
    for own in FUNCTIONS {
        let others = || FUNCTIONS.into_iter().filter(|other| *other != own);
        for (path, text) in sources(&format!("functions/{own}")) {
            for other in others() {
                let used =
                    [format!("use {other}"), format!("{other}::handle"), format!("extern crate {other}")];
                let named = used.iter().find(|used| names(&text, used));
                assert!(named.is_none(), "{path} names {other}: share through `shared` or not at all");
            }
        }
        let manifest = read(&format!("functions/{own}/Cargo.toml"));
        for other in others() {
            let depends = manifest.lines().any(|line| line.starts_with(other));
            assert!(!depends, "functions/{own} depends on {other}: functions meet in the tables");
        }
    }
}

#[test]
fn functions_depend_on_shared_alone() {
    for own in FUNCTIONS {
        let tree = tree(&["-p", own]);
        for line in tree.lines().filter(|line| line.contains(&root().display().to_string())) {
            let name = line.split_whitespace().next().unwrap();
            assert!([own, "shared"].contains(&name), "{own} pulls in {name}");
        }
    }
}

#[test]
fn every_module_begins_by_saying_what_it_is_for() {
    let silent: Vec<String> = all_sources()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(path, _)| path)
        .collect();
    assert!(silent.is_empty(), "begin these with `//!`: {silent:#?}");
}

#[test]
fn shared_without_features_has_no_runtime_no_sdk_and_no_http_client() {
    let tree = tree(&["-p", "shared", "--no-default-features"]);
    let heavy = ["tokio", "aws-", "hyper", "reqwest", "rustls", "http "];
    let found: Vec<&str> =
        tree.lines().filter(|line| heavy.iter().any(|name| line.starts_with(name))).collect();
    assert!(found.is_empty(), "put these behind a feature of `shared`: {found:#?}");
}

/// The features of `shared` in a function's own tree, as it is packaged.
fn features(function: &str) -> BTreeSet<String> {
    let tree = tree(&["-p", function, "--format", "{p} {f}"]);
    let line = tree.lines().find(|line| line.starts_with("shared v")).unwrap();
    let list = line.rsplit_once(") ").map_or("", |(_, list)| list);
    list.trim_end_matches(" (*)").split(',').map(str::to_owned).collect()
}

#[test]
fn only_execute_can_send_an_order_and_only_reconcile_also_reads_an_account() {
    let venue = |function| -> Vec<String> {
        features(function).into_iter().filter(|name| name.starts_with("venue-")).collect()
    };
    assert_eq!(venue("decide"), ["venue-market"]);
    assert_eq!(venue("reconcile"), ["venue-account", "venue-market"]);
    assert_eq!(venue("execute"), ["venue-account", "venue-market", "venue-trade"]);
    assert_eq!(venue("heartbeat"), [""; 0]);
}

#[test]
fn only_decide_can_ask_a_model() {
    for function in FUNCTIONS {
        assert_eq!(features(function).contains("model"), function == "decide", "{function}");
    }
}

#[test]
fn the_test_kit_is_in_no_function() {
    for function in FUNCTIONS {
        assert!(!features(function).contains("testkit"), "{function}: testkit is a dev-dependency");
    }
}

#[test]
fn a_permission_is_named_only_by_the_function_that_has_it() {
    for (port, owner) in [("TradeOrders", "execute"), ("Publish", "heartbeat"), ("AskModel", "decide")] {
        for (path, text) in sources("functions") {
            let own = path.starts_with(&format!("functions/{owner}/"));
            assert!(own || !names(&text, port), "{path} names {port}: that is for {owner} alone");
        }
    }
}

#[test]
fn what_plans_neither_waits_nor_computes_money_in_floats() {
    let pure: Vec<(String, String)> = PURE
        .into_iter()
        .map(|name| format!("shared/src/{name}.rs"))
        .map(|path| (path.clone(), read(&path)))
        .collect();
    banned(
        &pure,
        &["async ", ".await", "f32", "f64", "std::env", "std::fs"],
        |_| false,
        "plan with data alone",
    );
}

#[test]
fn state_that_must_survive_lives_in_tables() {
    let files: Vec<_> = ["functions", "shared"].into_iter().flat_map(sources).collect();
    let statics = ["static mut ", "OnceLock", "LazyLock", "thread_local!", "lazy_static"];
    banned(&files, &statics, |_| false, "an environment forgets at any time: put it in a table");
}

#[test]
fn the_environment_is_read_where_programs_are_wired() {
    let wiring = |path: &str| {
        path.ends_with("/src/main.rs") || ["ops/", "sim/", "tests/"].iter().any(|top| path.starts_with(top))
    };
    let words = ["env::var", "env::args", "env::set_var", "env::current_dir"];
    banned(&all_sources(), &words, wiring, "read the environment in main.rs and pass it on as data");
}

#[test]
fn the_clock_is_read_where_programs_are_wired() {
    let wiring = |path: &str| {
        // The functions' clock stands in `shared`, once; their main.rs hand it on.
        let exact = ["shared/src/lambda.rs", "sim/src/clock.rs", "sim/src/runtime_api/wall.rs"];
        let folders = ["ops/src/", "sim/examples/", "tests/src/", "tests/deployed/"];
        exact.contains(&path)
            || folders.iter().any(|folder| path.starts_with(folder))
            || path.contains("/benches/")
            || is_this(path)
    };
    let words = ["SystemTime::now", "Instant::now", "Timestamp::now(", "Zoned::now", "Utc::now"];
    banned(&all_sources(), &words, wiring, "time comes in as data, or through the Clock port");
}

#[test]
fn no_test_is_switched_off_and_none_sleeps() {
    let words = ["#[ignore", "thread::sleep", "time::sleep"];
    // What waits in real time: the operator's program, and what runs real processes.
    let waits = |path: &str| {
        let folders = ["ops/src/", "sim/src/runtime_api", "tests/deployed/"];
        is_this(path) || folders.iter().any(|folder| path.starts_with(folder))
    };
    banned(&all_sources(), &words, waits, "mend or remove the test; move the simulated clock");
}

#[test]
fn what_was_not_said_on_the_wire_is_never_a_default() {
    let wire = sources("shared/src/venue");
    let instead = "absent, null and zero are three things: use `Reported` and say what absence means";
    banned(&wire, &["unwrap_or_default"], |_| false, instead);
}

#[test]
fn no_module_is_a_drawer() {
    let drawers = ["util", "utils", "helper", "helpers", "common", "misc"];
    for (path, _) in all_sources() {
        let names: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
        let drawer = names.iter().find(|name| drawers.contains(name));
        assert!(drawer.is_none(), "{path}: name it after what it does");
    }
}

#[test]
fn every_crate_keeps_the_workspace_lints_and_versions() {
    let manifests: Vec<(String, String)> =
        RUST.into_iter().flat_map(|top| files(top, "Cargo.toml")).collect();
    assert!(manifests.len() >= 8, "{manifests:?}");
    for (path, text) in manifests {
        assert!(text.contains("[lints]\nworkspace = true"), "{path}: add [lints] workspace = true");
        let own = text.lines().find(|line| line.contains("version = \"") && !line.starts_with("version"));
        assert_eq!(own, None, "{path}: versions stand in the workspace's Cargo.toml");
    }
}

#[test]
fn the_lock_file_is_kept() {
    assert!(root().join("Cargo.lock").is_file(), "commit Cargo.lock");
    let ignored = read(".gitignore").lines().any(|line| line.contains("Cargo.lock"));
    assert!(!ignored, "Cargo.lock belongs to the sources");
}

#[test]
fn what_cdk_is_told_is_what_the_code_says() {
    let path = "infra/cdk/contract.json";
    let said = format!("{}\n", serde_json::to_string_pretty(&shared::tables::contract()).unwrap());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(root().join(path), &said).unwrap();
    }
    assert!(
        read(path) == said,
        "{path} is out of date: UPDATE=1 cargo test -p tests --test tidy rewrites it"
    );
}
