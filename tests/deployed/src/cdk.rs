//! The CDK app against the emulated account.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::account::Account;
use crate::run::{Failed, run};
use crate::tools::{NODE, Tools};

/// The app: the real stacks for one stage of kind dev that points elsewhere.
const APP: &str = "node --import tsx bin/elsewhere.ts";
/// The stacks of the stage.
const STACKS: [&str; 3] = ["tradai-dev-state", "tradai-dev-trading", "tradai-dev-console"];

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
    /// Deploys what is deployed already.
    pub fn deploy(&self) -> Result<Change, Failed> {
        let mut command = Command::new("npx");
        command.args(["--no-install", "cdk", "deploy", "tradai-dev-*"]).current_dir(self.tools.app());
        self.reach(&mut command);
        let said = run("cdk deploy", NODE, &mut command)?;
        let same = said.matches("(no changes)").count();
        Ok(if same == STACKS.len() { Change::None } else { Change::Some })
    }

    /// Tells a program that this is AWS, and `cdk` that the stage points elsewhere.
    pub fn reach(&self, command: &mut Command) {
        command.env("CDK_APP", APP).env("CDK_OUTPUT", &self.output);
        command.env("CDK_PROGRESS", "events").env("CDK_REQUIRE_APPROVAL", "never");
        command.env("ELSEWHERE_PACKAGES", &self.packages);
        command.env("ELSEWHERE_VENUE_URL", &self.venue).env("ELSEWHERE_MODEL_URL", &self.model);
        self.account.reach(command);
    }
}

/// Where the templates go.
pub fn output(folder: &Path) -> PathBuf {
    folder.join("cdk.out")
}
