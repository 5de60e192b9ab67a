//! The models that a command on this machine can ask: where each provider and server is, and what it is asked with.
//!
//! A provider's key stands in the environment, under the name that its vendor uses. Servers of this machine are asked at
//! their usual address without a key, and others as a TOML file says ([`Servers`]). What is missing is an error of the one
//! who asks for that model, and of nobody else.

use std::collections::BTreeMap;
use std::path::Path;

use http::HeaderValue;
use rust_decimal::Decimal;
use shared::environment::Aws;
use shared::model::servers::BadServer;
use shared::model::{Access, Client, Provider, Server, Servers};
use shared::model_prices::Price;
use shared::ports::SharedClock;
use shared::secret::Secret;
use shared::transport::SharedTransport;

use crate::bad_input::BadInput;

/// The address of a server that speaks Chat Completions and has no name in a file.
const COMPATIBLE_URL: &str = "TRADAI_COMPATIBLE_URL";
/// Its key, where it wants one.
const COMPATIBLE_KEY: &str = "TRADAI_COMPATIBLE_KEY";

/// Where a provider or server is, and what it is asked with.
#[derive(Clone)]
pub struct Way {
    /// The provider, or the kind of server.
    pub kind: Provider,
    /// Its address, before the endpoint's own path.
    pub base: String,
    /// What it is asked with.
    pub access: Access,
}

/// Everything that can be asked.
#[derive(Clone)]
pub struct Models {
    servers: Servers,
    ways: BTreeMap<String, Result<Way, BadInput>>,
}

impl Models {
    /// What the environment, by `variable`, and the servers of `file` say.
    pub fn read(file: Option<&Path>, variable: impl Fn(&str) -> Option<String>) -> Result<Models, BadInput> {
        let Some(path) = file else { return Ok(Models::of("", Servers::NONE, variable)) };
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let fix = "give a TOML file of servers with --servers";
            BadInput::new(format!("{name}: cannot be read ({error}); {fix}"))
        })?;
        let servers = servers(&name, &text)?;
        Ok(Models::of(&name, servers, variable))
    }

    /// The `servers` of a file, and what the environment says.
    fn of(file: &str, servers: Servers, variable: impl Fn(&str) -> Option<String>) -> Models {
        let find = |name: &str| variable(name).filter(|text| !text.is_empty());
        let ways = servers.iter().map(|(of, server)| (of.to_owned(), named(file, of, server, &find)));
        let mut models = Models { ways: ways.collect(), servers };
        for provider in Provider::ALL {
            let way = match provider {
                Provider::Compatible => models.compatible(&find),
                Provider::Bedrock => bedrock(&find),
                Provider::Ollama | Provider::Vllm | Provider::LlamaCpp | Provider::LmStudio => {
                    models.on_this_machine(provider)
                }
                Provider::Anthropic
                | Provider::OpenAi
                | Provider::DeepSeek
                | Provider::Qwen
                | Provider::Kimi
                | Provider::Glm
                | Provider::Gemini
                | Provider::Xai
                | Provider::Mistral
                | Provider::Groq
                | Provider::OpenRouter => hosted(provider, &find),
            };
            models.ways.insert(provider.as_str().to_owned(), way);
        }
        models
    }

    /// The servers, with their options and prices.
    pub const fn servers(&self) -> &Servers {
        &self.servers
    }

    /// The same, to set an option.
    pub const fn servers_mut(&mut self) -> &mut Servers {
        &mut self.servers
    }

    /// How `model` (`NAME/MODEL`) is reached, or what is missing.
    pub fn way(&self, model: &str) -> Result<&Way, BadInput> {
        let name = model.split_once('/').map_or(model, |(name, _)| name);
        let unknown = || {
            let known: Vec<&str> = self.ways.keys().map(String::as_str).collect();
            BadInput::new(format!(
                "{model}: {name} is no provider, and no server of a file given with --servers; known are {}",
                known.join(", ")
            ))
        };
        match self.ways.get(name) {
            Some(Ok(way)) => Ok(way),
            Some(Err(line)) => Err(line.clone()),
            None => Err(unknown()),
        }
    }

    /// Asks `model` over `transport`, or what is missing.
    pub fn client(
        &self,
        model: &str,
        transport: &SharedTransport,
        clock: &SharedClock,
    ) -> Result<Client, BadInput> {
        Ok(self.way(model)?.client(transport, clock))
    }

    /// What can be asked, by name.
    pub fn served(&self) -> impl Iterator<Item = (&str, &Way)> {
        self.ways.iter().filter_map(|(name, way)| Some((name.as_str(), way.as_ref().ok()?)))
    }

    /// The server of the environment. An address without a path of its own has `/v1`, as nearly every such server does.
    fn compatible(&mut self, find: &impl Fn(&str) -> Option<String>) -> Result<Way, BadInput> {
        let url = find(COMPATIBLE_URL).ok_or_else(|| not_set(COMPATIBLE_URL, "http://127.0.0.1:8080"))?;
        let rest = url.split_once("://").map(|(_, rest)| rest.trim_end_matches('/'));
        let has_path = rest.is_none_or(|rest| rest.contains('/'));
        let whole = if has_path { url } else { format!("{}/v1", url.trim_end_matches('/')) };
        let of = |BadServer(why)| BadInput::new(format!("{COMPATIBLE_URL}: {why}"));
        let server = Server::at(&whole, Provider::Compatible).map_err(of)?;
        let base = server.url.clone();
        self.servers.add_local(Provider::Compatible, server);
        let access = match find(COMPATIBLE_KEY) {
            Some(key) => Access::Key(secret(COMPATIBLE_KEY, key)?),
            None => Access::Open,
        };
        Ok(Way { kind: Provider::Compatible, base, access })
    }

    /// A server at its usual address. What runs here costs nothing by the token.
    fn on_this_machine(&mut self, kind: Provider) -> Result<Way, BadInput> {
        let base = kind.local().unwrap_or_default();
        let server = Server::at(base, kind).map_err(|BadServer(why)| BadInput::new(why))?;
        let price = Price::new(Decimal::ZERO, Decimal::ZERO).ok();
        self.servers.add_local(kind, Server { price, ..server });
        Ok(Way { kind, base: base.to_owned(), access: Access::Open })
    }
}

