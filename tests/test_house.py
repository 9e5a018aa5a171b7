"""The house keeps its walls: who may import whom, and that the README says what there is."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from queue_engine.model import GameStatus
from server.rooms.routes import ROUTES, SERVER_ROUTES
from server.settings import ENV_PREFIX, Settings
from server.wire.close_codes import CloseCode

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PACKAGES = ("server", "queue_engine", "storage")

# The pure core: no I/O, no asyncio, no clock, no randomness.
SHELL = {"clock", "engine", "items", "mailbox", "replica", "room_task"}
CORE = sorted(
    str(file.relative_to(ROOT / "queue_engine").with_suffix(""))
    for file in (ROOT / "queue_engine").rglob("*.py")
    if file.stem not in SHELL
)
PURE = {
    "bisect",
    "collections",
    "collections.abc",
    "dataclasses",
    "datetime",
    "enum",
    "functools",
    "hashlib",
    "hmac",
    "re",
    "typing",
    "unicodedata",
}


def imports(file: Path) -> Iterator[str]:
    package = file.relative_to(ROOT).parts[0]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield ".".join(filter(None, (package if node.level else "", node.module)))


def imported_packages(package: str) -> set[str]:
    files = (ROOT / package).rglob("*.py")
    return {name.split(".")[0] for file in files for name in imports(file)}


def test_imports_point_one_way() -> None:
    assert imported_packages("storage").isdisjoint({"server", "queue_engine"})
    assert "server" not in imported_packages("queue_engine")


def test_only_the_store_speaks_sql_and_only_the_server_speaks_websocket() -> None:
    speaks = {package: imported_packages(package) for package in PACKAGES}
    assert [p for p in PACKAGES if speaks[p] & {"sqlite3", "aiosqlite"}] == ["storage"]
    assert [p for p in PACKAGES if speaks[p] & {"websockets", "pydantic"}] == ["server"]


@pytest.mark.parametrize("module", CORE)
def test_core_is_pure(module: str) -> None:
    outside = {
        name
        for name in imports(ROOT / "queue_engine" / f"{module}.py")
        if name.split(".")[0] != "queue_engine"
    }
    assert outside <= PURE
    source = (ROOT / "queue_engine" / f"{module}.py").read_text()
    assert "datetime.now" not in source


def test_dependencies_are_declared() -> None:
    used = set().union(*map(imported_packages, PACKAGES)) - set(sys.stdlib_module_names)
    declared = (ROOT / "pyproject.toml").read_text().replace("-", "_")
    # `pydantic_core` is a part of pydantic, which pins it.
    third_party = {name.removesuffix("_core") for name in used - set(PACKAGES)}
    assert [name for name in sorted(third_party) if name not in declared] == []


@pytest.mark.parametrize("route", sorted({*ROUTES, *SERVER_ROUTES}))
def test_every_route_is_documented(route: str) -> None:
    assert f"`{route}`" in README


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    flag = "--" + name.replace("_", "-")
    assert f"`{flag}`" in README
    assert ENV_PREFIX in README


@pytest.mark.parametrize(
    "message", ["hello", "joinedQueue", "queueUpdate", "queueDelta", "gameUpdate", "response"]
)
def test_every_message_is_documented(message: str) -> None:
    assert f"`{message}`" in README


@pytest.mark.parametrize("status", GameStatus)
def test_every_game_status_is_documented(status: str) -> None:
    assert f"`{status}`" in README


@pytest.mark.parametrize("code", CloseCode)
def test_every_close_code_is_documented(code: CloseCode) -> None:
    assert f"`{code.value}`" in README


def test_every_test_that_a_promise_rests_on_is_there() -> None:
    path = ""
    named = re.findall(r"`(tests/[^`]+|\.\.\.)::(\w+)`", (ROOT / "docs/reliability.md").read_text())
    assert named
    for file, test in named:
        path = path if file == "..." else file
        assert f"def {test}(" in (ROOT / path).read_text()


def test_every_test_that_a_promise_names_exists() -> None:
    promises = (ROOT / "docs/reliability.md").read_text() + (ROOT / "SECURITY.md").read_text()
    named = re.findall(
        r"`(?:(tests/[\w/]+\.py)|\.\.\.)::(test_\w+)`|`(tests/[\w/]+\.py)`", promises
    )
    assert len(named) > 30
    file = ""
    for with_test, test, whole in named:
        file = with_test or whole or file
        source = (ROOT / file).read_text()
        assert not test or f"def {test}(" in source, f"{file}::{test}"
