"""The providers' own SDKs against the simulated model, one session a run.

usage: judge.py PROVIDER POLICY URL NOW AWS_KEY AWS_SECRET

Only the address and the clock are ours: requests, signatures, parsing and error classes are the SDKs'. Their
retries are off, so that every call is one call.
"""

import datetime
import json
import sys

import anthropic
import boto3
import botocore.auth
import botocore.exceptions
import openai
from botocore.config import Config

FACTS = json.dumps({"symbols": [{"symbol": "BTC-USDT"}], "allowed_actions": ["open"]})
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"action": {"type": "string"}, "reason": {"type": "string"}},
    "required": ["action", "reason"],
}
TOOL, ABOUT, SYSTEM = "decide", "Decide.", "Trade."


def same(found, wanted, what=""):
    if found != wanted:
        raise AssertionError(f"{what}: found {found!r}, wanted {wanted!r}")


def refused(error, call, status, shows=""):
    """The call fails with exactly this class and status, and shows what the provider said."""
    try:
        answer = call()
    except Exception as raised:
        same(type(raised), error, f"class of {raised}")
        found = raised.response["ResponseMetadata"]["HTTPStatusCode"] if hasattr(raised, "operation_name") \
            else raised.status_code
        same(found, status, str(raised))
        if shows not in str(raised):
            raise AssertionError(f"{raised} does not show {shows}")
        return raised
    raise AssertionError(f"wanted {error.__name__}, was answered {answer!r}")


class Anthropic:
    def __init__(self, url, *_):
        self.client = anthropic.Anthropic(api_key="sk-test", base_url=url, max_retries=0)

    def ask(self, messages=None, model="claude-haiku-4-5", **more):
        more.setdefault("tool_choice", {"type": "tool", "name": TOOL, "disable_parallel_tool_use": True})
        answer = self.client.messages.create(
            model=model, max_tokens=400, system=SYSTEM,
            tools=[{"name": TOOL, "description": ABOUT, "input_schema": SCHEMA, "strict": True}],
            messages=messages or [{"role": "user", "content": FACTS}], **more)
        same(type(answer), anthropic.types.Message)
        same((answer.type, answer.role), ("message", "assistant"))
        assert answer.model.startswith(model), f"{answer.model} is no snapshot of {model}"
        same([type(block).__name__ for block in answer.content if block.type not in ("text", "tool_use")], [])
        for count in (answer.usage.input_tokens, answer.usage.output_tokens):
            same(type(count), int, "tokens")
        return answer

    def momentum(self):
        first = self.ask()
        same(first.stop_reason, "tool_use")
        [call] = [block for block in first.content if block.type == "tool_use"]
        same((call.name, call.input["action"]), (TOOL, "hold"))
        result = {"type": "tool_result", "tool_use_id": call.id, "is_error": True, "content": "again"}
        second = self.ask([
            {"role": "user", "content": FACTS},
            {"role": "assistant", "content": first.content},
            {"role": "user", "content": [result]},
        ])
        same(second.stop_reason, "tool_use")

    def refuses(self):
        same(self.ask().stop_reason, "end_turn")
        answer = self.ask()
        same((answer.stop_reason, answer.stop_details.type, answer.stop_details.category),
             ("refusal", "refusal", "general_harms"))

    def garbage(self):
        for _ in range(13):
            self.ask()

    def throttled(self):
        self.ask()
        limit = refused(anthropic.RateLimitError, self.ask, 429, "rate_limit_error")
        same(limit.response.headers["retry-after"], "30")
        for _ in range(2):
            try_(self.ask)
        refused(anthropic.OverloadedError, self.ask, 529, "overloaded_error")
        for _ in range(5):
            try_(self.ask)
        spent = refused(anthropic.EnforcedSpendLimitReachedError, self.ask, 429, "enforced_spend_limit_reached")
        same("retry-after" in spent.response.headers, False)
        refused(anthropic.NotFoundError, lambda: self.ask(model="claude-retired"), 404, "model: claude-retired")
        # The SDK speaks version 2026-10-21, which takes a temperature for no model at all.
        refused(anthropic.BadRequestError, lambda: self.ask(extra_body={"temperature": 0}), 400, "temperature")
        refused(anthropic.BadRequestError,
                lambda: self.ask(tool_choice={"type": "tool", "name": "other"}), 400, "tool_choice")


