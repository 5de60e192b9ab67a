//! Reads one field at a time: from the file, else from who supplies it, else it is missing.

use super::document::{Document, Entry, Raw};
use super::known::{example, table_of};
use super::note::{BadSettings, Note, Place};
use super::profile::PROFILES;
use crate::ids::{BadName, Symbol};
use crate::money::{BadAmount, Percent};

/// The most symbols and model names in a list.
const LONGEST_LIST: usize = 50;

/// Supplies what the file does not state.
#[derive(Debug)]
struct Layer {
    by: String,
    document: Document,
}

/// A file, and what stands behind it.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    file: &'a str,
    document: Document,
    layers: Vec<Layer>,
    spelling: fn(&'static str) -> &'static str,
    /// What was noticed so far.
    pub(super) notes: Vec<Note>,
}

impl<'a> Reader<'a> {
    /// A reader of `document`, where the native field `f` is spelled `spelling(f)`.
    pub(super) fn new(file: &'a str, document: Document, spelling: fn(&'static str) -> &'static str) -> Self {
        Reader { file, document, layers: Vec::new(), spelling, notes: Vec::new() }
    }

    /// Adds who supplies what nobody before does.
    pub(super) fn supply(&mut self, by: &str, text: &str) -> Result<(), BadSettings> {
        self.layers.push(Layer { by: by.to_owned(), document: Document::parse(text, by)? });
        Ok(())
    }

    /// Adds the profile called `name`; false if there is none.
    pub(super) fn supply_profile(&mut self, name: &str) -> Result<bool, BadSettings> {
        match PROFILES.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => self.supply(&format!("profile {name}"), text).map(|()| true),
            None => Ok(false),
        }
    }

    /// Lets the profile allow the symbols that are watched and no others.
    pub(super) fn supply_allowed(&mut self, symbols: &[Symbol]) {
        let item = |symbol: &Symbol| Entry { line: 1, raw: Raw::Text(symbol.to_string()) };
        let entry = Entry { line: 1, raw: Raw::List(symbols.iter().map(item).collect()) };
        for layer in self.layers.iter_mut().filter(|layer| layer.by.starts_with("profile ")) {
            layer.document.entries.push(("limits.allowed_symbols".to_owned(), entry.clone()));
        }
    }

    /// How the file spells a field that it states.
    pub(super) fn stated(&self, path: &'static str) -> Option<&'static str> {
        let spelled = (self.spelling)(path);
        self.document.get(spelled).map(|_| spelled)
    }

    /// The field as the file states it.
    pub(super) fn optional(&self, path: &'static str) -> Option<Found> {
        let spelled = (self.spelling)(path);
        let entry = self.document.get(spelled)?.clone();
        Some(Found { place: Place::field(self.file, entry.line, spelled), example: example(path), entry })
    }

    /// The field, from the file or from who supplies it.
    pub(super) fn find(&mut self, path: &'static str) -> Result<Found, BadSettings> {
        if let Some(found) = self.optional(path) {
            return Ok(found);
        }
        for layer in &self.layers {
            if let Some(entry) = layer.document.get(path) {
                let value = entry.raw.to_string();
                self.notes.push(Note::Supplied { by: layer.by.clone(), field: path.to_owned(), value });
                let place = Place::field(&layer.by, entry.line, path);
                return Ok(Found { place, example: example(path), entry: entry.clone() });
            }
        }
        Err(self.missing(path))
    }

    fn missing(&self, path: &'static str) -> BadSettings {
        let spelled = (self.spelling)(path);
        let leaf = spelled.rsplit_once('.').map_or(spelled, |(_, leaf)| leaf);
        let example = example(path);
        let add = match table_of(spelled) {
            "" => format!("add {leaf} = {example} above the first table"),
            table => format!("add {leaf} = {example} under [{table}]"),
        };
        let in_profile = PROFILES.iter().any(|(_, text)| {
            Document::parse(text, "").is_ok_and(|profile| profile.get(path).is_some())
                || path == "limits.allowed_symbols"
        });
        let mend = if in_profile && self.layers.iter().all(|layer| !layer.by.starts_with("profile ")) {
            format!("{add}, or take it from a profile: profile = {}", super::known::example("profile"))
        } else {
            add
        };
        Place::field(self.file, self.document.line_for(spelled), spelled).refuse("this is missing", mend)
    }
}

/// A field's value, and where it stands.
#[derive(Debug)]
pub(super) struct Found {
    /// Where it stands.
    pub(super) place: Place,
    example: &'static str,
    entry: Entry,
}

impl Found {
    /// A refusal of this value.
    pub(super) fn refuse(&self, problem: impl std::fmt::Display) -> BadSettings {
        self.place.refuse(problem, format!("write for example {}", self.example))
    }

    fn is_not(&self, what: &str) -> BadSettings {
        self.refuse(format!("{} is not {what}", self.entry.raw))
    }

