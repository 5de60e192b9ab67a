//! The wire to the models: what comes over it is written down, or what was written down comes over it instead.
//!
//! It lies below the faults of a run, so a run that is repeated with its seed meets the same faults again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use decide::prompt;
use http::HeaderMap;
use serde_json::json;
use shared::model::Servers;
use shared::ports::{ModelError, Question as Asked, SharedClock};
use shared::retry_after;
use shared::settings::Settings;
use shared::time::{Millis, Timestamp};
use shared::transport::{Request, Response, Sending, SharedTransport, Transport, TransportError};

use super::recording::{self, Came, Question, Recording};
use crate::bad_input::BadInput;

/// What is said to a question that is not in the recording.
const NOT_RECORDED: &str = "this question is not in the recording";
/// With which status: of a refusal of this question alone, so that the next one is asked.
const REFUSED: u16 = 409;

/// What became of the questions of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Count {
    /// Questions that left this machine, or that a recording was asked.
    pub calls: u64,
    /// Questions that were answered, whatever the answer says.
    pub answered: u64,
    /// Questions that the recording does not have; each is an abstention.
    pub missing: u64,
    /// The models that were asked.
    pub models: BTreeSet<String>,
    /// Why the last question that was not answered was not.
    pub failure: Option<String>,
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
    /// Whether something has come over the wire for `asked`.
    has_come: bool,
    /// How many answers to each question were played.
    played: BTreeMap<Question, usize>,
    count: Count,
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
        Arc::new(Tapped { network, host, tape: Arc::clone(self) })
    }

    /// What is written down from here on is answered by the real models of `settings`, some of them at these servers.
    pub fn begin_real(&self, servers: &Servers, settings: &Settings) {
        let name = |model: &String| model.split_once('/').map(|(name, _)| name.to_owned());
        let names = std::iter::once(&settings.model).chain(&settings.model_fallbacks).filter_map(name);
        self.put(&recording::head(servers, &names.collect()));
    }

    /// From here questions are of the cycle of `minute`.
    pub fn turn_to(&self, minute: Timestamp) {
        self.state().minute = Some(minute);
    }

    /// The next exchange on the wire is about this question.
    pub fn begin(&self, asked: &Asked) {
        let is_idle = self.played.is_none() && self.recorder.is_none();
        let mut state = self.state();
        state.has_come = false;
        state.count.models.insert(asked.model.clone());
        let question = |minute| Question {
            minute,
            prompt_hash: prompt::hash(asked),
            model: asked.model.clone(),
            number: if asked.format_error.is_some() { 2 } else { 1 },
        };
        state.asked = state.minute.filter(|_| !is_idle).map(question);
    }

    /// The question is over. Where nothing has come over the wire, a fault stood in for the provider: that is an answer of
    /// the recording, too, which such a question takes.
    pub fn end(&self, error: Option<&ModelError>) {
        let is_over = self.state().has_come;
        match error {
            Some(error) if !is_over => {
                self.write(&Came::Lost(stood_in(error)));
                self.next();
            }
            Some(_) | None => {}
        }
        let mut state = self.state();
        match error {
            Some(error) => state.count.failure = Some(error.to_string()),
            None => state.count.answered = state.count.answered.saturating_add(1),
        }
        state.asked = None;
    }

    /// What became of the questions so far.
    pub fn count(&self) -> Count {
        self.state().count.clone()
    }

    /// The first answer that could not be written down.
    pub fn failed(&self) -> Option<BadInput> {
        self.state().failed.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next recorded answer to what is asked now; none where nothing is played.
    fn play(&self) -> Option<Came> {
        self.played.as_ref()?;
        let came = self.next();
        if came.is_none() {
            let mut state = self.state();
            state.count.missing = state.count.missing.saturating_add(1);
        }
        Some(came.unwrap_or_else(not_recorded))
    }

    /// The next recorded answer to what is asked now, which is played with that.
    fn next(&self) -> Option<Came> {
        let mut state = self.state();
        let asked = state.asked.clone()?;
        let answers = self.played.as_ref()?.answers.get(&asked)?;
        let nth = state.played.entry(asked).or_default();
        let came = answers.get(*nth)?.clone();
        *nth = nth.saturating_add(1);
        Some(came)
    }

    fn note(&self, came: &Result<Response, TransportError>) {
        {
            let mut state = self.state();
            state.has_come = true;
            if !matches!(came, Err(TransportError::NeverSent(_))) {
                state.count.calls = state.count.calls.saturating_add(1);
            }
        }
        let Some(recorder) = &self.recorder else { return };
        self.write(&match came {
            Ok(response) => of_response(response, recorder.clock.now()),
            Err(error) => Came::Lost(error.clone()),
        });
    }

    fn write(&self, came: &Came) {
        let asked = self.state().asked.clone();
        let (Some(recorder), Some(asked)) = (&self.recorder, asked) else { return };
        self.put(&recording::line(&recorder.strategy, &asked, came));
    }

    /// Written at once: what was paid for is not lost with the run.
    fn put(&self, text: &str) {
        let Some(recorder) = &self.recorder else { return };
        let written = (&recorder.file).write_all(text.as_bytes());
        let mut state = self.state();
        if let (Err(error), None) = (written, &state.failed) {
            let name = &recorder.name;
            let mend = "make room, or give another path with --record";
            state.failed =
                Some(BadInput::new(format!("{name}: an answer cannot be written ({error}); {mend}")));
        }
    }
}

