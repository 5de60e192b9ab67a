//! Both sides at one moment: whole or not at all.

use shared::ports::{ReadAccount, ReadTables, VenueError};

use crate::accounts::Account;
use crate::books::{Books, BooksError, books, heads};
use crate::known::{Known, known};
use crate::truth::{Truth, look};

/// How often both sides are read anew because something moved between them.
const MOST_ATTEMPTS: u32 = 3;

/// Both sides.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Ours.
    pub books: Books,
    /// The venue's.
    pub truth: Truth,
    /// Which of the venue's orders and trades are ours.
    pub known: Known,
}

/// Why an account could not be seen whole.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// Our side.
    #[error(transparent)]
    Books(#[from] BooksError),
    /// The venue's side.
    #[error(transparent)]
    Venue(#[from] VenueError),
    /// Something was sent or traded during every look.
    #[error("books or venue moved during {0} looks")]
    Moving(u32),
}

/// Reads ours, the venue's, and ours again: they belong together if ours stood still and nothing traded.
pub async fn observe(
    tables: &impl ReadTables,
    venue: &impl ReadAccount,
    account: &Account,
) -> Result<Observed, ObserveError> {
    for _attempt in 0..MOST_ATTEMPTS {
        let mut books = books(tables, account).await?;
        let Some(truth) = look(venue, &books).await? else { continue };
        let known = known(tables, venue, &books, &truth).await?;
        let later = heads(tables, account).await?;
        if books.heads.stand_still(&later) {
            books.heads = later;
            return Ok(Observed { books, truth, known });
        }
    }
    Err(ObserveError::Moving(MOST_ATTEMPTS))
}
