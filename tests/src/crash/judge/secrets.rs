//! I31: no secret anywhere.

use super::Judge;
use crate::crash::outside::spelled;
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
        let written = images.filter_map(|image| image.after.as_ref()).chain(self.items.values()).map(spelled);
        let told: Vec<String> = messages
            .chain(fields)
            .chain(written)
            .filter(|text| [CANARY, APPROVAL_KEY].iter().any(|secret| text.contains(secret)))
            .collect();
        for text in told {
            self.broken("I31", format!("a secret in {text}"));
        }
    }
}
