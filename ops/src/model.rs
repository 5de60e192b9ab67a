//! `tradai model resume`: models that were switched off, or that needed a person, may be asked again. Decide clears the
//! hold `model_off` of each strategy in its next cycle. `tradai model lower`: what a model once used above the bound on
//! its tokens counts no more.

use shared::ids::ProviderId;
use shared::records::llm::{self, LlmLedger, Resumed, SwitchedOff};
use shared::store::{ReadTables, ScanTables, WriteTables};
use shared::tables::Table;
use shared::time::Timestamp;

use crate::not_done::NotDone;
use crate::person::Person;
use crate::stage::{Stage, Which};

/// What can be done with models.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    /// Let models be asked again that were switched off or needed a person
    Resume(Options),
    /// Bound a model's tokens plainly again, after it once used more
    Lower(Lower),
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
