//! The commands of the README that take a newcomer from an account to a strategy.

use crate::cdk::Cdk;
use crate::run::{Failed, run};

/// The README.
const README: &str = include_str!("../../../README.md");
/// The heading under which they stand.
const HEADING: &str = "## On AWS";
/// The stage that they name. Its kind must not point elsewhere, so the stage of kind dev stands in for it, and nobody
/// has to be paged there.
const STAGE: &str = "paper";
const MAIL: &str = " --parameters tradai-paper-state:AlertsMail=YOU@EXAMPLE.COM";
/// Most commands that a newcomer should need.
pub const MOST: usize = 8;

/// The commands, a line each.
pub fn commands() -> Vec<String> {
    let section = README.split_once(HEADING).map_or("", |(_, section)| section);
    let block = section.split("```").nth(1).unwrap_or_default();
    block.lines().skip(1).map(|line| line.replace(MAIL, "").replace(STAGE, "dev")).collect()
}

/// Runs them one after the other in one shell, at the top of the repository.
pub fn follow(cdk: &Cdk<'_>) -> Result<String, Failed> {
    let mut shell = cdk.tools.shell();
    shell.args(["-euxc", &commands().join("\n")]).current_dir(&cdk.tools.root);
    shell.env("CARGO_TARGET_DIR", &cdk.tools.target);
    cdk.reach(&mut shell);
    run("the README's way to AWS", "its line says what it needs", &mut shell)
}
