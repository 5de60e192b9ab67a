//! One process with a Runtime API of its own: what a dead process still had open cannot take an event
//! that is meant for its successor.

use std::io;
use std::pin::pin;

use serde_json::Value;
use shared::time::Millis;
use tokio::process::Child;
use tokio::task::JoinHandle;

use super::api::{Limits, RuntimeApi};
use super::logs::Lines;
use super::outcome::{Invocation, InvokeError};
use super::program::Program;
use super::wall;

/// How long what a process said last may take to arrive after its end.
const LAST_WORDS: Millis = Millis(250);

/// A running function. Dropping it kills the process.
#[derive(Debug)]
pub(super) struct Process {
    api: RuntimeApi,
    child: Child,
    limits: Limits,
    stderr: Lines,
    stderr_reader: Option<JoinHandle<()>>,
    answered: bool,
}

impl Process {
    pub(super) async fn start(program: &Program, stdout: &Lines, stderr: &Lines) -> io::Result<Process> {
        let api = RuntimeApi::start(&program.arn()).await?;
        let mut child = program.command(api.address()).spawn()?;
        stderr.take();
        if let Some(stream) = child.stdout.take() {
            stdout.follow(stream);
        }
        let stderr_reader = child.stderr.take().map(|stream| stderr.follow(stream));
        let limits = program.limits();
        Ok(Process { api, child, limits, stderr: stderr.clone(), stderr_reader, answered: false })
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// This process, if the next invocation may go to it. One that ended before it ever answered may
    /// be given one too: its end has yet to be told.
    pub(super) fn usable(mut self) -> Option<Process> {
        let usable = !self.answered || matches!(self.child.try_wait(), Ok(None));
        usable.then_some(self)
    }

    /// One invocation, on which the process may end.
    pub(super) async fn invoke(&mut self, payload: &Value) -> Result<Invocation, InvokeError> {
        let outcome = {
            let mut invocation = pin!(self.api.invoke(payload, self.limits));
            tokio::select! {
                biased;
                outcome = &mut invocation => Ok(outcome),
                status = self.child.wait() => match wall::within(LAST_WORDS, invocation).await {
                    Some(outcome) => Ok(outcome),
                    None => Err(status?),
                },
            }
        };
        match outcome {
            Ok(outcome) => {
                self.answered = true;
                outcome
            }
            Err(status) => Err(InvokeError::Exited { status, stderr: self.last_errors().await }),
        }
    }

    /// Kills the process, if it still runs, and waits for its end.
    pub(super) async fn kill(mut self) -> io::Result<()> {
        match self.child.id() {
            Some(_) => self.child.kill().await,
            None => Ok(()),
        }
    }

    async fn last_errors(&mut self) -> String {
        if let Some(reader) = self.stderr_reader.take() {
            // A grandchild can keep the pipe open; then what came so far has to do.
            drop(wall::within(LAST_WORDS, reader).await);
        }
        self.stderr.all().join("\n")
    }
}
