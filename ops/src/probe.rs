//! Asks models one question each before a person relies on them: from this machine, or inside decide, which alone may read
//! the keys of a stage.
//!
//! A server whose kind is not known is asked in one way after the other until an answer is read as a decision.

use decide::probe::{Failed, Probed, probe, question};
use shared::invoke::NotInvoked;
use shared::model::{Ask, Provider};
use shared::money::Notional;
use shared::ports::{ModelError, SharedClock};
use shared::probe::{Probe, event};
use shared::settings::Settings;
use shared::tables::Function;
use shared::time::{Millis, Timestamp};
use shared::transport::SharedTransport;

use crate::bad_input::BadInput;
use crate::fits::can_be_asked;
use crate::models::Models;
use crate::paper::show::{count, one_line};
use crate::stage::Stage;

/// How long a model is waited for: one on this machine may be loaded first.
const TIMEOUT: Millis = Millis::from_secs(120);
/// Longer than an invocation of decide may take.
const INVOCATION: Millis = Millis::from_secs(65);
/// The ways in which a server of no known kind is asked, in this order: each takes more of a server than the one before.
const WAYS: [Ask; 3] = [Ask::Auto, Ask::Required, Ask::Schema];
/// Most characters of a provider's words in one line.
const MOST_WORDS: usize = 400;

/// The way to real models.
pub struct Line {
    /// The network.
    pub transport: SharedTransport,
    /// The time.
    pub clock: SharedClock,
}

/// What became of one model.
pub struct Tried {
    /// Each question, with the way in which it was asked where that was not known.
    pub asked: Vec<(Option<Ask>, Probed)>,
    /// The way that was found, where it is not the usual one.
    pub found: Option<Ask>,
}

impl Tried {
    /// Why the model cannot be used; none where an answer was read as a decision.
    pub fn failure(&self) -> Option<String> {
        let failed = |(way, probed): &(Option<Ask>, Probed)| Some((*way, words(probed)?));
        let failures: Option<Vec<(Option<Ask>, String)>> = self.asked.iter().map(failed).collect();
        let failures = failures.filter(|failures| !failures.is_empty())?;
        let first = failures.first().map(|(_, words)| words.clone()).unwrap_or_default();
        if failures.iter().all(|(_, words)| *words == first) {
            return Some(first);
        }
        let told = failures.iter().map(|(way, words)| format!("{}: {words}", way.map_or("", Ask::as_str)));
        Some(told.collect::<Vec<_>>().join("; "))
    }

    /// How the last answer was read, and what all of them cost, in one line.
    pub fn line(&self, is_priced: bool) -> String {
        let last =
            self.asked.last().map(|(_, probed)| (probed.told.model.as_str(), probed.told.read.as_str()));
        shorten(&read_as(last.unwrap_or_default(), &self.spent(is_priced)))
    }

    /// What all of them cost.
    pub fn spent(&self, is_priced: bool) -> String {
        spent(self.asked.iter().map(|(_, probed)| &probed.told), is_priced)
    }
}

/// One probe in one line.
pub fn told(probe: &Probe, is_priced: bool) -> String {
    shorten(&read_as((&probe.model, &probe.read), &spent(std::iter::once(probe), is_priced)))
}

fn read_as((model, read): (&str, &str), spent: &str) -> String {
    format!("probe: {model} answers {read} ({spent})")
}

/// What probes used.
pub fn spent<'a>(probes: impl Iterator<Item = &'a Probe>, is_priced: bool) -> String {
    let (mut tokens_in, mut tokens_out, mut usd, mut questions) = (0_u64, 0_u64, Notional::ZERO, 0_u64);
    for one in probes {
        questions = questions.saturating_add(1);
        tokens_in = tokens_in.saturating_add(one.tokens_in.into());
        tokens_out = tokens_out.saturating_add(one.tokens_out.into());
        usd = usd + one.usd;
    }
    let (tokens_in, tokens_out) = (count(tokens_in), count(tokens_out));
    let of = if questions > 1 { format!("{questions} questions: ") } else { String::new() };
    format!("{of}{tokens_in} tokens in, {tokens_out} out, {}", dollars(&usd, is_priced))
}

/// An amount of dollars, called assumed where the price is.
pub fn dollars(usd: &impl ToString, is_priced: bool) -> String {
    format!("{} dollars{}", usd.to_string(), if is_priced { "" } else { ", assumed" })
}

/// The provider's own words; none of an answer that was read as a decision.
fn words(probed: &Probed) -> Option<String> {
    let failed = probed.failed.as_ref()?;
    let said = match failed {
        // These two have none of its words.
        Failed::NoAnswer(ModelError::Throttled { wait }) => {
            let wait = wait.map(|wait| format!(", asks to wait {wait}")).unwrap_or_default();
            format!("throttled{wait}: {}", probed.told.answer)
        }
        Failed::NoAnswer(ModelError::Overloaded) => format!("{failed}: {}", probed.told.answer),
        Failed::NoAnswer(ModelError::NotSent(why)) => {
            let url = probed.told.request.split_whitespace().nth(1).unwrap_or_default();
            format!("nothing could be sent to {url}: {why}")
        }
        Failed::NoAnswer(ModelError::Unfit(words)) => words.clone(),
        Failed::NoAnswer(_) | Failed::NoDecision(_) => failed.to_string(),
    };
    Some(shorten(&said))
}

/// One line, not too long.
pub fn shorten(text: &str) -> String {
    one_line(text).chars().take(MOST_WORDS).collect()
}

