//! A TOML text as a flat list of `table.field` entries, each with its line and the digits as written.

use std::fmt;
use std::ops::Range;

use toml_edit::{Item, Key, TableLike, Value};

use super::note::{BadSettings, Place};

/// The largest file that is read.
const LARGEST_FILE: usize = 65_536;

/// A value and the line that it stands on.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The line, from 1.
    pub(super) line: usize,
    /// The value.
    pub(super) raw: Raw,
}

/// A value as it was written.
#[derive(Debug, Clone)]
pub(super) enum Raw {
    /// A string.
    Text(String),
    /// A number's characters, without `_`.
    Number(String),
    /// true or false.
    Flag(bool),
    /// A list.
    List(Vec<Entry>),
    /// Something that no setting is.
    Other(&'static str),
}

impl fmt::Display for Raw {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Raw::Text(text) => write!(out, "{text:?}"),
            Raw::Number(digits) => out.write_str(digits),
            Raw::Flag(flag) => write!(out, "{flag}"),
            Raw::List(items) => {
                let items: Vec<String> = items.iter().map(|item| item.raw.to_string()).collect();
                write!(out, "[{}]", items.join(", "))
            }
            Raw::Other(what) => out.write_str(what),
        }
    }
}

/// A file's entries and tables, in the order of the file.
#[derive(Debug)]
pub(super) struct Document {
    /// `table.field` or `field`, with its value.
    pub(super) entries: Vec<(String, Entry)>,
    /// The tables, with their lines.
    pub(super) tables: Vec<(String, usize)>,
}

impl Document {
    /// Reads `text`; nothing is said yet about which fields there may be.
    pub(super) fn parse(text: &str, file: &str) -> Result<Document, BadSettings> {
        if text.len() > LARGEST_FILE {
            let problem = format!("the file has {} bytes", text.len());
            return Err(Place::line(file, 1).refuse(problem, format!("at most {LARGEST_FILE} are read")));
        }
        let parsed = toml_edit::Document::parse(text).map_err(|error| syntax(text, file, &error))?;
        let mut document = Document { entries: Vec::new(), tables: Vec::new() };
        let source = Source(text);
        for (name, key, item) in members(parsed.as_table()) {
            let line = source.line(key.span());
            match item.as_table_like() {
                Some(table) => document.add_table(&source, name, line, table),
                None => document.entries.push((name, source.entry(line, item))),
            }
        }
        Ok(document)
    }

    fn add_table(&mut self, source: &Source<'_>, name: String, line: usize, table: &dyn TableLike) {
        for (field, key, item) in members(table) {
            self.entries.push((format!("{name}.{field}"), source.entry(source.line(key.span()), item)));
        }
        self.tables.push((name, line));
    }

    /// The entry called `path`.
    pub(super) fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.iter().find(|(name, _)| name == path).map(|(_, entry)| entry)
    }

    /// The line of the table that `path` belongs to, or 1.
    pub(super) fn line_for(&self, path: &str) -> usize {
        let table = path.split_once('.').map(|(table, _)| table);
        self.tables.iter().find(|(name, _)| Some(name.as_str()) == table).map_or(1, |(_, line)| *line)
    }
}

/// The members of a table; a name that needs quotes keeps them, so that `"a.b"` is not `a.b`.
fn members(table: &dyn TableLike) -> Vec<(String, &Key, &Item)> {
    let named = |name: &str| {
        let bare = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if bare { name.to_owned() } else { format!("{name:?}") }
    };
    table
        .iter()
        .filter_map(|(name, _)| table.get_key_value(name).map(|(key, item)| (named(name), key, item)))
        .collect()
}

/// The text, for lines and digits.
struct Source<'a>(&'a str);

impl Source<'_> {
    fn line(&self, span: Option<Range<usize>>) -> usize {
        line(self.0, span)
    }

    fn entry(&self, line: usize, item: &Item) -> Entry {
        let raw = match item {
            Item::None => Raw::Other("nothing"),
            Item::Value(value) => self.raw(value),
            Item::Table(_) => Raw::Other("a table"),
            Item::ArrayOfTables(_) => Raw::Other("a list of tables"),
        };
        Entry { line, raw }
    }

    fn raw(&self, value: &Value) -> Raw {
        match value {
            Value::String(text) => Raw::Text(text.value().clone()),
            Value::Integer(_) | Value::Float(_) => Raw::Number(self.digits(value)),
            Value::Boolean(flag) => Raw::Flag(*flag.value()),
            Value::Datetime(_) => Raw::Other("a date or time"),
            Value::Array(items) => {
                let entry = |item: &Value| Entry { line: self.line(item.span()), raw: self.raw(item) };
                Raw::List(items.iter().map(entry).collect())
            }
            Value::InlineTable(_) => Raw::Other("a table"),
        }
    }

    /// The characters of a number, never through a float.
    fn digits(&self, value: &Value) -> String {
        let written = value.span().and_then(|span| self.0.get(span)).unwrap_or_default();
        written.chars().filter(|letter| *letter != '_').collect()
    }
}

/// The line on which `span` begins, from 1.
fn line(text: &str, span: Option<Range<usize>>) -> usize {
    let before = span.map_or(0, |span| span.start);
    text.bytes().take(before).filter(|byte| *byte == b'\n').count().saturating_add(1)
}

/// The parser's own words, without the line that it would quote: that line may hold a secret.
fn syntax(text: &str, file: &str, error: &toml_edit::TomlError) -> BadSettings {
    let message = error.message().lines().collect::<Vec<_>>().join(", ");
    let key = if message == "duplicate key" { key_at(text, error.span()) } else { String::new() };
    Place::line(file, line(text, error.span())).refuse(
        format!("this is not TOML: {message}{key}"),
        "ops/strategies/demo.toml shows how a file looks",
    )
}

/// The key that a span is about, after a space; nothing where it is more than a key.
fn key_at(text: &str, span: Option<Range<usize>>) -> String {
    let key = span.and_then(|span| text.get(span)).unwrap_or_default();
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !key.is_empty() && key.bytes().all(bare) { format!(" {key}") } else { String::new() }
}
