//! A real language model decides in a paper run: Gemma 3 with 270 million parameters behind llama.cpp's server
//! (`small_model/serve.py`). This judges the shapes of question and answer, and not the model's skill: it holds.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use clap::Parser;
use ops::paper::options::Options;
use ops::paper::paper;
use registries::python::interpreter;
use tokio::runtime::Runtime;

/// Where a run leaves its files, and the environment of Python is.
const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");
/// This test's own files.
const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/small_model");
/// The bundled strategy, which decides every 25 minutes.
const STRATEGY: &str = include_str!("../../../ops/strategies/demo.toml");
/// Seconds between decisions: 14 of them in a day.
const DECIDE_EVERY: &str = "decide_every_seconds = 6000";

/// A running server; it ends with this value.
struct Server {
    process: Child,
    /// Its address, without a path.
    address: String,
}

impl Server {
    fn start() -> Server {
        let python = interpreter(Path::new(FOLDER), &Path::new(HERE).join("requirements.txt"));
        let mut command = Command::new(python.unwrap_or_else(|error| panic!("{error}")));
        command.env_clear().arg("-B").arg(Path::new(HERE).join("serve.py")).arg(FOLDER);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Server { process, address: line.trim_end().to_owned() }
    }
}

impl Drop for Server {
    /// The server ends with its standard input.
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().ok();
    }
}

/// What `tradai paper` is given.
#[derive(Parser)]
struct Given {
    #[command(flatten)]
    options: Options,
}

/// An option that names a file of this run.
fn file(option: &str, name: &str, text: &str) -> String {
    let path = Path::new(FOLDER).join(name);
    fs::write(&path, text).unwrap();
    format!("{option}={}", path.display())
}

#[test]
fn a_real_small_model_decides_and_books_equal_venue() {
    let server = Server::start();
    // What the model makes of a question fits in 100 tokens; at the limit it repeats itself.
    let servers = format!(
        "[servers.small]\nurl = \"{}/v1\"\nkind = \"llamacpp\"\ntool_choice = \"schema\"\nanswer_tokens = 300\n\
         window = 16384\nusd_per_million_in = 0\nusd_per_million_out = 0\n",
        server.address
    );
    let strategy = STRATEGY.replace("decide_every_seconds = 1500", DECIDE_EVERY);
    assert!(strategy.contains(DECIDE_EVERY));
    let servers = file("--servers", "small-model-servers.toml", &servers);
    let strategy = file("--strategy", "small-model-strategy.toml", &strategy);
    let words = ["paper", "--days=1", "--model=small/gemma-3-270m", &servers, &strategy];
    let options = Given::try_parse_from(words).unwrap_or_else(|error| panic!("{error}")).options;

    let run = Runtime::new().unwrap().block_on(paper(&options, |_| None, |_, _, _, _| {}));
    let outcome = run.unwrap_or_else(|error| panic!("{error}")).outcome;

    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for decision in outcome.decisions.iter().filter(|one| one.tokens_out > 0) {
        *counts.entry(&decision.outcome).or_default() += 1;
    }
    println!("answers of the small model by outcome: {counts:?}");
    assert!(counts.values().sum::<usize>() >= 10, "{counts:?}");
    let decided = |outcome: &str| !outcome.starts_with("abstain:") || outcome == "abstain:by_model";
    assert!(counts.keys().any(|outcome| decided(outcome)), "{counts:?}");
    assert_eq!((outcome.differences, outcome.violations), (vec![], vec![]));
}