impl Way {
    /// Asks over `transport`.
    pub fn client(&self, transport: &SharedTransport, clock: &SharedClock) -> Client {
        Client::new(transport.clone(), clock.clone(), self.kind, &self.base, self.access.clone())
    }
}

/// The variable that holds the key of a provider, by its vendor's own name for it; none of what is asked without a key or
/// with others.
///
/// Sources, read 2026-12: the vendors' SDKs and quick starts (`anthropic`, `openai`, `dashscope`, `zai-sdk`,
/// `google-genai`, `xai-sdk`, `mistralai`, `groq`); api-docs.deepseek.com; platform.moonshot.ai; openrouter.ai.
pub const fn key_variable(provider: Provider) -> Option<&'static str> {
    match provider {
        Provider::Anthropic => Some("ANTHROPIC_API_KEY"),
        Provider::OpenAi => Some("OPENAI_API_KEY"),
        Provider::DeepSeek => Some("DEEPSEEK_API_KEY"),
        Provider::Qwen => Some("DASHSCOPE_API_KEY"),
        Provider::Kimi => Some("MOONSHOT_API_KEY"),
        Provider::Glm => Some("ZAI_API_KEY"),
        Provider::Gemini => Some("GEMINI_API_KEY"),
        Provider::Xai => Some("XAI_API_KEY"),
        Provider::Mistral => Some("MISTRAL_API_KEY"),
        Provider::Groq => Some("GROQ_API_KEY"),
        Provider::OpenRouter => Some("OPENROUTER_API_KEY"),
        Provider::Bedrock
        | Provider::Ollama
        | Provider::Vllm
        | Provider::LlamaCpp
        | Provider::LmStudio
        | Provider::Compatible => None,
    }
}

fn hosted(provider: Provider, find: &impl Fn(&str) -> Option<String>) -> Result<Way, BadInput> {
    let (host, path) = provider.home().unwrap_or_default();
    let variable = key_variable(provider).unwrap_or_default();
    let key = find(variable).ok_or_else(|| not_set(variable, "…"))?;
    let access = Access::Key(secret(variable, key)?);
    Ok(Way { kind: provider, base: format!("{host}{path}"), access })
}

fn bedrock(find: &impl Fn(&str) -> Option<String>) -> Result<Way, BadInput> {
    let need = |name: &str| find(name).ok_or_else(|| not_set(name, "…"));
    let region = find("AWS_REGION").map_or_else(|| need("AWS_DEFAULT_REGION"), Ok);
    let region = region.map_err(|_| not_set("AWS_REGION", "us-east-1"))?;
    let access = Access::Aws(Aws {
        endpoint: None,
        access_key: need("AWS_ACCESS_KEY_ID")?,
        secret_key: Secret::new(need("AWS_SECRET_ACCESS_KEY")?),
        session_token: find("AWS_SESSION_TOKEN").map(Secret::new),
        region: region.clone(),
    });
    let base = format!("https://bedrock-runtime.{region}.amazonaws.com");
    Ok(Way { kind: Provider::Bedrock, base, access })
}

