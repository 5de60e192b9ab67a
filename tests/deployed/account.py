"""The emulated account: ministack, whose requests count as sent over TLS, and which takes two more resources.

The account's own policies refuse what is not sent over TLS, as they should on AWS, where there is no other way in.
On this machine nothing listens but loopback, and the functions trust no certificate of an emulator.

A budget and a saved query are taken as they are and do nothing: nothing that trades or pages depends on either.
"""

from ministack import app as emulator
from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS as resources



def taken(logical_id, props, stack_name):
    return f"{stack_name}-{logical_id}", {}


def kept(physical_id, old, new, stack_name):
    return physical_id, {}


def gone(physical_id, props):
    pass


for name in ("AWS::Budgets::Budget", "AWS::Logs::QueryDefinition"):
    resources[name] = {"create": taken, "update": kept, "delete": gone}

inner = emulator.app


async def app(scope, receive, send):
    if scope["type"] == "http":
        scope = {**scope, "headers": [*scope["headers"], (b"x-forwarded-proto", b"https")]}
    await inner(scope, receive, send)


emulator.app = app
emulator.main()
