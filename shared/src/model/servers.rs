//! Model servers of the user's own, under names of their own: where each is, how it is asked, what it costs.
//!
//! A stage has them in one item, which the stack writes; a local run has them in a TOML file with the same fields. A model
//! of theirs is named `NAME/MODEL`. An option that is set wins over the table of capabilities.

use std::collections::BTreeMap;
use std::net::IpAddr;

use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};
use toml_edit::{Document, Item as Toml, Value};

use super::capabilities::{self, Ask, Capabilities, Thinking};
use super::provider::Provider;
use crate::model_prices::{NotAPrice, Price, dollars, dollars_at, is_listed};
use crate::money::Notional;
use crate::ports::{Usage, model_name};
use crate::records::llm::FLEET;
use crate::store::{Attr, Item, Key};
use crate::tables::Table;
use crate::time::Timestamp;

/// The item's key in the ledgers.
const KEY: &str = "servers#llm";
/// The attribute that holds the servers by name.
const SERVERS: &str = "servers";
/// Most servers of a stage.
const MOST: usize = 20;
/// The longest name of a server.
const LONGEST_NAME: usize = 31;
/// The largest limit of an answer, in tokens.
const MOST_ANSWER: u32 = 100_000;
/// Every option of a server; the last one is read in a file alone.
const OPTIONS: [&str; 10] = [
    "url",
    "kind",
    "tool_choice",
    "strict",
    "thinking",
    "answer_tokens",
    "window",
    "usd_per_million_in",
    "usd_per_million_out",
    "key_env",
];

/// One server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its address with its own path, without `/` at the end: `/chat/completions` is added.
    pub url: String,
    /// The kind of server, whose rows of the table apply; [`Provider::Compatible`] where it is not told.
    pub kind: Provider,
    /// How it is asked, where it is told.
    pub tool_choice: Option<Ask>,
    /// Whether it is told to hold the answer to the schema, where it is told.
    pub strict: Option<bool>,
    /// How its thinking is switched off or bounded, where it is told.
    pub thinking: Option<Thinking>,
    /// The limit of an answer in tokens, where it is told.
    pub answer_tokens: Option<u32>,
    /// Tokens that fit, question and answer together, where it is told.
    pub window: Option<u32>,
    /// What it costs; none costs as the dearest listed model.
    pub price: Option<Price>,
    /// The environment variable of a local run that holds its key.
    pub key_env: Option<String>,
}

/// A server's description that cannot be used: the field, what is wrong, and the fix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadServer(pub String);

/// The servers of a stage or of a run, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Servers(BTreeMap<String, Server>);

/// One option as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Written {
    Text(String),
    Flag(bool),
    Number(String),
    Other,
}

impl Server {
    /// A server of `kind` at `url` with nothing told.
    pub fn at(url: &str, kind: Provider) -> Result<Server, BadServer> {
        let options = BTreeMap::from([("url".to_owned(), Written::Text(url.to_owned()))]);
        Ok(Server { kind, ..Server::read(&options)? })
    }

    fn read(options: &BTreeMap<String, Written>) -> Result<Server, BadServer> {
        if let Some(name) = options.keys().find(|name| !OPTIONS.contains(&name.as_str())) {
            return Err(BadServer(format!("{name}: is no option; they are {}", OPTIONS.join(", "))));
        }
        let fields = Options(options);
        let kinds: Vec<&str> = kinds().map(Provider::as_str).collect();
        let kind = fields.word("kind", &kinds, kinds_by_name)?;
        let price = match (fields.dollars("usd_per_million_in")?, fields.dollars("usd_per_million_out")?) {
            (Some(input), Some(output)) => {
                let bad = |error: NotAPrice| BadServer(format!("usd_per_million_in or _out: {error}"));
                Some(Price::new(input, output).map_err(bad)?)
            }
            (None, None) => None,
            (None, Some(_)) => return Err(missing("usd_per_million_in")),
            (Some(_), None) => return Err(missing("usd_per_million_out")),
        };
        Ok(Server {
            url: address(&fields.text("url")?.ok_or_else(|| missing("url"))?)?,
            kind: kind.unwrap_or(Provider::Compatible),
            tool_choice: fields.word("tool_choice", &Ask::ALL.map(Ask::as_str), Ask::parse)?,
            strict: fields.flag("strict")?,
            thinking: fields.word("thinking", &Thinking::ALL.map(Thinking::as_str), Thinking::parse)?,
            answer_tokens: fields.number("answer_tokens", 1, MOST_ANSWER)?,
            window: fields.number("window", 1_000, u32::MAX)?,
            price,
            key_env: fields.text("key_env")?,
        })
    }