    /// A string, even where its value must not be printed.
    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.entry.raw {
            Raw::Text(text) => Some(text),
            Raw::Number(_) | Raw::Flag(_) | Raw::List(_) | Raw::Other(_) => None,
        }
    }

    /// A string.
    pub(super) fn text(&self) -> Result<&str, BadSettings> {
        self.as_text().ok_or_else(|| self.is_not("a text"))
    }

    /// true or false.
    pub(super) fn flag(&self) -> Result<bool, BadSettings> {
        match self.entry.raw {
            Raw::Flag(flag) => Ok(flag),
            Raw::Text(_) | Raw::Number(_) | Raw::List(_) | Raw::Other(_) => Err(self.is_not("true or false")),
        }
    }

    /// A name.
    pub(super) fn name<T>(&self, parse: fn(&str) -> Result<T, BadName>) -> Result<T, BadSettings> {
        parse(self.text()?).map_err(|bad| self.refuse(bad))
    }

    /// One of a few words.
    pub(super) fn choice<T>(&self, parse: fn(&str) -> Option<T>, all: &[&str]) -> Result<T, BadSettings> {
        let text = self.text()?;
        let words = all.join(", ");
        parse(text).ok_or_else(|| {
            self.place.refuse(format!("{text:?} is not known"), format!("it is one of {words}"))
        })
    }

    /// A decimal, written as a number or as a text, exactly; above zero.
    pub(super) fn amount<T>(&self, parse: fn(&str) -> Result<T, BadAmount>) -> Result<T, BadSettings> {
        let digits = match &self.entry.raw {
            Raw::Text(digits) | Raw::Number(digits) => digits,
            Raw::Flag(_) | Raw::List(_) | Raw::Other(_) => return Err(self.is_not("a decimal number")),
        };
        let value = crate::money::decimal(digits).map_err(|bad| self.refuse(bad))?;
        if value.is_zero() {
            return Err(self.refuse("0 is not above zero"));
        }
        parse(digits).map_err(|bad| self.refuse(bad))
    }

    /// A share above 0 and below 100 percent.
    pub(super) fn percent(&self) -> Result<Percent, BadSettings> {
        let percent = self.amount(Percent::parse)?;
        if percent.value() < rust_decimal::Decimal::ONE_HUNDRED {
            Ok(percent)
        } else {
            Err(self.refuse(format!("{percent} is not below 100 percent")))
        }
    }

    /// A share, or the word that switches a rule off.
    pub(super) fn percent_or_off(&self) -> Result<Option<Percent>, BadSettings> {
        match self.as_text() {
            Some("off") => Ok(None),
            Some(_) | None => self.percent().map(Some),
        }
    }

    /// A whole number within bounds.
    pub(super) fn whole(&self, least: u32, most: u32) -> Result<u32, BadSettings> {
        let number: i64 = match &self.entry.raw {
            Raw::Number(digits) => digits.parse().map_err(|_| self.is_not("a whole number"))?,
            Raw::Text(_) | Raw::Flag(_) | Raw::List(_) | Raw::Other(_) => {
                return Err(self.is_not("a whole number"));
            }
        };
        let inside = u32::try_from(number).ok().filter(|number| (least..=most).contains(number));
        inside.ok_or_else(|| self.refuse(format!("{number} is not within {least} to {most}")))
    }

    /// The items of a list, each with its own line; none twice.
    fn items(&self) -> Result<Vec<Found>, BadSettings> {
        let items = match &self.entry.raw {
            Raw::List(items) => items,
            Raw::Text(_) | Raw::Number(_) | Raw::Flag(_) | Raw::Other(_) => return Err(self.is_not("a list")),
        };
        if items.len() > LONGEST_LIST {
            return Err(self.refuse(format!("{} items are more than {LONGEST_LIST}", items.len())));
        }
        let mut seen: Vec<Found> = Vec::new();
        for item in items {
            let place = Place { line: item.line, ..self.place.clone() };
            let found = Found { place, example: self.example, entry: item.clone() };
            let text = found.text()?;
            if seen.iter().any(|earlier| earlier.as_text() == Some(text)) {
                return Err(found.place.refuse(format!("{text:?} stands here twice"), "remove one"));
            }
            seen.push(found);
        }
        Ok(seen)
    }

    /// A list of markets, each once.
    pub(super) fn symbols(&self) -> Result<Vec<Symbol>, BadSettings> {
        self.items()?.iter().map(|item| item.name(Symbol::parse)).collect()
    }

    /// A list of at least one market.
    pub(super) fn some_symbols(&self) -> Result<Vec<Symbol>, BadSettings> {
        let symbols = self.symbols()?;
        if symbols.is_empty() { Err(self.refuse("the list is empty")) } else { Ok(symbols) }
    }

    /// A model, as `provider/name`.
    pub(super) fn model(&self) -> Result<String, BadSettings> {
        const LONGEST: usize = 128;
        let text = self.text()?;
        let plain = text.len() <= LONGEST && text.bytes().all(|byte| byte.is_ascii_graphic());
        let both =
            text.split_once('/').is_some_and(|(provider, name)| !provider.is_empty() && !name.is_empty());
        if plain && both { Ok(text.to_owned()) } else { Err(self.is_not("a model like provider/name")) }
    }

    /// A list of models.
    pub(super) fn models(&self) -> Result<Vec<String>, BadSettings> {
        self.items()?.iter().map(Found::model).collect()
    }
}
