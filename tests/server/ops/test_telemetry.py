"""What is written to the log, what never is, and what is counted."""

import json
import logging
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from server.ops.logs import configure_logging
from server.ops.metrics import MOST_LABELS, Metrics

TOUCHED = ("", "websockets", "websockets.server", "aiosqlite", "py.warnings")


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in TOUCHED]
    before = [(logger, logger.level, logger.handlers[:]) for logger in loggers]
    yield
    logging.captureWarnings(False)
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


def _all_written() -> None:
    for handler in logging.getLogger().handlers:
        handler.flush()


@pytest.fixture
def json_lines(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    def read() -> list[dict[str, Any]]:
        _all_written()
        out, err = capsys.readouterr()
        assert out == "", "stdout is for the URL alone"
        return [json.loads(line) for line in err.splitlines()]

    return read


JsonLines = Callable[[], list[dict[str, Any]]]


def test_a_json_line_has_the_event_and_its_details(json_lines: JsonLines) -> None:
    configure_logging("json", "info")
    extra = {
        "action": "message",
        "room": "lobby",
        "connectionId": "c-1",
        "route": "makeMove",
        "duration_ms": 1.5,
        "statusCode": 409,
    }
    logging.getLogger("server.rooms.conversation").info("message %s", "answered", extra=extra)
    (line,) = json_lines()
    time = datetime.fromisoformat(line.pop("time"))
    assert time.tzinfo == UTC
    assert abs(datetime.now(UTC) - time) < timedelta(minutes=1)
    assert line == {
        "level": "info",
        "event": "message",
        "message": "message answered",
        "logger": "server.rooms.conversation",
        "room": "lobby",
        "connectionId": "c-1",
        "route": "makeMove",
        "duration_ms": 1.5,
        "statusCode": 409,
    }


def test_the_message_is_the_event_where_no_action_is_given(json_lines: JsonLines) -> None:
    configure_logging("json", "info")
    logging.getLogger("server").warning("the disk is full")
    (line,) = json_lines()
    assert line["event"] == line["message"] == "the disk is full"
    assert "room" not in line


def test_a_traceback_is_one_field_of_one_line(json_lines: JsonLines) -> None:
    configure_logging("json", "info")
    try:
        raise KeyError("nothing")
    except KeyError:
        logging.getLogger("server").exception("a handler failed")
    (line,) = json_lines()
    assert line["level"] == "error"
    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("KeyError: 'nothing'")


def test_details_that_are_not_listed_stay_out_of_the_log(json_lines: JsonLines) -> None:
    configure_logging("json", "debug")
    logging.getLogger("server").info("hello", extra={"sessionId": "s3cret", "room": "lobby"})
    (line,) = json_lines()
    assert "s3cret" not in json.dumps(line)
    assert line["room"] == "lobby"


def test_a_line_break_in_a_message_makes_no_second_line(
    json_lines: JsonLines, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("json", "info")
    logging.getLogger("server").info("one\ntwo \udc80")
    assert json_lines()[0]["message"] == "one\ntwo \udc80"

    configure_logging("console", "info")
    logging.getLogger("server").info("one\ntwo \x1b[2J", extra={"room": "a\rb"})
    _all_written()
    (line,) = capsys.readouterr().err.splitlines()
    assert "one\\x0atwo \\x1b[2J" in line
    assert "room=a\\x0db" in line


def test_a_traceback_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("console", "info")
    try:
        raise ValueError("red \x1b[31m\nand more")
    except ValueError:
        logging.getLogger("server").exception("it failed")
    _all_written()
    first, *others = capsys.readouterr().err.splitlines()
    assert "it failed" in first
    assert others[0].startswith("Traceback")
    assert others[-2:] == ["ValueError: red \\x1b[31m", "and more"]


def test_console_lines_are_aligned_and_without_colour_off_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("console", "info")
    logging.getLogger("server").info("connection opened", extra={"room": "lobby"})
    logging.getLogger("server").warning("slow", extra={"room": "lobby"})
    _all_written()
    first, second = capsys.readouterr().err.splitlines()
    assert first.index("room=lobby") == second.index("room=lobby")
    assert "\x1b" not in first
    assert " INFO " in first
    assert "connection opened" in first


def test_console_lines_are_coloured_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    configure_logging("console", "info")
    logging.getLogger("server").error("it broke")
    _all_written()
    assert "\x1b[31mERROR" in capsys.readouterr().err


def test_console_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("console", "info")
    try:
        raise KeyError("nothing")
    except KeyError:
        logging.getLogger("server").exception("a handler failed")
    _all_written()
    lines = capsys.readouterr().err.splitlines()
    assert "a handler failed" in lines[0]
    assert lines[-1] == "KeyError: 'nothing'"


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_the_level_is_the_least_that_is_written(level: str, json_lines: JsonLines) -> None:
    configure_logging("json", level)
    levels = ["debug", "info", "warning", "error"]
    for each in levels:
        logging.getLogger("server").log(logging.getLevelName(each.upper()), each)
    assert [line["level"] for line in json_lines()] == levels[levels.index(level) :]


def test_the_chatter_of_websockets_is_debug(json_lines: JsonLines) -> None:
    library = logging.getLogger("websockets.server")
    configure_logging("json", "info")
    library.info("connection open")
    assert json_lines() == []
    library.error("connection handler failed")
    assert [line["level"] for line in json_lines()] == ["error"]

    configure_logging("json", "debug")
    library.info("connection open")
    assert [line["level"] for line in json_lines()] == ["debug"]


@pytest.mark.parametrize("name", ["websockets.server", "websockets.client", "aiosqlite"])
def test_frames_and_rows_are_not_written_even_at_debug(name: str, json_lines: JsonLines) -> None:
    configure_logging("json", "debug")
    library = logging.getLogger(name)
    assert not library.isEnabledFor(logging.DEBUG)
    library.debug("> Sec-WebSocket-Protocol: session.s3cret")
    assert json_lines() == []


def samples(metrics: Metrics) -> dict[str, float]:
    content_type, body = metrics.render()
    assert content_type == "text/plain; version=0.0.4; charset=utf-8"
    found = {}
    for family in text_string_to_metric_families(body.decode()):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sample.labels.items())
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_every_metric_is_there_by_name() -> None:
    metrics = Metrics()
    metrics.message("makeMove", 409)
    metrics.message(None, 404)
    metrics.broadcast(7)
    metrics.committed(3, 0.004)
    metrics.conflicted()
    metrics.failed()
    metrics.closed(4008)
    metrics.game_finished("won")
    metrics.slow_clients.inc()
    metrics.connections.set(5)
    metrics.absent.set(3)
    metrics.rooms.inc()
    found = samples(metrics)
    expected = {
        "connections": 5,
        "absent": 3,
        "rooms": 1,
        "messages_received_total{route=makeMove}": 1,
        "messages_received_total{route=unknown}": 1,
        "responses_total{status_code=409}": 1,
        "responses_total{status_code=404}": 1,
        "frames_sent_total": 7,
        "broadcasts_total": 1,
        "commits_total": 1,
        "commit_conflicts_total": 1,
        "commit_failures_total": 1,
        "commit_batch_size_sum": 3,
        "commit_batch_size_bucket{le=2.0}": 0,
        "commit_batch_size_bucket{le=5.0}": 1,
        "commit_duration_seconds_sum": 0.004,
        "commit_duration_seconds_count": 1,
        "slow_clients_total": 1,
        "closes_total{code=4008}": 1,
        "games_finished_total{status=won}": 1,
    }
    ours = {name: found.get(f"winner_stays_{name}") for name in expected}
    assert ours == expected
    assert not [name for name in found if name.endswith("_created")]


def test_two_servers_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.broadcast(1)
    assert samples(other)["winner_stays_broadcasts_total"] == 0


def test_peers_cannot_make_up_labels() -> None:
    metrics = Metrics()
    for code in range(3000, 4000):
        metrics.closed(code)
    for number in range(2 * MOST_LABELS):
        metrics.message(f"route-{number}", 200)
    found = samples(metrics)
    assert found["winner_stays_closes_total{code=other}"] == 1000
    routes = [name for name in found if name.startswith("winner_stays_messages_received_total")]
    assert len(routes) == MOST_LABELS + 1
    assert found["winner_stays_messages_received_total{route=other}"] == MOST_LABELS