    /// What is told of it, but for where its key is.
    fn options(&self) -> Map<String, Json> {
        let kind = (self.kind != Provider::Compatible).then(|| self.kind.as_str());
        let (input, output) = self.price.map(Price::per_million).unzip();
        let told = [
            ("url", Some(json!(self.url))),
            ("kind", kind.map(|kind| json!(kind))),
            ("tool_choice", self.tool_choice.map(|ask| json!(ask.as_str()))),
            ("strict", self.strict.map(|strict| json!(strict))),
            ("thinking", self.thinking.map(|thinking| json!(thinking.as_str()))),
            ("answer_tokens", self.answer_tokens.map(|tokens| json!(tokens))),
            ("window", self.window.map(|tokens| json!(tokens))),
            ("usd_per_million_in", input.map(|usd| json!(usd.to_string()))),
            ("usd_per_million_out", output.map(|usd| json!(usd.to_string()))),
        ];
        told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

/// The kinds that a server may be of: those that speak Chat Completions.
fn kinds() -> impl Iterator<Item = Provider> {
    let speaks = |provider: &Provider| {
        !matches!(provider, Provider::Anthropic | Provider::OpenAi | Provider::Bedrock | Provider::Compatible)
    };
    Provider::ALL.into_iter().filter(speaks)
}

fn kinds_by_name(text: &str) -> Option<Provider> {
    kinds().find(|kind| kind.as_str() == text)
}

fn missing(field: &str) -> BadServer {
    let fix = match field {
        "url" => "write its address, such as https://models.example.com/v1",
        _ => "write both prices, 0 for a model that costs nothing",
    };
    BadServer(format!("{field}: is missing; {fix}"))
}

/// An address with a scheme, a host and a path of its own. A key must not travel in the open, so `http` is for this
/// machine alone.
fn address(text: &str) -> Result<String, BadServer> {
    let example = "write one such as https://models.example.com/v1";
    let bad = |why: &str| BadServer(format!("url: {text:?} {why}; {example}"));
    let (scheme, rest) = text.split_once("://").ok_or_else(|| bad("has no scheme"))?;
    if text.contains(['?', '#', ' ']) || text.chars().any(char::is_control) {
        return Err(bad("has more than a host and a path"));
    }
    let host = rest.split('/').next().unwrap_or_default();
    if host.is_empty() || host.contains('@') {
        return Err(bad("names no host, or a person"));
    }
    match scheme {
        "https" => {}
        "http" if is_here(host) => {}
        "http" => return Err(bad("is http and not on this machine")),
        _ => return Err(bad("is neither http nor https")),
    }
    let whole = text.trim_end_matches('/');
    match whole.ends_with("/chat/completions") {
        true => Err(bad("ends in /chat/completions, which is added")),
        false => Ok(whole.to_owned()),
    }
}

fn is_here(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The options of one server, read strictly.
struct Options<'a>(&'a BTreeMap<String, Written>);

impl Options<'_> {
    fn text(&self, name: &str) -> Result<Option<String>, BadServer> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Written::Text(text)) if !text.is_empty() => Ok(Some(text.clone())),
            Some(_) => Err(BadServer(format!("{name}: must be a text; put it in quotes"))),
        }
    }

    fn word<T>(
        &self,
        name: &str,
        words: &[&str],
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, BadServer> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let unknown =
            || BadServer(format!("{name}: {text:?} is not known; write one of {}", words.join(", ")));
        read(&text).map(Some).ok_or_else(unknown)
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, BadServer> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Written::Flag(flag)) => Ok(Some(*flag)),
            Some(_) => Err(BadServer(format!("{name}: must be true or false"))),
        }
    }

    fn number(&self, name: &str, least: u32, most: u32) -> Result<Option<u32>, BadServer> {
        let bad = || BadServer(format!("{name}: must be a whole number from {least} to {most}"));
        let read = |text: &String| text.parse().ok().filter(|number| (least..=most).contains(number));
        match self.0.get(name) {
            None => Ok(None),
            Some(Written::Number(text)) => read(text).map(Some).ok_or_else(bad),
            Some(_) => Err(bad()),
        }
    }

    /// Dollars as a text or a number; a float of TOML is read from its digits.
    fn dollars(&self, name: &str) -> Result<Option<Decimal>, BadServer> {
        let bad = || BadServer(format!("{name}: must be dollars per million tokens, such as \"0.15\", or 0"));
        let read = |text: &String| Decimal::from_str_exact(text).ok().filter(|it| !it.is_sign_negative());
        match self.0.get(name) {
            None => Ok(None),
            Some(Written::Text(text) | Written::Number(text)) => read(text).map(Some).ok_or_else(bad),
            Some(_) => Err(bad()),
        }
    }
}