/// Whether the model may do better if it is asked in another way. One that has moved does not.
fn is_of_the_way(probed: &Probed) -> bool {
    let has_moved = probed.told.status.is_some_and(|status| (300..400).contains(&status));
    match &probed.failed {
        None => false,
        Some(_) if has_moved => false,
        Some(failed) => is_of_form(failed),
    }
}

const fn is_of_form(failed: &Failed) -> bool {
    match failed {
        Failed::NoDecision(_) | Failed::NoAnswer(ModelError::Unfit(_) | ModelError::NotAnswered(_)) => true,
        Failed::NoAnswer(
            ModelError::Throttled { .. }
            | ModelError::SpendLimit(_)
            | ModelError::Overloaded
            | ModelError::NoSuchModel(_)
            | ModelError::NoKey(_)
            | ModelError::Refused { .. }
            | ModelError::NotSent(_)
            | ModelError::Unavailable(_),
        ) => false,
    }
}

/// Asks one model for an answer of at most `answer` tokens, or as many as its row says. The way that a server of no known
/// kind answers to is set among the servers.
pub async fn try_model(
    models: &mut Models,
    model: &str,
    answer: Option<u32>,
    line: &Line,
) -> Result<Tried, BadInput> {
    let client = models.client(model, &line.transport, &line.clock)?;
    let mut tried = Tried { asked: Vec::new(), found: None };
    let name = model.split_once('/').map_or("", |(name, _)| name);
    let is_unknown = models
        .servers()
        .get(name)
        .is_some_and(|server| server.kind == Provider::Compatible && server.tool_choice.is_none());
    let ways = if is_unknown { WAYS.map(Some).to_vec() } else { vec![None] };
    for way in ways {
        if let (Some(_), Some(server)) = (way, models.servers_mut().get_mut(name)) {
            server.tool_choice = way;
        }
        let most = answer.unwrap_or(models.servers().capabilities(model).answer_tokens);
        let question = question(model, most, TIMEOUT);
        let probed = probe(&client, models.servers(), &question, line.clock.now()).await;
        let goes_on = is_of_the_way(&probed);
        let is_good = probed.failed.is_none();
        tried.asked.push((way, probed));
        if is_good {
            tried.found = way.filter(|way| *way != Ask::Auto);
        }
        if !goes_on {
            break;
        }
    }
    if let (true, Some(server)) = (is_unknown, models.servers_mut().get_mut(name)) {
        server.tool_choice = tried.found;
    }
    Ok(tried)
}

/// Asks the models of `settings`, one question each. What a person should know comes back, a line each; an error says why
/// the first of them cannot be used.
pub async fn chain(models: &mut Models, settings: &Settings, line: &Line) -> Result<Vec<String>, BadInput> {
    let mut said = Vec::new();
    for (nth, model) in std::iter::once(&settings.model).chain(&settings.model_fallbacks).enumerate() {
        match asked(models, model, settings, line).await {
            Ok(lines) => said.extend(lines),
            Err(why) if nth == 0 => {
                return Err(BadInput::new(format!("{model} cannot be asked: {why}")));
            }
            Err(why) => said.push(format!("warning: the fallback {model} cannot be asked: {why}")),
        }
    }
    Ok(said)
}

/// What one model has to say, or why it cannot be asked.
async fn asked(
    models: &mut Models,
    model: &str,
    settings: &Settings,
    line: &Line,
) -> Result<Vec<String>, String> {
    models.way(model).map_err(|line| line.to_string())?;
    let can = can_be_asked(settings, models.servers(), ("model", model), line.clock.now());
    can.map_err(|(_, problem, mend)| format!("{problem}; {mend}"))?;
    let tried = try_model(models, model, settings.llm_answer_tokens, line).await;
    let tried = tried.map_err(|line| line.to_string())?;
    let is_priced = models.servers().is_priced(model, line.clock.now());
    if let Some(why) = tried.failure() {
        let spent = tried.spent(is_priced);
        return Err(format!("{why} ({spent}); tradai model probe {model} shows all of it"));
    }
    let advice = tried.found.map(|way| advice(model, way));
    Ok(std::iter::once(tried.line(is_priced)).chain(advice).collect())
}

/// Which option to set so that the way need not be found again.
pub fn advice(model: &str, way: Ask) -> String {
    let name = model.split_once('/').map_or("", |(name, _)| name);
    let place = match Provider::parse(name) {
        Some(_) => "under [servers.NAME] of a file for --servers".to_owned(),
        None => format!("under [servers.{name}]"),
    };
    format!("{model} answers to tool_choice = \"{}\" alone, which is used now; set it {place}", way.as_str())
}

/// One question to `model` inside decide of a stage, which reads the key; none where the stage has no such function yet.
/// An error says why it was not asked.
pub async fn in_decide(stage: &Stage, model: &str, now: Timestamp) -> Result<Option<Probe>, String> {
    let function = stage.names.function(Function::Decide);
    let answer = match stage.functions.invoke(&function, &event(model), now, INVOCATION).await {
        Ok(answer) => answer,
        Err(NotInvoked { is_absent: true, .. }) => return Ok(None),
        Err(error) => return Err(format!("{model} is not probed: {error}")),
    };
    let value = serde_json::from_slice(&answer).unwrap_or_default();
    let unreadable = |bad| format!("{model} is not probed: {function} answers something else ({bad})");
    Probe::decode(&value).map(Some).map_err(unreadable)
}
