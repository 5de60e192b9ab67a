"""What answers cost by genai-prices: recorded ones beside what the record says, and a grid of made ones.

usage: judge.py check FILE
       judge.py write FILE
       judge.py grid

Each record is the usage of one answer as its provider spells it. Reading that spelling and pricing it are both
genai-prices': no price and no rule of ours is in here. `write` fills the dollars in. `grid` prices every model of
our providers today, on both sides of each of its dates, hours and tiers, with and without a cache.
"""

import json
import sys
from datetime import datetime, timedelta, timezone

from genai_prices import Usage, calc_price, extract_usage
from genai_prices.data import providers
from genai_prices.types import TieredPrices, TimeOfDateConstraint

# The provider's name there, and its name for the API that we speak.
PROVIDERS = {
    "anthropic": ("anthropic", "default"),
    "openai": ("openai", "chat"),
    "bedrock": ("aws", "default"),
    "deepseek": ("deepseek", "chat"),
    "kimi": ("moonshotai", "chat"),
    "glm": ("zai", "chat"),
    "gemini": ("google", "chat"),
    "xai": ("x-ai", "chat"),
    "mistral": ("mistral", "default"),
    "groq": ("groq", "default"),
    "openrouter": ("openrouter", "chat"),
}
TODAY = datetime(2026, 12, 1, 12, tzinfo=timezone.utc)
MONDAY = datetime(2026, 11, 2, tzinfo=timezone.utc)


def price(provider, model, at, usage):
    price = calc_price(usage, model, provider_id=PROVIDERS[provider][0], genai_request_timestamp=at)
    return format(price.total_price.normalize(), "f")


def dollars(record):
    provider, flavor = PROVIDERS[record["provider"]]
    answer = {"model": record["model"], "usage": record["usage"]}
    usage = extract_usage(answer, provider_id=provider, api_flavor=flavor).usage
    return price(record["provider"], record["model"], datetime.fromisoformat(record["at"]), usage)


def spelled(records):
    lines = ",\n".join(json.dumps(record) for record in records)
    return f"[\n{lines}\n]\n"


def starts(constraint):
    """The moments at which a price begins or ends; hours on a weekday."""
    if isinstance(constraint, TimeOfDateConstraint):
        return [datetime.combine(MONDAY, time) for time in (constraint.start_time, constraint.end_time)]
    return [datetime(*constraint.start_date.timetuple()[:3], tzinfo=timezone.utc)] if constraint else []


def grid():
    for ours, (theirs, _) in PROVIDERS.items():
        provider = next(provider for provider in providers if provider.id == theirs)
        for model in provider.models:
            name = model.id.replace("regional.", "us.").lower()
            conditional = model.prices if isinstance(model.prices, list) else []
            lists = [vars(price.prices) for price in conditional] or [vars(model.prices)]
            is_text = all({"input_mtok", "output_mtok"} <= prices.keys() for prices in lists)
            if not is_text or provider.find_model(name) is not model:
                continue
            moments = [start for price in conditional for start in starts(price.constraint)]
            moments = {TODAY, *moments, *(start - timedelta(seconds=1) for start in moments)}
            tiered = [price for prices in lists for price in prices.values() if isinstance(price, TieredPrices)]
            bounds = {tier.start for price in tiered for tier in price.tiers}
            for at in sorted(moments):
                for tokens_in in sorted({1_000, *bounds, *(bound + 1 for bound in bounds)}):
                    plain = {"input_tokens": tokens_in, "output_tokens": 77}
                    cached = {"cache_read_tokens": 333, "cache_write_tokens": 444, "cache_write_1h_tokens": 55}
                    for usage in (plain, plain | cached):
                        cost = price(ours, name, at, Usage(**usage))
                        yield {"model": f"{ours}/{name}", "at": at.isoformat(), "usage": usage, "dollars": cost}


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "grid":
        print(json.dumps(list(grid())))
        sys.exit()
    [path] = rest
    with open(path) as file:
        text = file.read()
    records = [dict(record, dollars=dollars(record)) for record in json.loads(text)]
    if what == "write":
        with open(path, "w") as file:
            file.write(spelled(records))
    elif text != spelled(records):
        wrong = [new for old, new in zip(json.loads(text), records) if old != new]
        sys.exit(f"genai-prices says otherwise: {wrong or 'the spelling differs; run write'}")
    print(len(records))
