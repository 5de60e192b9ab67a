//! `tradai model resume`: models that were switched off, or that needed a person, may be asked again. Decide clears the
//! hold `model_off` of each strategy in its next cycle. `tradai model lower`: what a model once used above the bound on
//! its tokens counts no more. `tradai model probe`: one question to a model, and everything that came of it.

use std::path::PathBuf;

use serde_json::Value;
use shared::ids::ProviderId;
use shared::model::Ask;
use shared::records::llm::{self, LlmLedger, Resumed, SwitchedOff};
use shared::store::{ReadTables, ScanTables, WriteTables};
use shared::tables::Table;
use shared::time::Timestamp;

use crate::models::Models;
use crate::not_done::NotDone;
use crate::paper::show::one_line;
use crate::person::Person;
use crate::probe::{self, Line};
use crate::stage::{Stage, Which};

/// What can be done with models.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    /// Let models be asked again that were switched off or needed a person
    Resume(Options),
    /// Bound a model's tokens plainly again, after it once used more
    Lower(Lower),
    /// Ask a model one question; show request, answer, how it was read, tokens and dollars
    Probe(Probe),
}

/// Which model, and from where.
#[derive(Debug, Clone, clap::Args)]
pub struct Probe {
    /// The model, as strategies name it; on this machine with its provider's key in the environment
    #[arg(value_name = "PROVIDER/MODEL")]
    pub model: String,
    /// Model servers as TOML, as for tradai paper
    #[arg(long, value_name = "FILE", conflicts_with = "env")]
    pub servers: Option<PathBuf>,
    /// Ask it inside the decide function of this stage, with the stage's key and servers
    #[arg(long, value_name = "STAGE")]
    pub env: Option<String>,
}

/// Which model, where, and in whose name.
#[derive(Debug, Clone, clap::Args)]
pub struct Lower {
    /// The model, as strategies name it
    #[arg(value_name = "PROVIDER/MODEL")]
    pub model: String,
    /// Where, and in whose name.
    #[command(flatten)]
    pub options: Options,
}

/// Where, and in whose name.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// The stage.
    #[command(flatten)]
    pub which: Which,
    /// Who says so [default: the user's name]
    #[arg(long = "as", value_name = "NAME")]
    pub by: Option<String>,
}

/// Resumes whatever is switched off: the fleet at its ceiling, a provider at its spend limit, models that refused
/// whatever they were asked. A ledger that cannot be read, or that changes meanwhile, keeps no other from it; it is
/// refused in the end.
pub async fn resume(stage: &Stage, by: &str, person: &mut Person<'_>, now: Timestamp) -> Result<(), NotDone> {
    let items = stage.tables.scan(Table::Ledgers).await?;
    let (mut resumed, mut damaged, mut lost) = (false, Vec::new(), Ok(()));
    for read in items.iter().filter(|item| llm::is_of(item)).map(llm::decode) {
        match read {
            Ok(ledger) => {
                if let Some(off) = ledger.off() {
                    let one = resume_one(stage, &ledger, off, by, person, now).await;
                    resumed = true;
                    lost = lost.and(one);
                }
                if let Some(of) = ledger.needs_person() {
                    let one = mend(stage, &ledger, &Resumed { of, by: by.to_owned(), at: now }, person).await;
                    resumed = true;
                    lost = lost.and(one);
                }
            }
            Err(corrupt) => {
                person.tell(&format!("not looked at: {corrupt}"))?;
                damaged.push(corrupt.item);
            }
        }
    }
    match (damaged.is_empty(), resumed) {
        (false, _) => {
            Err(NotDone::Refused(format!("not known whether switched off: {}", damaged.join(", "))))
        }
        (true, true) => lost,
        (true, false) => Err(NotDone::input("no model is switched off or needs a person; nothing to resume")),
    }
}

async fn resume_one(
    stage: &Stage,
    ledger: &LlmLedger,
    off: &SwitchedOff,
    by: &str,
    person: &mut Person<'_>,
    now: Timestamp,
) -> Result<(), NotDone> {
    let resumed = Resumed { of: off.at, by: by.to_owned(), at: now };
    let write = stage.tables.write(vec![llm::resume(ledger, off, &resumed)]).await;
    write.map_err(|error| {
        NotDone::of_write(error, "not resumed: it was just switched off anew; look again")
    })?;
    let (name, at, detail) = (&ledger.name, off.at, &off.detail);
    person.tell(&format!("resumed by {by}: {name}, switched off at {at} ({detail})"))
}

async fn mend(
    stage: &Stage,
    ledger: &LlmLedger,
    mended: &Resumed,
    person: &mut Person<'_>,
) -> Result<(), NotDone> {
    let write = stage.tables.write(vec![llm::mend(ledger, mended)]).await;
    write.map_err(|error| NotDone::of_write(error, "not resumed: it was just asked; look again"))?;
    for (model, one) in ledger.standing() {
        let (by, name, since, detail) = (&mended.by, &ledger.name, one.since, &one.detail);
        person.tell(&format!("resumed by {by}: {name}/{model}, of no use since {since} ({detail})"))?;
    }
    for (strategy, since, one) in ledger.declining() {
        let (by, name, model, detail) = (&mended.by, &ledger.name, &one.model, &one.detail);
        person.tell(&format!(
            "resumed by {by}: {name}/{model}, refuses every question of {strategy} since {since} ({detail})"
        ))?;
    }
    Ok(())
}

