"""The settings of the server: each with its name, default, bounds and ``--help`` text.

Each is a flag and an environment variable; the flag takes precedence. They are read once, at the
start, and passed on as plain values. This module does not know how they are used.
"""

import os
import re
import sys
from collections.abc import Sequence
from ipaddress import ip_network
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from server.ops import command_line
from server.ops.machine import connections_allowed, lan_address
from server.sockets.limits import Network
from storage import MAX_RECORDS

ENV_PREFIX = "WINNER_STAYS_"
MOST_CONNECTIONS = 20_000
LOOPBACK = "127.0.0.1"
_MONTH = 31 * 24 * 3600.0

_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"\[([^\[\]]*:[^\[\]]*)\]")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#@]+|null|\*")


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _expect(what: str) -> PydanticCustomError:
    return PydanticCustomError("expected", "expected {what}", {"what": what})


def _host(value: str) -> str:
    """Strip the brackets that an IPv6 address has in a URL."""
    parts = _IN_BRACKETS.fullmatch(value)
    return parts[1] if parts else value


def _address(value: str) -> str:
    if not _URL.fullmatch(value):
        raise _expect("an address such as https://play.example.com")
    return value.rstrip("/")


def _origins(value: object) -> object:
    if not isinstance(value, str):
        return value
    origins = tuple(part.strip().lower().rstrip("/") for part in value.split(",") if part.strip())
    if not origins or not all(_ORIGIN.fullmatch(origin) for origin in origins):
        raise _expect("origins such as https://play.example.com, separated by commas, or *")
    return origins


