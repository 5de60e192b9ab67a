//! The operator's program as people have it: built, and run with somebody's permissions.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::aws::Caller;
use crate::run::Failed;
use crate::tools::Tools;

/// The program.
#[derive(Debug)]
pub struct Program<'a> {
    path: PathBuf,
    folder: PathBuf,
    caller: Caller<'a>,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Its exit code.
    pub code: Option<i32>,
    /// What it showed.
    pub out: String,
    /// What it said of itself.
    pub err: String,
}

/// Where the README's commands leave it.
pub fn built(tools: &Tools) -> PathBuf {
    tools.target.join("release/tradai")
}

impl<'a> Program<'a> {
    /// The program at `path`, run in `folder` by `caller` on the stage `dev`.
    pub fn new(path: PathBuf, folder: &Path, caller: Caller<'a>) -> Program<'a> {
        Program { path, folder: folder.to_path_buf(), caller }
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Result<Said, Failed> {
        let mut command = Command::new(&self.path);
        command.args(args).args(["--env", "dev"]).current_dir(&self.folder).env("USER", "ada");
        self.caller.reach(&mut command);
        let program = self.path.display().to_string();
        let mend = "the README's commands build it";
        let output = command.output().map_err(|why| Failed::Missing { program, why, mend })?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) })
    }
}
