//! The CDK app against the emulated account.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::account::{ACCOUNT, Account, REGION};
use crate::run::{Failed, run};
use crate::tools::{NODE, Tools};

/// The app: the real stacks for one stage of kind dev that points elsewhere.
const APP: &str = "node --import tsx bin/elsewhere.ts";
/// The emulator knows neither budgets nor saved queries, so the console's stack stays out.
const STACKS: [&str; 2] = ["tradai-dev-state", "tradai-dev-trading"];

/// The app with what it is deployed with.
#[derive(Debug)]
pub struct Cdk<'a> {
    /// Node and the app.
    pub tools: &'a Tools,
    /// Where it goes.
    pub account: &'a Account,
    /// The packages.
    pub packages: PathBuf,
    /// Where the templates go.
    pub output: PathBuf,
    /// Where its functions find the exchange.
    pub venue: String,
    /// Where they find the model.
    pub model: String,
}

/// What a deployment did to its stacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// At least one of them is new or another than before.
    Some,
    /// All were as they should be.
    None,
}

impl Cdk<'_> {
    /// Prepares the account, once.
    pub fn bootstrap(&self) -> Result<(), Failed> {
        let place = format!("aws://{ACCOUNT}/{REGION}");
        self.cdk(&["bootstrap", &place]).map(|_| ())
    }

    /// Deploys what trades.
    pub fn deploy(&self) -> Result<Change, Failed> {
        let said = self.cdk(&["deploy", STACKS[0], STACKS[1], "--require-approval", "never"])?;
        let same = said.matches("(no changes)").count();
        Ok(if same == STACKS.len() { Change::None } else { Change::Some })
    }

    fn cdk(&self, args: &[&str]) -> Result<String, Failed> {
        let mut command = Command::new("npx");
        command
            .args(["--no-install", "cdk", "--app", APP, "--progress", "events", "--output"])
            .arg(&self.output);
        command.args(args).current_dir(self.tools.app());
        command.env("ELSEWHERE_PACKAGES", &self.packages);
        command.env("ELSEWHERE_VENUE_URL", &self.venue).env("ELSEWHERE_MODEL_URL", &self.model);
        self.account.reach(&mut command);
        run(&format!("cdk {}", args.join(" ")), NODE, &mut command)
    }
}

/// Where the templates go.
pub fn output(folder: &Path) -> PathBuf {
    folder.join("cdk.out")
}