def _networks(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return tuple(ip_network(part.strip()) for part in value.split(","))
    except ValueError:
        raise _expect("addresses or networks such as 10.0.0.0/8, separated by commas") from None


def _readable(value: str) -> str:
    if not os.path.isfile(value) or not os.access(value, os.R_OK):
        raise _expect("a file that can be read")
    return value


Seconds = Annotated[float, Field(ge=0, le=_MONTH, allow_inf_nan=False)]
Readable = Annotated[str, AfterValidator(_readable)]


class Settings(BaseSettings):
    """A self-hosted winner-stays lobby: two play, the rest stand in line, the winner stays on."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_ignore_empty=True, extra="ignore", frozen=True
    )

    host: Annotated[str, AfterValidator(_host)] = Field(
        LOOPBACK, min_length=1, description="Address to listen on; 0.0.0.0 for all."
    )
    port: int = Field(
        8080, ge=0, le=65535, description="TCP port to listen on; 0 picks a free one."
    )
    store: str = Field(
        "sqlite:///winner-stays.db", min_length=1, description="URL of the store, a SQLite file."
    )
    max_records: int = Field(
        MAX_RECORDS,
        ge=1000,
        le=1_000_000_000,
        description="Limit on the records kept in the store's stream, about a kilobyte each; "
        "records older than a day are always removed.",
    )
    check_store: bool = Field(
        False,
        description="Check the whole store at the start; after an unclean shutdown it is always "
        "checked.",
    )
    resume_seconds: Seconds = Field(
        180.0, description="How long a place in line is held for a disconnected user."
    )
    seat_seconds: Seconds = Field(
        15.0,
        description="How long a seat is held for a disconnected player; "
        "never longer than a place in line.",
    )
    move_seconds: Seconds = Field(30.0, description="Time for a move; 0 is no clock.")
    idle_seconds: Seconds = Field(
        300.0,
        description="How long a game without a clock may go without a move while others wait; "
        "0 is for ever.",
    )
    max_streak: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="Wins in a row after which the winner, too, goes to the end of the line; "
        "0 is no limit.",
    )
    seed_clients: Annotated[Literal["on", "off"], BeforeValidator(_lower)] = Field(
        "on",
        description="Whether to accept clients without the v1 subprotocol: on or off.",
    )
    public_url: Annotated[str, AfterValidator(_address)] | None = Field(
        None,
        max_length=512,
        description="Address at which players reach the server; it is printed, shared, "
        "and shown in the QR code.",
        json_schema_extra={"shown": "the address listened on; the LAN address if on all"},
    )
    max_connections: int = Field(
        default_factory=lambda: min(connections_allowed(), MOST_CONNECTIONS),
        ge=1,
        le=1_000_000,
        description="Limit on open sockets; never above what the limit on open files allows.",
        json_schema_extra={"shown": f"what that limit allows, at most {MOST_CONNECTIONS}"},
    )
    max_connections_per_address: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="Limit on the places that users from one address hold, connected or not; "
        "0 is no limit.",
    )
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)] = Field(
        (),
        description="Addresses or networks of reverse proxies, separated by commas; the address "
        "of a client behind them is read from X-Forwarded-For.",
        json_schema_extra={"shown": "none"},
    )
    handshakes_per_second: float = Field(
        2000.0,
        ge=1,
        le=1_000_000,
        allow_inf_nan=False,
        description="Limit on sockets opened per second, and in a burst.",
    )
    max_unfinished: int = Field(
        4096,
        ge=1,
        le=1_000_000,
        description="Limit on connections in their handshake or fetching a page; beyond it the "
        "oldest is cut off.",
    )
    handshake_seconds: float = Field(
        10.0,
        gt=0,
        le=3600,
        allow_inf_nan=False,
        description="How long a client may take for its handshake.",
    )
    max_rooms: int = Field(1000, ge=1, le=1_000_000, description="Limit on rooms in use.")
    max_absent: int = Field(
        20_000,
        ge=1,
        le=1_000_000,
        description="Limit on places held for disconnected users, over all rooms; beyond it "
        "only they may reconnect.",
    )
    max_waiting: int = Field(
        10_000, ge=1, le=1_000_000, description="Limit on the users waiting in one room."
    )
    max_message_bytes: int = Field(
        4096, ge=1, le=64 * 1024 * 1024, description="Size of the largest message accepted."
    )
    max_buffer_bytes: int = Field(
        256 * 1024,
        ge=1,
        le=1024 * 1024 * 1024,
        description="Limit on the bytes buffered for a client that does not read; beyond it "
        "broadcasts skip that client.",
    )
    messages_per_second: float = Field(
        10.0,
        gt=0,
        le=1_000_000,
        allow_inf_nan=False,
        description="How many messages a socket may send per second, in the long run.",
    )
    burst: int = Field(
        20, ge=1, le=1_000_000, description="How many messages a socket may send at once."
    )
    allowed_origins: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(_origins)] = Field(
        None,
        description="Origins of the pages that may open a socket, separated by commas; * for all.",
        json_schema_extra={"shown": "the host that the socket is opened to"},
    )
    tls_cert: Readable | None = Field(
        None, description="File with the certificate chain (PEM); requires the key."
    )
    tls_key: Readable | None = Field(
        None, description="File with the private key (PEM); requires the certificate."
    )
    log_format: Annotated[Literal["console", "json"], BeforeValidator(_lower)] = Field(
        default_factory=lambda: "console" if sys.stderr.isatty() else "json",
        description="Format of log lines.",
        json_schema_extra={"shown": "console on a terminal, else json"},
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = (
        Field("info", description="Lowest level that is written.")
    )

    @field_validator("seat_seconds")
    @classmethod
    def _seat_no_longer_than_place(cls, value: float, info: ValidationInfo) -> float:
        place: float = info.data.get("resume_seconds", value)
        return min(value, place)

    @field_validator("max_connections")
    @classmethod
    def _connections_within_file_limit(cls, value: int) -> int:
        return min(value, connections_allowed())

    @model_validator(mode="after")
    def _tls_complete(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            given, other = ("cert", "key") if self.tls_cert else ("key", "cert")
            raise PydanticCustomError(
                "pair", "pair", {"given": f"tls_{given}", "other": f"tls_{other}"}
            )
        return self


def load(argv: Sequence[str]) -> Settings:
    """Read the settings from the flags in ``argv`` and the environment.

    Raises:
        SystemExit: 0 after ``--help``; 2 after a one-line error on stderr.
    """
    try:
        given = command_line.parse(Settings, ENV_PREFIX, argv)
        try:
            return Settings(**given)
        except ValidationError as error:
            raise command_line.explain(Settings, ENV_PREFIX, given, error) from None
    except command_line.UsageError as error:
        print(f"winner-stays: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def public_url(settings: Settings, port: int) -> str:
    """Return the address to open, without a trailing slash; ``port`` is the bound port."""
    if settings.public_url is not None:
        return settings.public_url
    host = settings.host
    if host in ("0.0.0.0", "::"):
        # A socket on :: serves IPv4 too, and an IPv4 address is easier to type.
        host = lan_address() or (lan_address(ipv6=True) if host == "::" else None) or LOOPBACK
    if ":" in host:
        host = f"[{host.replace('%', '%25')}]"
    scheme, usual = ("https", 443) if settings.tls_cert else ("http", 80)
    return f"{scheme}://{host}" if port == usual else f"{scheme}://{host}:{port}"