/// Takes away by how much more tokens than bounded `model` once used, so that it is bounded plainly until it does again.
pub async fn lower(stage: &Stage, model: &str, by: &str, person: &mut Person<'_>) -> Result<(), NotDone> {
    let named =
        model.split_once('/').and_then(|(provider, of)| Some((ProviderId::parse(provider).ok()?, of)));
    let (provider, of) = named.ok_or_else(|| {
        NotDone::input(format!("{model:?} is not a model; name it as a strategy does, PROVIDER/MODEL"))
    })?;
    let key = llm::key(&provider);
    let item = stage.tables.get(std::slice::from_ref(&key)).await?.pop().flatten();
    let ledger = item
        .map(|item| llm::decode(&item))
        .transpose()
        .map_err(|corrupt| NotDone::Refused(corrupt.to_string()))?;
    let factors = ledger.map(|ledger| ledger.factors).unwrap_or_default();
    let Some(percent) = factors.get(of) else {
        let raised: Vec<String> = factors.keys().map(|of| format!("{provider}/{of}")).collect();
        let raised = if raised.is_empty() { "none".to_owned() } else { raised.join(", ") };
        return Err(NotDone::input(format!(
            "the bound on the tokens of {model} is not raised; of {provider} these are: {raised}"
        )));
    };
    let write = stage.tables.write(vec![llm::lower(&provider, of, *percent)]).await;
    write
        .map_err(|error| NotDone::of_write(error, "not lowered: it has just used still more; look again"))?;
    person.tell(&format!(
        "lowered by {by}: {model} had used {percent} % of the bound on its tokens, and is bounded plainly now"
    ))
}

/// Asks `model` from this machine, and shows each question.
pub async fn probe(
    models: &mut Models,
    model: &str,
    line: &Line,
    person: &mut Person<'_>,
) -> Result<(), NotDone> {
    let tried = probe::try_model(models, model, None, line).await?;
    let is_priced = models.servers().is_priced(model, line.clock.now());
    for (way, probed) in &tried.asked {
        show(&probed.told, *way, is_priced, person)?;
    }
    if let Some(way) = tried.found {
        person.tell(&probe::advice(model, way))?;
    }
    tried.failure().map_or(Ok(()), |why| Err(NotDone::input(format!("{model} cannot be asked: {why}"))))
}

/// The same inside decide of a stage.
pub async fn probe_on(
    stage: &Stage,
    model: &str,
    person: &mut Person<'_>,
    now: Timestamp,
) -> Result<(), NotDone> {
    let probe = probe::in_decide(stage, model, now).await.map_err(NotDone::Refused)?;
    let none =
        || NotDone::input(format!("stage {} has no decide function; deploy it first", stage.names.env));
    let probe = probe.ok_or_else(none)?;
    show(&probe, None, stage.servers().await?.is_priced(model, now), person)?;
    match probe.error.is_empty() {
        true => Ok(()),
        false => {
            let why = probe::shorten(&probe.error);
            Err(NotDone::input(format!("{model} cannot be asked: {why}")))
        }
    }
}

fn show(
    probe: &shared::probe::Probe,
    way: Option<Ask>,
    is_priced: bool,
    person: &mut Person<'_>,
) -> Result<(), NotDone> {
    let way = way.map(|way| format!(", tool_choice = \"{}\"", way.as_str())).unwrap_or_default();
    let status = probe.status.map_or_else(|| "none came".to_owned(), |status| format!("HTTP {status}"));
    let read = if probe.read.is_empty() { "no decision" } else { &probe.read };
    let mut text = vec![format!("request{way}"), pretty(&probe.request), format!("answer: {status}")];
    text.extend(Some(pretty(&probe.answer)).filter(|answer| !answer.is_empty()));
    text.push(format!("read as {read}"));
    text.extend(Some(format!("why not: {}", probe.error)).filter(|_| !probe.error.is_empty()));
    text.push(format!("used {}", probe::spent(std::iter::once(probe), is_priced)));
    let lines = text.iter().flat_map(|part| part.split('\n')).map(one_line);
    person.tell(&lines.collect::<Vec<_>>().join("\n"))
}

/// Each line that is JSON over several.
fn pretty(text: &str) -> String {
    let line = |line: &str| {
        let value =
            serde_json::from_str::<Value>(line).and_then(|value| serde_json::to_string_pretty(&value));
        value.unwrap_or_else(|_| line.to_owned())
    };
    match text.split_once('\n') {
        Some((head, body)) if !head.starts_with(['{', '[']) => format!("{head}\n{}", line(body)),
        Some(_) | None => line(text),
    }
}