class OpenAi:
    def __init__(self, url, *_):
        self.client = openai.OpenAI(api_key="sk-test", base_url=f"{url}/v1", max_retries=0)

    def ask(self, messages=None, model="gpt-5-mini", schema=SCHEMA, **more):
        more.setdefault("tool_choice", {"type": "function", "function": {"name": TOOL}})
        more.setdefault("max_completion_tokens", 400)
        # At its own effort the thinking alone is more than the bound.
        more.setdefault("reasoning_effort", "minimal")
        function = {"name": TOOL, "description": ABOUT, "parameters": schema, "strict": True}
        answer = self.client.chat.completions.create(
            model=model, tools=[{"type": "function", "function": function}],
            messages=messages or [{"role": "system", "content": SYSTEM}, {"role": "user", "content": FACTS}],
            **more)
        same(type(answer).__name__, "ChatCompletion")
        same((answer.object, len(answer.choices)), ("chat.completion", 1))
        assert answer.model.startswith(model), f"{answer.model} is no snapshot of {model}"
        usage = answer.usage
        same(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)
        same(usage.prompt_tokens_details.cached_tokens, 0)
        same(answer.choices[0].message.role, "assistant")
        return answer.choices[0]

    def momentum(self):
        first = self.ask()
        # Where the tool is named, a call ends with `stop`.
        same(first.finish_reason, "stop")
        [call] = first.message.tool_calls
        same((call.type, call.function.name), ("function", TOOL))
        same(json.loads(call.function.arguments)["action"], "hold")
        second = self.ask([
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": FACTS},
            first.message,
            {"role": "tool", "tool_call_id": call.id, "content": "again"},
        ], tool_choice="required")
        same(second.finish_reason, "tool_calls")

    def refuses(self):
        apology = self.ask()
        same((apology.finish_reason, apology.message.refusal), ("stop", None))
        refusal = self.ask().message
        same((refusal.content, type(refusal.refusal), refusal.tool_calls), (None, str, None))

    def garbage(self):
        for _ in range(13):
            self.ask()

    def throttled(self):
        self.ask()
        limit = refused(openai.RateLimitError, self.ask, 429, "Rate limit reached")
        same((limit.code, limit.response.headers["retry-after-ms"]), ("rate_limit_exceeded", "30000"))
        for _ in range(2):
            try_(self.ask)
        refused(openai.InternalServerError, self.ask, 503, "overloaded")
        for _ in range(5):
            try_(self.ask)
        spent = refused(openai.RateLimitError, self.ask, 429)
        same((spent.code, spent.type), ("insufficient_quota", "insufficient_quota"))
        gone = refused(openai.NotFoundError, lambda: self.ask(model="gpt-retired"), 404)
        same(gone.code, "model_not_found")
        refused(openai.BadRequestError, lambda: self.ask(temperature=0), 400, "temperature")
        refused(openai.BadRequestError, lambda: self.ask(max_tokens=1), 400, "max_completion_tokens")
        loose = {key: value for key, value in SCHEMA.items() if key != "additionalProperties"}
        refused(openai.BadRequestError, lambda: self.ask(schema=loose), 400, "additionalProperties")


class Bedrock:
    def __init__(self, url, now, key, secret):
        moment = datetime.datetime.fromtimestamp(int(now), datetime.timezone.utc)
        # botocore reads the clock in one place; the model's world has another time.
        botocore.auth.get_current_datetime = lambda remove_tzinfo=True: \
            moment.replace(tzinfo=None) if remove_tzinfo else moment
        self.new = lambda secret: boto3.client(
            "bedrock-runtime", endpoint_url=url, region_name="eu-central-1", aws_access_key_id=key,
            aws_secret_access_key=secret, aws_session_token="session",
            config=Config(retries={"total_max_attempts": 1}))
        self.client = self.new(secret)

    def ask(self, messages=None, model="eu.anthropic.claude-haiku-4-5-20251001-v1:0", choice=TOOL, bounds=None):
        spec = {"name": TOOL, "description": ABOUT, "inputSchema": {"json": SCHEMA}, "strict": True}
        answer = self.client.converse(
            modelId=model, system=[{"text": SYSTEM}],
            inferenceConfig={"maxTokens": 400, **(bounds or {})},
            toolConfig={"tools": [{"toolSpec": spec}], "toolChoice": {"tool": {"name": choice}}},
            messages=messages or [{"role": "user", "content": [{"text": FACTS}]}])
        usage = answer["usage"]
        same(usage["totalTokens"], usage["inputTokens"] + usage["outputTokens"])
        same(answer["output"]["message"]["role"], "assistant")
        same(type(answer["metrics"]["latencyMs"]), int)
        allowed = self.client.meta.service_model.shape_for("StopReason").enum
        same(answer["stopReason"] in allowed, True, answer["stopReason"])
        # What botocore does not know it drops: a block that it dropped would be an empty one.
        same([block for block in answer["output"]["message"]["content"] if not block], [])
        return answer

    def momentum(self):
        first = self.ask()
        same(first["stopReason"], "tool_use")
        said = first["output"]["message"]
        [call] = [block["toolUse"] for block in said["content"] if "toolUse" in block]
        same((call["name"], call["input"]["action"]), (TOOL, "hold"))
        result = {"toolUseId": call["toolUseId"], "status": "error", "content": [{"text": "again"}]}
        second = self.ask([
            {"role": "user", "content": [{"text": FACTS}]},
            said,
            {"role": "user", "content": [{"toolResult": result}]},
        ])
        same(second["stopReason"], "tool_use")

    def refuses(self):
        same([self.ask()["stopReason"] for _ in range(2)], ["end_turn", "content_filtered"])

    def garbage(self):
        for _ in range(13):
            self.ask()

    def throttled(self):
        errors = self.client.exceptions
        self.ask()
        refused(errors.ThrottlingException, self.ask, 429)
        for _ in range(2):
            try_(self.ask)
        refused(errors.ServiceUnavailableException, self.ask, 503)
        for _ in range(5):
            try_(self.ask)
        refused(errors.ServiceQuotaExceededException, self.ask, 400)
        refused(errors.ResourceNotFoundException, lambda: self.ask(model="anthropic.retired-v1:0"), 404)
        refused(errors.ValidationException,
                lambda: self.ask(model="anthropic.claude-opus-4-8-v1:0", bounds={"temperature": 0}), 400, "temperature")
        refused(errors.ValidationException, lambda: self.ask(choice="other"), 400)
        self.client = self.new("another secret")
        refused(botocore.exceptions.ClientError, self.ask, 403, "InvalidSignatureException")


def try_(call):
    """One call of the timetable whose end another session looks at."""
    try:
        call()
    except (anthropic.APIError, openai.APIError, botocore.exceptions.ClientError):
        pass


JUDGES = {"anthropic": Anthropic, "openai": OpenAi, "bedrock": Bedrock}

if __name__ == "__main__":
    provider, policy, *world = sys.argv[1:]
    getattr(JUDGES[provider](*world), policy)()