/// A server of the file `file`, under the name `of`.
fn named(
    file: &str,
    of: &str,
    server: &Server,
    find: &impl Fn(&str) -> Option<String>,
) -> Result<Way, BadInput> {
    let access = match &server.key_env {
        None => Access::Open,
        Some(variable) => {
            let field = format!("{file}: servers.{of}.key_env");
            let key = find(variable).ok_or_else(|| {
                BadInput::new(format!("{field}: {variable} is not set; export {variable}=… first"))
            })?;
            Access::Key(secret(&format!("{field}: {variable}"), key)?)
        }
    };
    Ok(Way { kind: server.kind, base: server.url.clone(), access })
}

/// The servers of the TOML file `name`.
fn servers(name: &str, text: &str) -> Result<Servers, BadInput> {
    let servers =
        Servers::from_toml(text).map_err(|BadServer(why)| BadInput::new(format!("{name}: {why}")))?;
    let is_wrong = |server: &Server| server.key_env.as_ref().is_some_and(|name| !is_variable(name));
    if let Some((of, _)) = servers.iter().find(|(_, server)| is_wrong(server)) {
        // What stands there may be a key, so it is not repeated.
        return Err(BadInput::new(format!(
            "{name}: servers.{of}.key_env: is not the name of a variable, such as MODELS_KEY; export the key under one \
             and name it here"
        )));
    }
    Ok(servers)
}

/// A name as environments have them: a key that stands in its place has small letters or other signs.
fn is_variable(name: &str) -> bool {
    let is_sign = |char: char| char.is_ascii_uppercase() || char.is_ascii_digit() || char == '_';
    name.chars().all(is_sign) && !name.starts_with(|char: char| char.is_ascii_digit())
}

fn not_set(variable: &str, example: &str) -> BadInput {
    BadInput::new(format!("{variable} is not set; export {variable}={example} first"))
}

