"""The wire format: no other module knows how a message is spelt.

From the client: ``{"action": <route key>, ...}`` with an optional ``requestId``. To the client:
``hello``, ``joinedQueue``, ``queueUpdate``, ``queueDelta``, ``gameUpdate`` and ``response``. Each
message is one JSON object in a text frame.

The JSON is parsed first and its fields validated afterwards, so that the answer to a message with
invalid fields still carries its ``requestId``.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from websockets.frames import Frame, Opcode

from queue_engine import names
from queue_engine.games import MOST_CELLS
from queue_engine.items import iso
from queue_engine.model import Game, Room, Status, User

SUBPROTOCOL = "winner-stays.v1"
SESSION_PREFIX = "session."
WATCH = "watch"

MAX_REQUEST_ID = 64

_SURROGATE = re.compile("[\ud800-\udfff]")


class BadMessage(Exception):
    """A message that is refused before it becomes a command."""

    def __init__(self, status_code: int, message: str) -> None:
        super().__init__(message)
        self.status_code = status_code


@dataclass(frozen=True, slots=True)
class Envelope:
    """The fields common to all messages: a route key and a request id, or None if not valid."""

    fields: Mapping[str, Any]
    action: str | None
    request_id: str | None
    error: BadMessage | None = None


def open_envelope(text: str) -> Envelope:
    """Parse a message and read its route key and request id; ``error`` says what is wrong."""
    try:
        fields = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return Envelope({}, None, None, BadMessage(400, "message: not valid JSON"))
    if not isinstance(fields, dict):
        return Envelope({}, None, None, BadMessage(400, "message: expected a JSON object"))

    request_id, error = fields.get("requestId"), None
    if "requestId" in fields and not _is_request_id(request_id):
        request_id = None
        error = BadMessage(400, f"requestId: expected a string of at most {MAX_REQUEST_ID}")
    action = fields.get("action")
    if not isinstance(action, str):
        missing = "action" not in fields
        error = error or BadMessage(400, f"action: {'missing' if missing else 'not a string'}")
        action = None
    return Envelope(fields, action, request_id, error)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON (RFC 8259, section 6)")


def _is_request_id(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_REQUEST_ID and not _SURROGATE.search(value)


def without_surrogates(text: str) -> str:
    """Return the text unchanged, if it can be encoded as UTF-8.

    Raises:
        ValueError: the text has a lone surrogate.
    """
    if _SURROGATE.search(text):
        raise ValueError("has a lone surrogate, which is no character")
    return text


def clean_username(name: str) -> str:
    """Return the name, cleaned for storage (`queue_engine/names.py`).

    Raises:
        ValueError: the name has a lone surrogate, or the cleaned name is empty or too long.
    """
    clean = names.clean(without_surrogates(name))
    if not 1 <= len(clean) <= names.MAX_NAME:
        raise ValueError(f"expected 1 to {names.MAX_NAME} characters, found {len(clean)}")
    return clean


class Fields(BaseModel):
    """The fields of one route; other fields of the message are ignored."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class NoFields(Fields):
    """A route without fields."""


