//! The wire to the models: what comes over it is written down, or what was written down comes over it instead.
//!
//! It lies below the faults of a run, so a run that is repeated with its seed meets the same faults again.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use decide::prompt;
use serde_json::json;
use shared::ports::{ModelError, Question as Asked, SharedClock};
use shared::retry_after;
use shared::time::{Millis, Timestamp};
use shared::transport::{Request, Response, Sending, SharedTransport, Transport, TransportError};

use super::recording::{Came, Question, Recording, line};
use crate::bad_input::BadInput;

/// The header in which AWS names an error.
const ERROR_TYPE: &str = "x-amzn-errortype";
/// What is said to a question that is not in the recording: a refusal, so that nobody else is asked.
const NOT_RECORDED: &str = "this question is not in the recording";

/// How often recorded answers were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Played {
    /// Questions that the recording has.
    pub answered: u64,
    /// Questions that it does not have; each is an abstention.
    pub missing: u64,
}

/// What is played, and what is written down.
#[derive(Debug)]
pub struct Tape {
    played: Option<Arc<Recording>>,
    recorder: Option<Recorder>,
    state: Mutex<State>,
}

/// Where answers are written down.
struct Recorder {
    strategy: String,
    name: String,
    file: File,
    clock: SharedClock,
}

#[derive(Debug, Default)]
struct State {
    minute: Option<Timestamp>,
    asked: Option<Question>,
    /// Whether the answer to `asked` is written down.
    is_written: bool,
    count: Played,
    failed: Option<BadInput>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Recorder").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Tape {
    /// Plays `played`, where there is one, and writes down what `strategy` is answered to the new file `record`, where
    /// one is named. `clock` is the providers': a wait until a date is written down as how long that is.
    pub fn new(
        played: Option<Arc<Recording>>,
        record: Option<&Path>,
        strategy: &str,
        clock: SharedClock,
    ) -> Result<Tape, BadInput> {
        let recorder = record.map(|path| {
            let (strategy, name) = (strategy.to_owned(), path.display().to_string());
            create(path).map(|file| Recorder { strategy, name, file, clock })
        });
        Ok(Tape { played, recorder: recorder.transpose()?, state: Mutex::default() })
    }

    /// The same network where what goes to `host` goes over this tape; to any host where none is named.
    pub fn over(self: &Arc<Tape>, network: SharedTransport, host: Option<&'static str>) -> SharedTransport {
        if self.is_idle() {
            return network;
        }
        Arc::new(Tapped { network, host, tape: Arc::clone(self) })
    }

    const fn is_idle(&self) -> bool {
        self.played.is_none() && self.recorder.is_none()
    }

    /// From here questions are of the cycle of `minute`.
    pub fn turn_to(&self, minute: Timestamp) {
        self.state().minute = Some(minute);
    }

    /// The next exchange on the wire is about this question.
    pub fn begin(&self, asked: &Asked) {
        if self.is_idle() {
            return;
        }
        let mut state = self.state();
        state.is_written = false;
        let number = u64::try_from(asked.turns.len().div_ceil(2)).unwrap_or(u64::MAX);
        state.asked = prompt::hash(asked).zip(state.minute).map(|(prompt_hash, minute)| Question {
            minute,
            prompt_hash,
            model: asked.model.clone(),
            number,
        });
    }

    /// The question is over. Where a fault stood in for the provider, that is written down as no answer.
    pub fn end(&self, error: Option<&ModelError>) {
        let is_written = self.state().is_written;
        if let (false, Some(error)) = (is_written, error) {
            self.write(&Came::Lost(TransportError::NoAnswer(error.to_string())));
        }
        self.state().asked = None;
    }

    /// How often recorded answers were asked for; none where no recording is played.
    pub fn count(&self) -> Option<Played> {
        self.played.as_ref().map(|_| self.state().count)
    }

    /// The first answer that could not be written down.
    pub fn failed(&self) -> Option<BadInput> {
        self.state().failed.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The recorded answer to what is asked now.
    fn play(&self) -> Option<Came> {
        let recording = self.played.as_ref()?;
        let mut state = self.state();
        match state.asked.as_ref().and_then(|asked| recording.answers.get(asked)).cloned() {
            Some(came) => {
                state.count.answered = state.count.answered.saturating_add(1);
                Some(came)
            }
            None => {
                state.count.missing = state.count.missing.saturating_add(1);
                Some(not_recorded())
            }
        }
    }

    fn note(&self, came: &Result<Response, TransportError>) {
        let Some(recorder) = &self.recorder else { return };
        let came = match came {
            Ok(response) => of_response(response, recorder.clock.now()),
            Err(error) => Came::Lost(error.clone()),
        };
        self.write(&came);
    }

    /// Written at once: what was paid for is not lost with the run.
    fn write(&self, came: &Came) {
        let mut state = self.state();
        let (Some(recorder), Some(asked)) = (&self.recorder, &state.asked) else { return };
        let text = line(&recorder.strategy, asked, came);
        let written = (&recorder.file).write_all(text.as_bytes());
        state.is_written = true;
        if let (Err(error), None) = (written, &state.failed) {
            let name = &recorder.name;
            let mend = "make room, or give another path with --record";
            state.failed =
                Some(BadInput::new(format!("{name}: an answer cannot be written ({error}); {mend}")));
        }
    }
}

/// Answers may have cost money: no file is written over.
fn create(path: &Path) -> Result<File, BadInput> {
    OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| {
        let name = path.display();
        let is_there = error.kind() == std::io::ErrorKind::AlreadyExists;
        let why =
            if is_there { "is there already".to_owned() } else { format!("cannot be written ({error})") };
        BadInput::new(format!("{name}: {why}; give another path with --record"))
    })
}

fn not_recorded() -> Came {
    let body = json!({"error": {"message": NOT_RECORDED}, "message": NOT_RECORDED});
    Came::Answer { status: 404, wait: None, error_type: None, body: body.to_string().into_bytes() }
}

fn of_response(response: &Response, now: Timestamp) -> Came {
    let error_type = response.headers().get(ERROR_TYPE).and_then(|value| value.to_str().ok());
    Came::Answer {
        status: response.status().as_u16(),
        wait: retry_after::wait(response.headers(), now),
        error_type: error_type.map(str::to_owned),
        body: response.body().to_vec(),
    }
}

fn to_response(came: Came) -> Result<Response, TransportError> {
    let (status, wait, error_type, body) = match came {
        Came::Lost(error) => return Err(error),
        Came::Answer { status, wait, error_type, body } => (status, wait, error_type, body),
    };
    let mut response = http::Response::builder().status(status);
    if let Some(Millis(wait)) = wait {
        response = response.header("retry-after-ms", wait);
    }
    if let Some(error_type) = error_type {
        response = response.header(ERROR_TYPE, error_type);
    }
    let made = response.body(Bytes::from(body));
    made.map_err(|error| TransportError::NeverSent(format!("the recorded answer cannot be made: {error}")))
}

/// A network whose way to the models goes over a tape.
#[derive(Debug)]
struct Tapped {
    network: SharedTransport,
    host: Option<&'static str>,
    tape: Arc<Tape>,
}

impl Transport for Tapped {
    fn send(&self, request: Request, timeout: Millis) -> Sending<'_> {
        if self.host.is_some() && request.uri().host() != self.host {
            return self.network.send(request, timeout);
        }
        Box::pin(async move {
            let came = match self.tape.play() {
                Some(came) => to_response(came),
                None => self.network.send(request, timeout).await,
            };
            self.tape.note(&came);
            came
        })
    }
}
