"""What recorded answers cost by genai-prices, beside what the record says.

usage: judge.py check FILE
       judge.py write FILE

Each record is the usage of one answer as its provider spells it. Reading that spelling and pricing it are both
genai-prices': no price and no rule of ours is in here. `write` fills the dollars in.
"""

import json
import sys
from datetime import datetime, timezone

from genai_prices import calc_price, extract_usage

# The provider's name there, and its name for the API that we speak.
PROVIDERS = {
    "anthropic": ("anthropic", "default"),
    "openai": ("openai", "chat"),
    "bedrock": ("aws", "default"),
}


def dollars(record):
    provider, flavor = PROVIDERS[record["provider"]]
    answer = {"model": record["model"], "usage": record["usage"]}
    usage = extract_usage(answer, provider_id=provider, api_flavor=flavor).usage
    noon = datetime.fromisoformat(record["day"]).replace(hour=12, tzinfo=timezone.utc)
    price = calc_price(usage, record["model"], provider_id=provider, genai_request_timestamp=noon)
    return format(price.total_price.normalize(), "f")


def spelled(records):
    lines = ",\n".join(json.dumps(record) for record in records)
    return f"[\n{lines}\n]\n"


if __name__ == "__main__":
    what, path = sys.argv[1:]
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
