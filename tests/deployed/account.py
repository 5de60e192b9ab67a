"""The emulated account: ministack, whose requests count as sent over TLS.

The account's own policies refuse what is not sent over TLS, as they should on AWS, where there is no other way in.
On this machine nothing listens but loopback, and the functions trust no certificate of an emulator.
"""

from ministack import app as emulator

inner = emulator.app


async def app(scope, receive, send):
    if scope["type"] == "http":
        scope = {**scope, "headers": [*scope["headers"], (b"x-forwarded-proto", b"https")]}
    await inner(scope, receive, send)


emulator.app = app
emulator.main()
