//! The keys of accounts, each read on first use and kept for a while.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::ports::VenueError;
use crate::secret::ReadSecret;
use crate::time::{Millis, Timestamp};
use crate::venue::binance::sign::ApiKey;
use crate::venue::venues::refused;

/// How long a key is kept before it is read again: a rotated key is picked up within this time.
pub const KEY_LIFE: Millis = Millis::from_minutes(5);

/// Keys by the names of their secrets.
#[derive(Debug)]
pub struct Keys<S> {
    secrets: S,
    known: RefCell<BTreeMap<String, (Timestamp, ApiKey)>>,
}

impl<S: ReadSecret> Keys<S> {
    /// No key was read yet.
    pub const fn new(secrets: S) -> Keys<S> {
        Keys { secrets, known: RefCell::new(BTreeMap::new()) }
    }

    /// The key in the secret called `name`.
    pub async fn key(&self, name: String, now: Timestamp) -> Result<ApiKey, VenueError> {
        if let Some((read, key)) = self.known.borrow().get(&name)
            && now.since(*read) < KEY_LIFE
        {
            return Ok(key.clone());
        }
        let credentials = self.secrets.read(&name).await.map_err(|error| refused("secret", error))?;
        let key = ApiKey::of(&credentials).ok_or_else(|| refused("secret", "cannot sign"))?;
        self.known.borrow_mut().insert(name, (now, key.clone()));
        Ok(key)
    }
}
