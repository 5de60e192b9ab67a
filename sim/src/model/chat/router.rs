//! OpenRouter: what its routes refuse. The models of Anthropic and OpenAI follow their makers' rules; what a route does
//! not list is left out in silence, or, where `provider.require_parameters` is set, has no route at all.

use serde_json::Value;

use super::{Taken, forced, openai, way};
use crate::model::ask::{list_at, text_at, text_of};
use crate::model::fault::{Fault, Kind};
use crate::model::rules::{self, Claude, Gpt};

/// What one route takes.
struct Route {
    takes_forced: bool,
    takes_temperature: bool,
    /// The effort at which it thinks where nothing is said.
    effort: &'static str,
    is_openai: bool,
}

/// Checks everything but the messages. Words: recorded `openrouter-unknown-model`,
/// `openrouter-fable-5-1-forced-refused`; block/buzz#3018 and openstory-so/openstory#1317 (no route, 2026-07 and 08).
pub(super) fn check(body: &Value) -> Result<Taken, Fault> {
    let name = text_at(body, "model");
    let route = route(name).ok_or_else(|| Fault::new(Kind::NoSuchModel, name))?;
    let requires = body.pointer("/provider/require_parameters").and_then(Value::as_bool) == Some(true);
    let is_listed = (route.takes_temperature || body.get("temperature").is_none())
        && (route.is_openai || body.get("max_completion_tokens").is_none());
    if requires && !is_listed {
        let words = "No endpoints found that can handle the requested parameters.";
        return Err(Fault::new(Kind::Unroutable, words));
    }
    if forced(body).is_some() && !route.takes_forced {
        return Err(Fault::new(
            Kind::Upstream,
            "tool_choice: type \"tool\" and \"any\" are not supported for this model.",
        ));
    }
    if route.is_openai {
        for tool in list_at(body, "tools").filter_map(|tool| tool.get("function")) {
            let place = "tools[0].function.parameters";
            let strict = openai::strict_form(tool, tool.get("parameters"), "function", place);
            strict.map_err(|fault| Fault { kind: Kind::Upstream, ..fault })?;
        }
    }
    let sent = text_of(body, "/reasoning/effort").or_else(|| text_of(body, "/reasoning_effort"));
    Ok(Taken { way: way(body), thought: rules::thought(sent.unwrap_or(route.effort)) })
}

/// The route to a model. Claude thinks there only where it is asked to, or always.
fn route(name: &str) -> Option<Route> {
    let (maker, model) = name.split_once('/')?;
    let other = Route { takes_forced: true, takes_temperature: true, effort: "none", is_openai: false };
    match maker {
        "anthropic" => Claude::of(&model.replace('.', "-")).map(|claude| Route {
            takes_forced: claude.takes_forced,
            takes_temperature: claude.takes_sampling,
            effort: claude.thinks.filter(|_| claude.always_thinks()).unwrap_or("none"),
            ..other
        }),
        "openai" if model.starts_with("gpt-oss") => Some(Route { effort: "medium", ..other }),
        "openai" => Gpt::of(model).map(|gpt| Route {
            takes_temperature: !gpt.reasons(),
            effort: gpt.effort,
            is_openai: true,
            ..other
        }),
        // Those of 3.6 and later list no sampling; they think at `medium`.
        "google" => Some(Route {
            takes_temperature: !["gemini-3.6", "gemini-3.7", "gemini-3.8"]
                .iter()
                .any(|new| model.starts_with(new)),
            effort: "medium",
            ..other
        }),
        _ => Some(other),
    }
}
