"""Our table of what models take against litellm's map and anthropic's list of deprecated models.

usage: judge.py DAY < ROWS

Each line of ROWS is one row of our table, in the table's order; null is what the row does not say:
{"row": name, "provider": name, "model": name, "endpoint": "messages", "responses", "chat" or "converse",
"ask": "named", "required", "auto" or "schema", "strict": bool, "temperature": bool, "thinks_by_default": bool,
"can_be_off": bool, "window": tokens, "retires": "2026-12-11"}

A row is of every model of the map that no earlier row of its provider is of: `model` itself, its dated snapshots, on
Bedrock its versions and regions, and with `*` at the end every name that begins so. Models that ended before DAY
(2026-12-01) count only where a row has exactly their name. Each line printed is a difference:
{"row": name, "field": name, "ours": value, "theirs": value, "models": [names in the map]}
A field that the map leaves open is not compared. A row of no model differs in the field "model".
"""

import datetime
import importlib.util
import json
import pathlib
import re
import runpy
import sys

# Our name of a provider and the map's; the others have the same. Servers of the user's own are not in the map.
PROVIDERS = {"glm": "zai", "kimi": "moonshot", "qwen": "dashscope"}
PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses"}
PROTOCOLS = {"anthropic": "messages", "bedrock": "converse"}
# A window that is rounded down by less is the same.
ROUNDED = 0.95


def file(package, name):
    """A file of a package, which is not imported: that takes a second, and litellm lacks what it imports."""
    return pathlib.Path(importlib.util.find_spec(package).origin).parent / name


DEPRECATED_MODELS = runpy.run_path(file("anthropic", "_data/deprecated_models.py"))["DEPRECATED_MODELS"]


def map_of_models():
    """The map as litellm fills it: a rule adds what an entry of its providers leaves out."""
    entries = json.loads(file("litellm", "model_prices_and_context_window_backup.json").read_text())
    rules = entries.pop("fallback_generalizations")["rules"]
    for name, entry in entries.items():
        for rule in rules:
            if entry.get("litellm_provider") in rule.get("fill_missing_for_providers", []):
                if re.search(rule["pattern"], name, re.IGNORECASE):
                    entries[name] = entry = {**rule["model_info"], **entry}
    return {name: entry for name, entry in entries.items() if entry.get("mode") in ("chat", "responses")}


def ours(provider, name, entry):
    """The name of a model of the map as we write it, where it is this provider's."""
    theirs = entry.get("litellm_provider", "")
    if provider == "bedrock":
        if "/" in name or theirs not in ("bedrock", "bedrock_converse"):
            return None
        return re.sub(r"(-v\d+)?(:\d+)?$", "", re.sub(r"^(us|us-gov|eu|apac|jp|au|ca|in|global)\.", "", name))
    known = PROVIDERS.get(provider, provider)
    return name.removeprefix(f"{known}/") if theirs == known else None


def is_of(model, name):
    if model.endswith("*"):
        return name.startswith(model[:-1])
    return re.fullmatch(re.escape(model) + r"(-\d{8}|-\d{4}-\d{2}-\d{2})?", name) is not None


def forced(entry):
    """Whether a call can be forced: litellm refuses it where `supports_forced_tool_use` is false."""
    if entry.get("supports_tool_choice") and entry.get("supports_forced_tool_use") is not False:
        return True
    return False if "supports_tool_choice" in entry else None


def strict(entry, row, name):
    """Whether a tool can be strict. On Bedrock as litellm's bedrock_converse_supports_strict_tools() says."""
    if row["provider"] == "bedrock":
        return entry.get("bedrock_converse_supports_strict_tools", True) if "claude" in name else False
    if row["provider"] == "anthropic":
        return entry.get("supports_native_structured_output", False)
    structured = entry.get("supports_response_schema")
    # Elsewhere a provider with structured output need not have strict tools.
    return structured if row["provider"] == "openai" or structured is False else None


def native(entry, row):
    """Whether the answer can be held to a schema without a tool."""
    if row["provider"] == "bedrock":
        fields = ("supports_native_structured_output", "supports_bedrock_native_structured_output")
        return any(entry.get(field, False) for field in fields)
    return entry.get("supports_response_schema", False)


def temperature(entry, row, name):
    """Whether a temperature of 0 is taken where the effort is left out."""
    if "supports_sampling_params" in entry:
        return entry["supports_sampling_params"]
    if row["provider"] == "openai":
        return not thinks(entry, row, name)
    return True if row["provider"] in ("anthropic", "gemini") or "claude" in name else None


