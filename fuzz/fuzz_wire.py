"""Any bytes as a message: whatever they are, they are read or refused, and shortly answered.

Bytes seldom happen to be JSON, so most of them are taken as orders for what to write.
"""

import contextlib
import json
import sys
from typing import Any

import atheris

with atheris.instrument_imports(include=["server.wire.messages"]):
    from server.rooms.routes import ROUTES, SERVER_ROUTES, Route
    from server.wire.messages import BadMessage, Envelope, open_envelope, read_fields, response

KEYS = ("action", "requestId", "username", "cell", "loserId", "data", "game", "x")
ACTIONS = (*ROUTES, *SERVER_ROUTES, "nope")
# The largest message and the largest answer to garbage; a frame's header is up to four bytes.
MOST_BYTES = 4096
LARGEST_ANSWER = 1024 + 4


def one_input(data: bytes) -> None:
    """Take the bytes as a text or, if they begin with a zero bit, as orders for one."""
    if data and data[0] < 128:
        read(write(atheris.FuzzedDataProvider(data[1:])))
        return
    with contextlib.suppress(UnicodeDecodeError):  # the socket would be closed with 1007
        read(data[1:].decode())


def write(given: atheris.FuzzedDataProvider) -> str:
    """Write a message, mostly one of those that make sense, and maybe cut it short."""
    message = {"action": ACTIONS[given.ConsumeIntInRange(0, len(ACTIONS) - 1)]}
    while given.remaining_bytes():
        message[KEYS[given.ConsumeIntInRange(0, len(KEYS) - 1)]] = value(given, 3)
    text = json.dumps(message)
    return text[: len(text) // 2] if given.ConsumeIntInRange(0, 20) == 20 else text


def value(given: atheris.FuzzedDataProvider, depth: int) -> Any:
    """Write any value of JSON, and some that are none."""
    match given.ConsumeIntInRange(0, 9 if depth else 7):
        case 0:
            return None
        case 1:
            return given.ConsumeBool()
        case 2:
            return given.ConsumeIntInRange(-2, 10)
        case 3:
            return given.ConsumeInt(8)
        case 4:
            return given.ConsumeFloat()
        case 5 | 6 | 7:
            return given.ConsumeUnicode(given.ConsumeIntInRange(0, 70))
        case 8:
            return [value(given, depth - 1) for _ in range(given.ConsumeIntInRange(0, 2))]
        case _:
            return {KEYS[given.ConsumeIntInRange(0, len(KEYS) - 1)]: value(given, depth - 1)}


def read(text: str) -> None:
    """Do what the server does with a message, short of playing it."""
    if len(text.encode(errors="surrogatepass")) > MOST_BYTES:
        return  # the socket would be closed with 1009
    envelope = open_envelope(text)
    refusal = envelope.error
    if refusal is None:
        assert envelope.action is not None, "what has no action is malformed"
        route = ROUTES.get(envelope.action)
        refusal = None if route is None else refusal_of(route, envelope)
    if refusal is None:
        return
    assert refusal.status_code == 400
    body = {"message": str(refusal)}
    answer = response(None, envelope.request_id, refusal.status_code, body)
    assert len(answer) <= LARGEST_ANSWER
    header = 4 if answer[1] == 126 else 2  # the length byte may be a brace, too
    json.loads(answer[header:])


def refusal_of(route: Route, envelope: Envelope) -> BadMessage | None:
    """Read the fields of a route, which can be written down, or tell why not."""
    try:
        read_fields(route.fields, envelope.fields).model_dump_json()
    except BadMessage as refusal:
        return refusal
    return None


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
