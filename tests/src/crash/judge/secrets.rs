//! I31: no secret anywhere.

use shared::store::{Attr, Item};

use super::Judge;
use crate::crash::world::{APPROVAL_KEY, CANARY};

impl Judge<'_> {
    /// I31: no secret anywhere.
    pub(super) fn secrets(&mut self) {
        let mut texts: Vec<String> = Vec::new();
        let world = &self.ended.world;
        texts.extend(world.topics.taken.borrow().iter().map(|one| one.message.clone()));
        texts.extend(
            world
                .journal
                .0
                .borrow()
                .iter()
                .flat_map(|line| line.fields.values().map(ToString::to_string).collect::<Vec<_>>()),
        );
        for item in self.items.values() {
            spell(item, &mut texts);
        }
        for text in texts {
            if [CANARY, APPROVAL_KEY].iter().any(|secret| text.contains(secret)) {
                self.broken("I31", format!("a secret in {text}"));
            }
        }
    }
}

fn spell(item: &Item, texts: &mut Vec<String>) {
    for attr in item.values() {
        match attr {
            Attr::S(text) => texts.push(text.clone()),
            Attr::M(map) => spell(map, texts),
            Attr::N(_) | Attr::Bool(_) | Attr::Null | Attr::B(_) | Attr::L(_) | Attr::Foreign(_) => {}
        }
    }
}