/// What a question is repeated as where its answer did not come over the wire.
fn stood_in(error: &ModelError) -> TransportError {
    match error {
        ModelError::NotSent(why) | ModelError::NoKey(why) => TransportError::NeverSent(why.clone()),
        ModelError::Throttled { .. }
        | ModelError::SpendLimit(_)
        | ModelError::Overloaded
        | ModelError::NoSuchModel(_)
        | ModelError::Unfit(_)
        | ModelError::Refused { .. }
        | ModelError::NotAnswered(_)
        | ModelError::Unavailable(_) => TransportError::NoAnswer(error.to_string()),
    }
}

/// Refuses a file that is there already, before anything is asked.
pub fn check(path: &Path) -> Result<(), BadInput> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match (path.exists(), folder.is_none_or(Path::is_dir)) {
        (true, _) => Err(not_created(path, "is there already")),
        (false, false) => Err(not_created(path, "its folder is not there")),
        (false, true) => Ok(()),
    }
}

fn not_created(path: &Path, why: &str) -> BadInput {
    BadInput::new(format!("{}: {why}; give another path with --record", path.display()))
}

/// Answers may have cost money: no file is written over.
fn create(path: &Path) -> Result<File, BadInput> {
    OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| {
        let is_there = error.kind() == ErrorKind::AlreadyExists;
        let why =
            if is_there { "is there already".to_owned() } else { format!("cannot be written ({error})") };
        not_created(path, &why)
    })
}

fn not_recorded() -> Came {
    let body = json!({"error": {"message": NOT_RECORDED}, "message": NOT_RECORDED});
    Came::answer(REFUSED, None, &HeaderMap::new(), body.to_string().as_bytes())
}

fn of_response(response: &Response, now: Timestamp) -> Came {
    let (status, headers) = (response.status().as_u16(), response.headers());
    Came::answer(status, retry_after::wait(headers, now), headers, response.body())
}

fn to_response(came: Came) -> Result<Response, TransportError> {
    let (status, wait, headers, body) = match came {
        Came::Lost(error) => return Err(error),
        Came::Answer { status, wait, headers, body } => (status, wait, headers, body),
    };
    let mut response = http::Response::builder().status(status);
    if let Some(Millis(wait)) = wait {
        response = response.header("retry-after-ms", wait);
    }
    for (name, value) in headers {
        response = response.header(name, value);
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

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use shared::ports::{Clock, Tool};
    use shared::testkit::at_once;

    use super::*;

    /// Says one thing after the other.
    #[derive(Debug)]
    struct Script(Mutex<VecDeque<Result<Response, TransportError>>>);

    impl Transport for Script {
        fn send(&self, _: Request, _: Millis) -> Sending<'_> {
            Box::pin(std::future::ready(self.0.lock().unwrap().pop_front().unwrap()))
        }
    }

    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(0)
        }
    }

    fn question(error: Option<&str>) -> Asked {
        Asked {
            model: "anthropic/claude-haiku-4-5".to_owned(),
            system: String::new(),
            tool: Tool { name: String::new(), description: String::new(), schema: json!({}) },
            facts: "{}".to_owned(),
            format_error: error.map(str::to_owned),
            max_tokens: 1,
            timeout: Millis(1),
        }
    }

    /// What came of two cycles' worth of questions: `None` where a fault stood in for the wire.
    fn asked(tape: &Arc<Tape>, script: Vec<Result<Response, TransportError>>) -> Vec<String> {
        let came = [Some(None), Some(None), None, Some(Some("no form")), Some(None)];
        let wire = tape.over(Arc::new(Script(Mutex::new(script.into()))), None);
        tape.turn_to(Timestamp::from_millis(0));
        let mut all = Vec::new();
        for one in came {
            let error = one.flatten();
            tape.begin(&question(error));
            let Some(_) = one else {
                tape.end(Some(&ModelError::Overloaded));
                continue;
            };
            let came = at_once(wire.send(Request::new(Bytes::new()), Millis(1)));
            let failed = came.as_ref().err().map(|error| ModelError::Unavailable(error.to_string()));
            tape.end(failed.as_ref());
            all.push(match came {
                Ok(response) => format!("{:?} {:?}", response.headers(), response.body()),
                Err(error) => error.to_string(),
            });
        }
        all
    }

    /// The same question of one minute, the second of which met a fault, a correction, and the same question again.
    #[test]
    fn a_question_that_is_asked_twice_is_answered_twice_in_the_same_order() {
        let path = std::env::temp_dir().join(format!("tradai-tape-{}.jsonl", std::process::id()));
        let tape = |played: Option<Arc<Recording>>, record| {
            Arc::new(Tape::new(played, record, "demo", Arc::new(Still)).unwrap())
        };
        let script = || {
            let says = |text: &'static str| Ok(Response::new(Bytes::from_static(text.as_bytes())));
            let lost = Err(TransportError::NeverSent("refused".to_owned()));
            vec![says("1"), lost, says("3"), says("4")]
        };
        let recorder = tape(None, Some(&path));
        let first = asked(&recorder, script());
        let recording = Arc::new(recording::read(&path).unwrap());
        let player = tape(Some(recording), None);
        assert_eq!(asked(&player, Vec::new()), first);
        assert_eq!(player.count(), recorder.count());
        assert_eq!((player.count().calls, player.count().answered), (3, 3), "what never left is no call");
        std::fs::remove_file(&path).ok();
    }
}
