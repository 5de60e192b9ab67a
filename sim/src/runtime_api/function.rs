//! A function as its invoker sees it: one process at a time, started again when it is gone.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use serde_json::Value;
use shared::time::Millis;
use tokio::sync::Mutex;

use super::logs::Lines;
use super::memory::Memory;
use super::outcome::{Invocation, InvokeError};
use super::process::Process;
use super::processor;
use super::program::Program;

/// How many lines of JSON logs are kept.
const LOG_LINES: usize = 10_000;
/// How many lines of stderr are kept.
const ERROR_LINES: usize = 50;

/// A function under the emulator. Dropping it kills its process.
#[derive(Debug)]
pub struct Function {
    program: Program,
    process: Mutex<Option<Process>>,
    /// 0 while there is none: beside the lock, so that memory can be read during an invocation.
    pid: AtomicU32,
    starts: AtomicU64,
    stdout: Lines,
    stderr: Lines,
}

impl Function {
    /// Starts the binary at `path` with these environment variables alone (and Lambda's own).
    pub async fn spawn<K: Into<String>, V: Into<String>>(
        path: impl Into<PathBuf>,
        env: impl IntoIterator<Item = (K, V)>,
        timeout: Millis,
    ) -> io::Result<Function> {
        let program = Program::new(path).timeout(timeout);
        Function::start(env.into_iter().fold(program, |program, (name, value)| program.env(name, value)))
            .await
    }

    /// Starts a program.
    pub async fn start(program: Program) -> io::Result<Function> {
        let function = Function {
            program,
            process: Mutex::default(),
            pid: AtomicU32::new(0),
            starts: AtomicU64::new(0),
            stdout: Lines::keeping(LOG_LINES),
            stderr: Lines::keeping(ERROR_LINES),
        };
        let process = function.fresh().await?;
        *function.process.lock().await = Some(process);
        Ok(function)
    }

    /// Hands `payload` to the function. Invocations of one function wait for each other; whoever drops
    /// this future kills the process.
    pub async fn invoke(&self, payload: &Value) -> Result<Invocation, InvokeError> {
        let mut slot = self.process.lock().await;
        let mut process = match slot.take().and_then(Process::usable) {
            Some(process) => process,
            None => self.fresh().await?,
        };
        let outcome = process.invoke(payload).await;
        match outcome {
            Ok(_) | Err(InvokeError::FunctionError { .. }) => *slot = Some(process),
            Err(
                InvokeError::TimedOut { .. }
                | InvokeError::InitError { .. }
                | InvokeError::Exited { .. }
                | InvokeError::NoProcess(_),
            ) => self.end(process).await?,
        }
        outcome
    }

    /// What the process occupies now; an error when there is none.
    pub fn resident(&self) -> io::Result<Memory> {
        match self.pid() {
            0 => Err(io::Error::new(io::ErrorKind::NotFound, "no process")),
            pid => Memory::of(pid),
        }
    }

    /// Nanoseconds that the process has had a processor so far; an error when there is none.
    pub fn processor_time(&self) -> io::Result<u64> {
        match self.pid() {
            0 => Err(io::Error::new(io::ErrorKind::NotFound, "no process")),
            pid => processor::nanoseconds(pid),
        }
    }

    /// How many processes were started: the cold starts.
    pub fn starts(&self) -> u64 {
        self.starts.load(Ordering::Relaxed)
    }

    /// The last 10,000 lines that were written to stdout, over all processes.
    pub fn logs(&self) -> Vec<String> {
        self.stdout.all()
    }

    /// The same lines, which are then forgotten.
    pub fn take_logs(&self) -> Vec<String> {
        self.stdout.take()
    }

    /// The last lines that the present process, or the one before the next, wrote to stderr.
    pub fn errors(&self) -> Vec<String> {
        self.stderr.all()
    }

    /// What is run.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The present process; 0 when there is none.
    pub(super) fn pid(&self) -> u32 {
        self.pid.load(Ordering::Relaxed)
    }

    async fn fresh(&self) -> io::Result<Process> {
        let process = Process::start(&self.program, &self.stdout, &self.stderr).await?;
        self.pid.store(process.pid().unwrap_or_default(), Ordering::Relaxed);
        self.starts.fetch_add(1, Ordering::Relaxed);
        Ok(process)
    }

    async fn end(&self, process: Process) -> io::Result<()> {
        self.pid.store(0, Ordering::Relaxed);
        process.kill().await
    }
}
