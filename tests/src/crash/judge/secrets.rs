//! I31: no secret anywhere.

use std::io::Read as _;

use flate2::read::ZlibDecoder;
use shared::store::{Attr, Item};

use super::Judge;
use crate::crash::world::{APPROVAL_KEY, CANARY};

impl Judge<'_> {
    /// I31: no secret anywhere: in no item as it is or once was, in no message and in no line.
    pub(super) fn secrets(&mut self) {
        let world = &self.ended.world;
        let (taken, lines) = (world.topics.taken.borrow(), world.journal.0.borrow());
        let messages =
            taken.iter().flat_map(|one| one.subject.clone().into_iter().chain([one.message.clone()]));
        let fields = lines.iter().flat_map(|line| line.fields.values().map(ToString::to_string));
        let images = self.commits.iter().flat_map(|commit| &commit.images);
        let written = images.filter_map(|image| image.after.as_ref()).chain(self.items.values());
        let told = messages.chain(fields).filter(|text| is_secret(text));
        let told: Vec<String> =
            told.chain(written.filter(|item| tells(item)).map(|item| format!("{item:?}"))).collect();
        for text in told {
            self.broken("I31", format!("a secret in {text}"));
        }
    }
}

/// Whether an item has a secret in it, as a name or in a value.
fn tells(item: &Item) -> bool {
    item.iter().any(|(name, attr)| is_secret(name) || says(attr))
}

fn says(attr: &Attr) -> bool {
    match attr {
        Attr::S(text) | Attr::N(text) => is_secret(text),
        Attr::B(bytes) => is_secret(&unpacked(bytes)),
        Attr::L(list) => list.iter().any(says),
        Attr::M(map) => tells(map),
        // Of a foreign value only its type is known.
        Attr::Bool(_) | Attr::Null | Attr::Foreign(_) => false,
    }
}

/// Prompts and answers are kept compressed; what is not is looked at as it stands.
fn unpacked(bytes: &[u8]) -> String {
    let mut text = Vec::new();
    let is_packed = ZlibDecoder::new(bytes).read_to_end(&mut text).is_ok();
    String::from_utf8_lossy(if is_packed { &text } else { bytes }).into_owned()
}

fn is_secret(text: &str) -> bool {
    [CANARY, APPROVAL_KEY].iter().any(|secret| text.contains(secret))
}