class UpdateDB(Fields):
    """The name that a user sets."""

    username: Annotated[str, AfterValidator(clean_username)]

    @model_validator(mode="before")
    @classmethod
    def _present(cls, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        if fields.get("username") in (None, ""):
            raise BadMessage(400, "Missing username")
        return fields


class MakeMove(Fields):
    """A cell, as numbered by the kind of game."""

    cell: Annotated[int, Field(ge=0, lt=MOST_CELLS)]


class GameOver(Fields):
    """The loser and the game's number; the seed's browser client wraps the loser in ``data``."""

    loser_id: Annotated[str, AfterValidator(without_surrogates), Field(alias="loserId")]
    game: int | None = None

    @model_validator(mode="before")
    @classmethod
    def _unwrap(cls, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        loser_id, data = fields.get("loserId"), fields.get("data")
        if loser_id in (None, "") and isinstance(data, dict):
            loser_id = data.get("loserId")
        if loser_id in (None, ""):
            raise BadMessage(400, "Missing loserId")
        return {**fields, "loserId": loser_id}


SomeFields = TypeVar("SomeFields", bound=Fields)


def read_fields(model: type[SomeFields], fields: Mapping[str, Any]) -> SomeFields:
    """Return the validated fields of a route.

    Raises:
        BadMessage: a field is missing or wrong; the message says which and why.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "message"
        if first["type"] == "missing":
            raise BadMessage(400, f"{field}: missing") from None
        why = first["msg"].removeprefix("Value error, ")
        raise BadMessage(400, f"{field}: {why[:1].lower()}{why[1:]}") from None


def frame(message: Mapping[str, Any]) -> bytes:
    """Encode a message as a frame; all recipients are sent the same bytes."""
    return text_frame(_encode(message))


def text_frame(data: bytes) -> bytes:
    """Wrap encoded JSON in a WebSocket frame; a server's frames are not masked (RFC 6455, 5.1)."""
    return Frame(Opcode.TEXT, data).serialize(mask=False)


PING_FRAME = Frame(Opcode.PING, b"").serialize(mask=False)


def hello(user: User, room: str, now: datetime) -> bytes:
    """Encode a client's id and room; a v1 client also gets its session id and the server's time."""
    message = {"message": "Hello from Lambda!", "connectionId": user.connection_id, "room": room}
    if user.resumable:
        message["sessionId"] = user.session_id
        message["now"] = iso(now)
    return frame(message)


def joined_queue(room: Room, user: User) -> bytes:
    """Encode a user's status, with the marker or the position in the line."""
    message: dict[str, Any] = {"action": "joinedQueue", "status": user.status}
    if user.status is Status.ACTIVE:
        message["marker"] = user.marker
    elif user.status is Status.INACTIVE:
        message["position"] = room.position(user)
    return frame(message)


def user_json(user: User) -> bytes:
    """Encode the public fields of a user; the session id is not among them."""
    given_up = user.seat_until if user.status is Status.ACTIVE else user.absent_until
    message = {
        "connectionId": user.connection_id,
        "username": user.username,
        "status": user.status,
        "marker": user.marker,
        "joinedAt": iso(user.joined_at),
        "streak": user.streak or None,
        "absent": iso(given_up) if given_up is not None else None,
    }
    return _encode({key: value for key, value in message.items() if value is not None})


def queue_update(sequence: int, waiting: int, spectators: int, users: Iterable[bytes]) -> bytes:
    """Encode a whole list from encoded users."""
    head = _queue_head("queueUpdate", sequence, waiting, spectators)
    return text_frame(head + b',"data":[' + b",".join(users) + b"]}")


def queue_delta(
    sequence: int, waiting: int, spectators: int, upsert: Iterable[bytes], remove: Iterable[str]
) -> bytes:
    """Encode what changed in the window since the last frame."""
    head = _queue_head("queueDelta", sequence, waiting, spectators)
    changed = b',"upsert":[' + b",".join(upsert) + b'],"remove":'
    return text_frame(head + changed + _encode(list(remove)) + b"}")


def _queue_head(action: str, sequence: int, waiting: int, spectators: int) -> bytes:
    counts = {"sequence": sequence, "waiting": waiting, "spectators": spectators}
    return _encode({"action": action, **counts})[:-1]


def game_update(game: Game | None) -> bytes:
    """Encode a game; ``None`` means that no game is being played."""
    return frame({"action": "gameUpdate", "game": _game(game) if game is not None else None})


def _game(game: Game) -> dict[str, Any]:
    message: dict[str, Any] = {
        "number": game.number,
        "kind": game.kind,
        "board": game.position.board,
        "moves": game.moves,
        "first": game.first,
        "turn": game.turn,
        "players": {"X": game.x_id, "O": game.o_id},
        "status": game.status,
    }
    if game.winner is not None:
        message["winner"] = game.winner
    if game.line is not None:
        message["line"] = game.line
    if game.deadline is not None:
        message["deadline"] = iso(game.deadline)
    return message


def response(
    route: str | None, request_id: str | None, status_code: int, body: Mapping[str, Any]
) -> bytes:
    """Encode the answer to a message; ``requestId`` is left out if the message had none."""
    message = {"action": "response", "route": route, "requestId": request_id}
    if request_id is None:
        del message["requestId"]
    return frame({**message, "statusCode": status_code, "body": body})


def _encode(message: object) -> bytes:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