impl Servers {
    /// No servers.
    pub const NONE: Servers = Servers(BTreeMap::new());

    /// No servers, for a port that has none.
    pub fn none() -> &'static Servers {
        static NONE: Servers = Servers::NONE;
        &NONE
    }

    /// The key of the item that the stack writes.
    pub fn key() -> Key {
        Key { table: Table::Ledgers, hash: KEY.to_owned(), range: None }
    }

    /// Adds a server under a name that is not taken.
    pub fn add(&mut self, name: &str, server: Server) -> Result<(), BadServer> {
        let bad = |why: &str| Err(BadServer(format!("{name}: {why}; choose another name")));
        let plain = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-';
        let is_name = name.starts_with(|char: char| char.is_ascii_lowercase()) && name.chars().all(plain);
        if !is_name || name.len() > LONGEST_NAME {
            return bad("is not a name of small letters, digits and -, with a letter first");
        }
        if Provider::parse(name).is_some() || name == FLEET {
            return bad("is the name of a provider");
        }
        if self.0.len() >= MOST {
            return Err(BadServer(format!("{name}: is one of more than {MOST} servers; remove some")));
        }
        self.0.insert(name.to_owned(), server);
        Ok(())
    }

    /// Adds what a local run takes for a provider without an address of its own.
    pub fn add_local(&mut self, kind: Provider, server: Server) {
        self.0.insert(kind.as_str().to_owned(), server);
    }

    /// Reads the table `[servers.NAME]` of a TOML file; the error names the field and the fix.
    pub fn from_toml(text: &str) -> Result<Servers, BadServer> {
        let document =
            Document::parse(text).map_err(|error| BadServer(error.to_string().replace('\n', " ")))?;
        if let Some((name, _)) = document.as_table().iter().find(|(name, _)| *name != SERVERS) {
            return Err(BadServer(format!("{name}: is not known here; write [servers.NAME]")));
        }
        let no_table = || BadServer("servers: must be tables; write [servers.NAME]".to_owned());
        let mut servers = Servers::NONE;
        let Some(tables) = document.get(SERVERS) else { return Ok(servers) };
        for (name, table) in tables.as_table_like().ok_or_else(no_table)?.iter() {
            let table = table.as_table_like().ok_or_else(no_table)?;
            let options = table.iter().map(|(option, value)| (option.to_owned(), from_toml(value)));
            let of = |BadServer(why): BadServer| BadServer(format!("servers.{name}.{why}"));
            let server = Server::read(&options.collect()).map_err(of)?;
            servers.add(name, server).map_err(|BadServer(why)| BadServer(format!("servers.{why}")))?;
        }
        Ok(servers)
    }

    /// Reads the stage's item.
    pub fn decode(item: &Item) -> Result<Servers, BadServer> {
        let damaged = || BadServer(format!("{SERVERS}: is no map of servers; deploy the stack again"));
        let Some(Attr::M(tables)) = item.get(SERVERS) else { return Err(damaged()) };
        let mut servers = Servers::NONE;
        for (name, table) in tables {
            let Attr::M(options) = table else { return Err(damaged()) };
            let options = options.iter().map(|(option, attr)| (option.clone(), from_attr(attr))).collect();
            let of = |BadServer(why): BadServer| BadServer(format!("servers.{name}.{why}"));
            servers.add(name, Server::read(&options).map_err(of)?)?;
        }
        Ok(servers)
    }

    /// Every server with its options, for a file by which a run is repeated: where keys are is not among them.
    pub fn to_json(&self) -> Json {
        self.0.iter().map(|(name, server)| (name.clone(), Json::Object(server.options()))).collect()
    }

    /// Reads [`Servers::to_json`]'s, among which is what a local run took for a provider.
    pub fn from_json(json: &Json) -> Result<Servers, BadServer> {
        let damaged = || BadServer("must be servers with their options".to_owned());
        let mut servers = Servers::NONE;
        for (name, options) in json.as_object().ok_or_else(damaged)? {
            let options = options.as_object().ok_or_else(damaged)?;
            let options = options.iter().map(|(option, value)| (option.clone(), from_json(value)));
            let of = |BadServer(why): BadServer| BadServer(format!("{name}.{why}"));
            let server = Server::read(&options.collect()).map_err(of)?;
            match Provider::parse(name) {
                Some(provider) => servers.add_local(provider, server),
                None => servers.add(name, server)?,
            }
        }
        Ok(servers)
    }

    /// The server of this name.
    pub fn get(&self, name: &str) -> Option<&Server> {
        self.0.get(name)
    }

    /// The server of this name, to set an option.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Server> {
        self.0.get_mut(name)
    }

    /// Every server with its name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Server)> {
        self.0.iter().map(|(name, server)| (name.as_str(), server))
    }

    /// The server that `model` (`NAME/MODEL`) is asked at.
    pub fn of(&self, model: &str) -> Option<&Server> {
        self.get(model.split_once('/')?.0)
    }

    /// What `model` (`provider/name`) takes: the options of its server, else the row of the table.
    pub fn capabilities(&self, model: &str) -> Capabilities {
        let Some(server) = self.of(model) else { return capabilities::of(model) };
        let row = capabilities::at(server.kind, model_name(model));
        Capabilities {
            ask: server.tool_choice.unwrap_or(row.ask),
            strict: server.strict.unwrap_or(row.strict),
            thinking: server.thinking.unwrap_or(row.thinking),
            answer_tokens: server.answer_tokens.unwrap_or(row.answer_tokens),
            window: server.window.unwrap_or(row.window),
            ..row
        }
    }

    /// What one answer of `model` cost at `at`, in US dollars, exactly.
    pub fn dollars(&self, model: &str, at: Timestamp, usage: Usage) -> Notional {
        let price = self.of(model).and_then(|server| server.price);
        price.map_or_else(|| dollars(model, at, usage), |price| dollars_at(price, usage))
    }

    /// Whether the price of `model` is known at `at`, and not assumed to be the dearest.
    pub fn is_priced(&self, model: &str, at: Timestamp) -> bool {
        match self.of(model) {
            Some(server) => server.price.is_some(),
            None => is_listed(model, at),
        }
    }
}