def thinks(entry, row, name):
    """Whether it thinks where nothing is said of it."""
    if entry.get("thinking_always_on") or entry.get("thinking_on_by_default"):
        return True
    if not entry.get("supports_reasoning"):
        return False
    if row["provider"] == "openai":
        return entry.get("default_reasoning_effort") != "none"
    return False if row["provider"] == "anthropic" or "claude" in name else None


def can_be_off(entry, row, name):
    """Whether it can be asked without thinking."""
    if entry.get("thinking_always_on") or not entry.get("supports_reasoning"):
        return not entry.get("thinking_always_on")
    if "supports_none_reasoning_effort" in entry:
        return entry["supports_none_reasoning_effort"]
    if "reasoning_effort_levels" in entry:
        return "none" in entry["reasoning_effort_levels"]
    return True if row["provider"] == "anthropic" or "claude" in name else None


def endpoints(entry, row):
    """Where it is asked. An entry without endpoints has that of its provider or mode."""
    if row["provider"] in PROTOCOLS:
        return [PROTOCOLS[row["provider"]]]
    paths = entry.get("supported_endpoints")
    return [entry["mode"]] if paths is None else [name for name, path in PATHS.items() if path in paths]


def compared(entry, row, name):
    """Field, ours and theirs; null is what one of them does not say."""
    asks = row["ask"] in ("named", "required")
    places = endpoints(entry, row)
    yield "endpoint", row["endpoint"], row["endpoint"] if row["endpoint"] in places else places
    yield "forced", asks, forced(entry)
    if row["ask"] == "schema":
        yield "schema", True, native(entry, row)
    else:
        yield "strict", row["strict"], strict(entry, row, name)
    yield "temperature", row["temperature"], temperature(entry, row, name)
    yield "thinks_by_default", row["thinks_by_default"], thinks(entry, row, name)
    yield "can_be_off", row["can_be_off"], can_be_off(entry, row, name)
    yield "retires", row["retires"] or "open", entry.get("deprecation_date", "open")
    if row["provider"] == "anthropic":
        yield "retires (anthropic)", row["retires"] or "open", last_day(name)


def window(entry, row):
    """The least and the most tokens that are its window: OpenAI's is what goes in and what comes out."""
    least = entry.get("max_input_tokens")
    if least is None:
        return None
    is_openai = row["provider"] == "openai" or row["model"].startswith("openai.")
    return least, least + entry.get("max_output_tokens", 0) if is_openai else least


def windows(row, told):
    """The windows of a row's models, by name, that ours does not fit: it is that of the smallest, rounded down."""
    smallest = min(least for least, _ in told.values())
    for name, (least, most) in told.items():
        is_larger = row["window"] > most
        if is_larger or (least == smallest and row["window"] < ROUNDED * smallest):
            yield name, least


def last_day(name):
    if name not in DEPRECATED_MODELS:
        return "open"
    plain = re.sub(r"(\d)(st|nd|rd|th)", r"\1", DEPRECATED_MODELS[name])
    return datetime.datetime.strptime(plain, "%B %d, %Y").date().isoformat()


def main(day):
    rows = [json.loads(line) for line in sys.stdin if line.strip()]
    found, told = {}, {row["row"]: {} for row in rows}
    seen = set()

    def differs(row, field, here, there, model):
        if here is not None and there is not None and here != there:
            key = (row["row"], field, json.dumps(here), json.dumps(there))
            found.setdefault(key, []).append(model)

    for name, entry in map_of_models().items():
        of = [(row, ours(row["provider"], name, entry)) for row in rows]
        row, known = next(((row, known) for row, known in of if known and is_of(row["model"], known)), (None, None))
        if row is None or (entry.get("deprecation_date", day) < day and known != row["model"]):
            continue
        seen.add(row["row"])
        for field, here, there in compared(entry, row, known):
            differs(row, field, here, there, name)
        if row["window"] is not None and (tokens := window(entry, row)):
            told[row["row"]][name] = tokens
    for row in rows:
        if row["row"] not in seen:
            found[row["row"], "model", json.dumps(row["model"]), "null"] = []
        for name, tokens in windows(row, told[row["row"]]) if told[row["row"]] else []:
            differs(row, "window", row["window"], tokens, name)
    for (row, field, here, there), models in sorted(found.items()):
        line = {"row": row, "field": field, "ours": json.loads(here), "theirs": json.loads(there), "models": models}
        print(json.dumps(line))


if __name__ == "__main__":
    main(*sys.argv[1:])
