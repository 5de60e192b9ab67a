//! `tradai reject`: ends an order that waits for approval. Nothing of it was sent, and nothing will be.

use shared::approval::Rejection;
use shared::ids::OrderId;
use shared::records;
use shared::store::WriteTables;
use shared::time::Timestamp;

use crate::not_done::NotDone;
use crate::offers::open_offer;
use crate::person::Person;
use crate::stage::{Stage, Which};

/// What to reject, where, and in whose name.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// The order, as `tradai approvals` lists it
    pub order_id: String,
    /// The stage.
    #[command(flatten)]
    pub which: Which,
    /// Who rejects it [default: the user's name]
    #[arg(long = "as", value_name = "NAME")]
    pub by: Option<String>,
}

/// Rejects it. No confirmation: the system only does less for it.
pub async fn reject(
    stage: &Stage,
    id: &OrderId,
    by: &str,
    person: &mut Person<'_>,
    now: Timestamp,
) -> Result<(), NotDone> {
    let terms = open_offer(stage, id, now).await?.terms;
    let rejection = Rejection { by: by.to_owned(), at: now };
    let write = records::order::reject(&terms.position_id, id, &rejection);
    stage.tables.write(vec![write]).await.map_err(|error| {
        NotDone::of_write(error, "not rejected: somebody has just answered it, or it has ended")
    })?;
    person.tell(&format!(
        "rejected by {by}: order {id} will not be sent; execute ends it as refused within a minute"
    ))
}
