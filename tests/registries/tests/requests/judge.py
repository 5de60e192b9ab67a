"""Bodies of requests against the types of their providers' own SDKs.

usage: judge.py DAY < ROWS

DAY (2026-12-01) is the day on which the models are asked. Each line of ROWS is one request:
{"row": name, "endpoint": "messages", "responses", "chat" or "converse", "provider": name, "model": name, "body": {...}}
Each line printed is one row: its name and "ok", or its name and what is wrong. The exit code is 1 where a row is wrong.

An unknown field is wrong wherever it stands, and so is a value of another JSON type. A strict schema is wrong where the
SDK's own helper for strict schemas would write it otherwise.
"""

import copy
import datetime
import json
import re
import sys

import botocore.session
from anthropic._data.deprecated_models import DEPRECATED_MODELS
from anthropic.lib._parse._transform import transform_schema
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from botocore.validate import ParamValidator
from mistralai.client.models import ChatCompletionRequest
from openai.lib._pydantic import _ensure_strict_json_schema
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from pydantic import TypeAdapter
from pydantic_core import SchemaValidator, ValidationError
from typing_extensions import Literal, NotRequired, TypedDict

# Errors of one body that are printed at most.
MOST = 8


class Thinking(TypedDict):
    type: Literal["enabled", "disabled"]


class Template(TypedDict):
    enable_thinking: bool


class Route(TypedDict):
    allow_fallbacks: NotRequired[bool]
    only: NotRequired[list[str]]
    order: NotRequired[list[str]]
    require_parameters: NotRequired[bool]


class Reasoning(TypedDict):
    effort: NotRequired[Literal["none", "minimal", "low", "medium", "high", "xhigh"]]
    enabled: NotRequired[bool]
    exclude: NotRequired[bool]
    max_tokens: NotRequired[int]


# What providers take beside the types of the SDK whose API they speak: endpoint, provider, models, field, type, source.
EXTRAS = [
    # API version 2023-06-01 takes it up to Opus 4.6; the SDK speaks 2026-10-21, which takes it for no model.
    # platform.claude.com "Migrating to API version 2026-10-21"; pydantic_ai 2.68.0 profiles/anthropic.py.
    ("messages", "anthropic", r"claude-(opus|sonnet|haiku)-4-[1-6](-\d{8})?", "temperature", float),
    # api-docs.deepseek.com/guides/thinking_mode
    ("chat", "deepseek", r".*", "thinking", Thinking),
    # alibabacloud.com/help/en/model-studio "Deep thinking": `extra_body` of the SDK is the top level of the body.
    ("chat", "qwen", r".*", "enable_thinking", bool),
    # platform.kimi.ai/docs "Thinking models"; UKGovernmentBEIS/inspect_ai PR 5152
    ("chat", "kimi", r".*", "thinking", Thinking),
    # docs.z.ai/api-reference/llm/chat-completion
    ("chat", "glm", r".*", "thinking", Thinking),
    # openrouter.ai/docs/guides/routing/provider-selection and /docs/guides/best-practices/reasoning-tokens
    ("chat", "openrouter", r".*", "provider", Route),
    ("chat", "openrouter", r".*", "reasoning", Reasoning),
    # docs.vllm.ai "OpenAI-Compatible Server", extra parameters
    ("chat", "vllm", r".*", "chat_template_kwargs", Template),
    # ggml-org/llama.cpp tools/server/README.md, POST /v1/chat/completions
    ("chat", "llamacpp", r".*", "chat_template_kwargs", Template),
]


def eager(schema):
    """A schema of pydantic whose iterables are lists: pydantic leaves the items of an iterable unread."""
    if isinstance(schema, dict):
        schema = {key: eager(value) for key, value in schema.items()}
        return {**schema, "type": "list"} if schema.get("type") == "generator" else schema
    if isinstance(schema, (list, tuple)):
        return type(schema)(eager(item) for item in schema)
    return schema


def validator(type_):
    return SchemaValidator(eager(TypeAdapter(type_).core_schema))


def typed(validator_, value):
    """What pydantic says of the JSON `value`."""
    try:
        validator_.validate_json(json.dumps(value), strict=True, extra="forbid")
        return []
    except ValidationError as found:
        errors = found.errors(include_url=False, include_input=False, include_context=False)
    # Of a union, the members are left out that another `type` or `role` would choose.
    other = [error["loc"][:-1] for error in errors
             if error["type"] == "literal_error" and error["loc"][-1] in ("type", "role")]
    chosen = [error for error in errors if not any(error["loc"][:len(place)] == place for place in other)]
    said = [".".join(str(part).split("[")[0] for part in error["loc"]) + ": " + error["msg"]
            for error in chosen or errors]
    return said[:MOST] + ([f"and {len(said) - MOST} more"] if len(said) > MOST else [])