fn from_toml(item: &Toml) -> Written {
    match item.as_value() {
        Some(Value::String(text)) => Written::Text(text.value().clone()),
        Some(Value::Boolean(flag)) => Written::Flag(*flag.value()),
        Some(Value::Integer(number)) => Written::Number(number.value().to_string()),
        // From its own digits: a decimal is never read through a binary float.
        Some(Value::Float(number)) => Written::Number(number.display_repr().trim().to_owned()),
        Some(Value::Datetime(_) | Value::Array(_) | Value::InlineTable(_)) | None => Written::Other,
    }
}

fn from_json(value: &Json) -> Written {
    match value {
        Json::String(text) => Written::Text(text.clone()),
        Json::Bool(flag) => Written::Flag(*flag),
        Json::Number(number) => Written::Number(number.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => Written::Other,
    }
}

fn from_attr(attr: &Attr) -> Written {
    match attr {
        Attr::S(text) => Written::Text(text.clone()),
        Attr::Bool(flag) => Written::Flag(*flag),
        Attr::N(number) => Written::Number(number.clone()),
        Attr::Null | Attr::B(_) | Attr::L(_) | Attr::M(_) | Attr::Foreign(_) => Written::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_round_trip_through_json_without_their_keys() {
        let whole = r#"
            [servers.bare]
            url = "https://models.example.com/v1/"
            key_env = "BARE_KEY"
            [servers.whole]
            url = "http://127.0.0.1:8080/v1"
            kind = "vllm"
            tool_choice = "schema"
            strict = true
            thinking = "template-false"
            answer_tokens = 700
            window = 9000
            usd_per_million_in = 0.15
            usd_per_million_out = 0
        "#;
        let mut servers = Servers::from_toml(whole).unwrap();
        let local = Server::at("http://localhost:1234/v1", Provider::Compatible).unwrap();
        servers.add_local(Provider::Compatible, Server { tool_choice: Some(Ask::Required), ..local });
        let json = servers.to_json();
        assert!(!json.to_string().contains("BARE_KEY"), "{json}");
        servers.get_mut("bare").unwrap().key_env = None;
        assert_eq!(Servers::from_json(&json), Ok(servers));
        for bad in
            [json!([]), json!({"home": 1}), json!({"home": {}}), json!({"Home": {"url": "https://a/v1"}})]
        {
            assert!(Servers::from_json(&bad).is_err(), "{bad}");
        }
    }
}