/// A key that can stand in a header; `place` says where it was found.
fn secret(place: &str, key: String) -> Result<Secret, BadInput> {
    match HeaderValue::from_str(&key) {
        Ok(_) => Ok(Secret::new(key)),
        Err(_) => Err(BadInput::new(format!(
            "{place}: the key has a line feed or another sign that cannot stand in a header; set it again without"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models(given: &[(&str, &str)]) -> Models {
        let find = |name: &str| given.iter().find(|(known, _)| *known == name);
        Models::read(None, |name| find(name).map(|(_, value)| (*value).to_owned())).unwrap()
    }

    fn refused(given: &[(&str, &str)], model: &str) -> String {
        let line = models(given).way(model).err().unwrap().to_string();
        assert!(!line.contains('\n') && line.contains("; "), "{line}");
        line
    }

    #[test]
    fn every_provider_is_reached_by_its_variable_or_at_its_local_address() {
        for provider in Provider::ALL {
            let model = format!("{}/x", provider.as_str());
            let way = match (key_variable(provider), provider.local()) {
                (Some(variable), None) => {
                    assert!(refused(&[], &model).starts_with(&format!("{variable} is not set; export ")));
                    models(&[(variable, "k")]).way(&model).unwrap().clone()
                }
                (None, Some(base)) => {
                    let models = models(&[]);
                    assert!(models.servers().is_priced(&model, shared::time::Timestamp::from_millis(0)));
                    let way = models.way(&model).unwrap().clone();
                    assert!(way.base == base && matches!(way.access, Access::Open));
                    way
                }
                (None, None) | (Some(_), Some(_)) => continue,
            };
            assert_eq!(way.kind, provider);
            assert!(way.base.starts_with("http"), "{}", way.base);
        }
    }

    #[test]
    fn bedrock_is_asked_with_the_keys_and_the_region_of_aws() {
        let keys = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "hush")];
        for region in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
            let given = [keys[0], keys[1], (region, "eu-west-1")];
            let models = models(&given);
            let way = models.way("bedrock/x").unwrap();
            assert_eq!(way.base, "https://bedrock-runtime.eu-west-1.amazonaws.com");
            assert!(matches!(way.access, Access::Aws(_)));
        }
        assert!(refused(&keys, "bedrock/x").starts_with("AWS_REGION is not set"));
        assert!(refused(&[("AWS_REGION", "eu-west-1")], "bedrock/x").starts_with("AWS_ACCESS_KEY_ID"));
    }

    #[test]
    fn the_path_of_a_compatible_server_counts_and_is_v1_where_it_has_none() {
        for (url, base) in [
            ("http://127.0.0.1:8300", "http://127.0.0.1:8300/v1"),
            ("http://127.0.0.1:8300/", "http://127.0.0.1:8300/v1"),
            ("http://localhost:8300/v1/", "http://localhost:8300/v1"),
            ("https://models.example/openai", "https://models.example/openai"),
        ] {
            let models = models(&[(COMPATIBLE_URL, url)]);
            let way = models.way("compatible/x").unwrap();
            assert_eq!(way.base, base, "{url}");
            assert!(matches!(way.access, Access::Open));
            assert_eq!(models.servers().get("compatible").unwrap().url, base);
        }
    }

    #[test]
    fn an_unusable_address_or_key_names_its_variable() {
        for url in ["127.0.0.1:8300", "ftp://models.example", "http://models.example/v1", "https://"] {
            let line = refused(&[(COMPATIBLE_URL, url)], "compatible/x");
            assert!(line.starts_with("TRADAI_COMPATIBLE_URL: url: ") && line.contains(url), "{line}");
        }
        let url = (COMPATIBLE_URL, "http://127.0.0.1:1");
        let line = refused(&[url, (COMPATIBLE_KEY, "canary\n")], "compatible/x");
        assert!(line.starts_with("TRADAI_COMPATIBLE_KEY: the key has a line feed"), "{line}");
        assert!(!line.contains("canary"));
        assert!(refused(&[("OPENAI_API_KEY", "k\n")], "openai/x").starts_with("OPENAI_API_KEY: "));
    }

    #[test]
    fn a_named_server_is_asked_with_the_key_of_its_variable() {
        let text = "[servers.home]\nurl = \"http://127.0.0.1:8080/v1\"\nkind = \"vllm\"\n\
            [servers.far]\nurl = \"https://models.example/v1\"\nkey_env = \"FAR_KEY\"\n";
        let read = |key: Option<&str>| {
            let servers = servers("mine.toml", text).unwrap();
            Models::of("mine.toml", servers, |name| key.filter(|_| name == "FAR_KEY").map(str::to_owned))
        };
        let models = read(Some("k"));
        let home = models.way("home/llama").unwrap();
        assert_eq!((home.kind, home.base.as_str()), (Provider::Vllm, "http://127.0.0.1:8080/v1"));
        assert!(matches!(home.access, Access::Open), "no key is sent");
        assert!(matches!(models.way("far/x").unwrap().access, Access::Key(_)));
        let line = read(None).way("far/x").err().unwrap().to_string();
        assert!(
            line.starts_with("mine.toml: servers.far.key_env: FAR_KEY is not set; export FAR_KEY="),
            "{line}"
        );
        assert!(models.way("near/x").err().unwrap().to_string().contains("near is no provider"));
    }

    #[test]
    fn a_file_that_cannot_be_used_is_one_line_with_file_field_and_fix() {
        let url = "url = \"https://models.example/v1\"";
        for (text, wanted) in [
            ("[servers.home]\n".to_owned(), "servers.home.url: is missing; write its address"),
            (
                "[servers.home]\nurl = \"127.0.0.1:8300\"".to_owned(),
                "servers.home.url: \"127.0.0.1:8300\" has no scheme",
            ),
            (
                format!("[servers.home]\n{url}\napi_key = \"sk-1\""),
                "servers.home.api_key: is no option; they are url",
            ),
            (
                format!("[servers.home]\n{url}\nkey_env = \"sk-canary\""),
                "servers.home.key_env: is not the name",
            ),
            (format!("[servers.openai]\n{url}"), "servers.openai: is the name of a provider"),
            (format!("[models.home]\n{url}"), "models: is not known here; write [servers.NAME]"),
            ("[servers".to_owned(), "TOML"),
        ] {
            let line = servers("mine.toml", &text).unwrap_err().to_string();
            assert!(line.starts_with("mine.toml: ") && line.contains(wanted), "{line}");
            assert!(!line.contains('\n'), "{line}");
            assert!(!line.contains("canary"), "{line}");
        }
        let line = Models::read(Some(Path::new("/nowhere.toml")), |_| None).err().unwrap().to_string();
        assert!(line.contains("/nowhere.toml: cannot be read") && line.contains("--servers"), "{line}");
    }
}