class WithEnums(ParamValidator):
    """botocore checks names and types; the service model also lists the words of its enums."""

    def _validate_string(self, param, shape, errors, name):
        super()._validate_string(param, shape, errors, name)
        if shape.enum and param not in shape.enum:
            errors.report(name, "unknown field", unknown_param=param, valid_names=shape.enum)


def as_text(schema):
    """As anthropic's helper writes it: it leaves the type out where the values are listed."""
    if isinstance(schema, dict):
        listed = "enum" in schema or "const" in schema
        return {key: as_text(value) for key, value in schema.items() if not (key == "type" and listed)}
    return [as_text(item) for item in schema] if isinstance(schema, list) else schema


def strict_by_anthropic(schema):
    try:
        good = transform_schema(copy.deepcopy(schema)) == as_text(schema)
    except (AssertionError, ValueError, TypeError, AttributeError):
        good = False
    return [] if good else ["the strict schema is not what anthropic's transform_schema makes of it"]


def strict_by_openai(schema):
    root = copy.deepcopy(schema)
    try:
        good = _ensure_strict_json_schema(root, path=(), root=root) == schema
    except (AssertionError, ValueError, TypeError):
        good = False
    return [] if good else ["the strict schema is not what openai's helper makes of it"]


def part(body, *path):
    """What stands there, or nothing."""
    for name in path:
        body = body.get(name) if isinstance(body, dict) else None
    return body


def tools(body, *path):
    """The tools of a body, each as what stands at `path` in it."""
    held = part(body, "tools")
    return [part(tool, *path) for tool in held] if isinstance(held, list) else []


def strict(held, field):
    """The schemas of those that ask to be strict."""
    return [one.get(field) for one in held if part(one, "strict") is True]


def retired(model, day):
    """Whether the SDK's list says that the model's last day is over."""
    told = DEPRECATED_MODELS.get(model)
    if told is None:
        return []
    plain = re.sub(r"(\d)(st|nd|rd|th)", r"\1", told)
    last = datetime.datetime.strptime(plain, "%B %d, %Y").date()
    return [f"anthropic's list says that {model} ended on {last}"] if last <= day else []


MESSAGES = validator(MessageCreateParamsNonStreaming)
RESPONSES = validator(ResponseCreateParamsNonStreaming)
CHAT = validator(CompletionCreateParamsNonStreaming)
MISTRAL = validator(ChatCompletionRequest)
EXTRA = [(*who, field, validator(type_)) for *who, field, type_ in EXTRAS]
CONVERSE = botocore.session.get_session().get_service_model("bedrock-runtime").operation_model("Converse")


def messages(row, body, day):
    native = part(body, "output_config", "format")
    held = strict(tools(body), "input_schema") + ([native["schema"]] if part(native, "schema") else [])
    found = [error for schema in held for error in strict_by_anthropic(schema)]
    return typed(MESSAGES, body) + retired(row["model"], day) + found


def responses(_, body, __):
    held = strict(tools(body), "parameters") + strict([part(body, "text", "format")], "schema")
    return typed(RESPONSES, body) + [error for schema in held for error in strict_by_openai(schema)]


def chat(row, body, _):
    native = part(body, "response_format", "json_schema")
    held = strict(tools(body, "function"), "parameters") + strict([native], "schema")
    types = MISTRAL if row["provider"] == "mistral" else CHAT
    return typed(types, body) + [error for schema in held for error in strict_by_openai(schema)]


def converse(row, body, _):
    report = WithEnums().validate({"modelId": row["model"], **body}, CONVERSE.input_shape)
    said = report.generate_report().split("\n") if report.has_errors() else []
    if "anthropic." not in row["model"]:
        return said
    held = [part(schema, "json") for schema in strict(tools(part(body, "toolConfig"), "toolSpec"), "inputSchema")]
    native = part(body, "outputConfig", "textFormat", "structure", "jsonSchema", "schema")
    held += [json.loads(native)] if isinstance(native, str) else []
    return said + [error for schema in held for error in strict_by_anthropic(schema)]


ENDPOINTS = {"messages": messages, "responses": responses, "chat": chat, "converse": converse}


def judged(row, day):
    body, errors = dict(row["body"]), []
    for endpoint, provider, models, field, types in EXTRA:
        is_theirs = (endpoint, provider) == (row["endpoint"], row["provider"]) and re.fullmatch(models, row["model"])
        if is_theirs and field in body:
            errors += [f"{field}: {error}" for error in typed(types, body.pop(field))]
    if row["endpoint"] != "converse" and body.get("model") != row["model"]:
        errors.append(f"model: the body names {body.get('model')}")
    return errors + ENDPOINTS[row["endpoint"]](row, body, day)


def main(day):
    rows = [json.loads(line) for line in sys.stdin if line.strip()]
    verdicts = [(row["row"], judged(row, datetime.date.fromisoformat(day))) for row in rows]
    for name, errors in verdicts:
        print(f"{name}: {'; '.join(errors) or 'ok'}")
    sys.exit(1 if not rows or any(errors for _, errors in verdicts) else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
