"""What flags and environment make of the settings, and how a mistake is told."""

import re
import resource
import socket
import sys
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import pytest
from pydantic import ValidationError

from server.ops.machine import connections_allowed
from server.settings import Settings, load, public_url

# For the settings that 7 is no value of.
SOME_VALUE = {
    "host": "::1",
    "store": "sqlite:///other.db",
    "public_url": "http://a.example",
    "allowed_origins": "http://b.example",
    "trusted_proxies": "10.0.0.0/8",
    "seed_clients": "off",
    "tls_cert": __file__,
    "tls_key": __file__,
    "max_records": "7000",
    "check_store": "true",
    "log_format": "console",
    "log_level": "error",
}


@pytest.fixture
def file_limit() -> Iterator[tuple[int, int]]:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield limits
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def complaint(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    with pytest.raises(SystemExit) as stop:
        load(argv)
    assert stop.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1, "one line, no usage, no traceback"
    return err


def test_defaults_are_those_of_the_design() -> None:
    settings = load([])
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.store == "sqlite:///winner-stays.db"
    assert (settings.resume_seconds, settings.seat_seconds, settings.move_seconds) == (180, 15, 30)
    assert (settings.max_streak, settings.max_connections_per_address) == (0, 0)
    assert settings.max_message_bytes == 4096
    assert (settings.handshakes_per_second, settings.max_rooms) == (2000, 1000)
    assert settings.max_waiting == 10_000
    assert (settings.messages_per_second, settings.burst) == (10, 20)
    assert settings.seed_clients == "on"
    assert settings.public_url is None
    assert settings.allowed_origins is None
    assert settings.tls_cert is None
    assert settings.tls_key is None
    assert settings.log_level == "info"


def test_help_tells_every_flag_with_its_sentence_and_default(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as stop:
        load(["--help"])
    assert stop.value.code == 0
    out, err = capsys.readouterr()
    assert err == ""
    text = " ".join(out.split())
    for name, field in Settings.model_fields.items():
        assert field.description
        assert field.description.endswith(".")
        told = re.search(
            rf"--{name.replace('_', '-')} (VALUE|\[VALUE\]) {re.escape(field.description)}"
            r" \(default: [^)]+\)",
            text,
        )
        assert told, name
    assert "(default: 8080)" in text
    assert "(default: 180)" in text


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_a_flag_and_an_environment_variable(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    flag, variable = "--" + name.replace("_", "-"), f"WINNER_STAYS_{name.upper()}"
    if Settings.model_fields[name].annotation is bool:
        assert getattr(load([flag]), name) is True
    else:
        assert f"{flag}: found nothing" in complaint(capsys, flag)
    monkeypatch.setenv("WINNER_STAYS_TLS_CERT", __file__)
    monkeypatch.setenv("WINNER_STAYS_TLS_KEY", __file__)
    value = SOME_VALUE.get(name, "7")
    with monkeypatch.context() as environment:
        environment.setenv(variable, value)
        by_environment = getattr(load([]), name)
    assert by_environment in (value, 7, 7000, True, (value,), (IPv4Network("10.0.0.0/8"),))
    assert getattr(load([flag, value]), name) == by_environment


def test_a_flag_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINNER_STAYS_PORT", "1")
    assert load(["--port", "2"]).port == 2
    assert load(["--port=3"]).port == 3


def test_an_empty_environment_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINNER_STAYS_PORT", "")
    monkeypatch.setenv("WINNER_STAYS_PUBLIC_URL", "")
    assert (load([]).port, load([]).public_url) == (8080, None)


def test_durations_may_have_decimals() -> None:
    assert load(["--move-seconds", "0.25"]).move_seconds == 0.25


def test_a_seat_is_never_held_longer_than_a_place() -> None:
    assert load(["--resume-seconds", "5"]).seat_seconds == 5
    assert load(["--seat-seconds", "200"]).seat_seconds == 180
    assert load(["--resume-seconds", "90", "--seat-seconds", "80"]).seat_seconds == 80


@pytest.mark.parametrize(
    ("flag", "value", "expected"),
    [
        ("--port", "http", "a whole number from 0 to 65535"),
        ("--port", "65536", "a whole number from 0 to 65535"),
        ("--port", "-1", "a whole number from 0 to 65535"),
        ("--seat-seconds", "-1", "a number from 0 to"),
        ("--resume-seconds", "-0.5", "a number from 0 to"),
        ("--move-seconds", "nan", "a number from 0 to"),
        ("--move-seconds", "inf", "a number from 0 to"),
        ("--move-seconds", "-inf", "a number from 0 to"),
        ("--messages-per-second", "0", "a number above 0 to"),
        ("--messages-per-second", "nan", "a number above 0 to"),
        ("--burst", "0", "a whole number from 1 to"),
        ("--burst", "1.5", "a whole number from 1 to"),
        ("--max-streak", "-1", "a whole number from 0 to"),
        ("--max-connections", "0", "a whole number from 1 to"),
        ("--max-connections-per-address", "-1", "a whole number from 0 to"),
        ("--max-message-bytes", "0", "a whole number from 1 to"),
        ("--handshakes-per-second", "0.5", "a number from 1 to"),
        ("--max-rooms", "0", "a whole number from 1 to"),
        ("--max-waiting", "0", "a whole number from 1 to"),
        ("--trusted-proxies", "proxy.example", "addresses or networks such as 10.0.0.0/8"),
        ("--trusted-proxies", "10.0.0.1/8", "addresses or networks such as"),
        ("--trusted-proxies", "10.0.0.1,", "addresses or networks such as"),
        ("--seed-clients", "false", "one of on, off"),
        ("--log-format", "xml", "one of console, json"),
        ("--log-level", "loud", "one of debug, info, warning, error"),
        ("--allowed-origins", "play.example", "origins such as https://play.example.com"),
        ("--allowed-origins", "https://a.example/page", "origins such as"),
        ("--allowed-origins", ",", "origins such as"),
        ("--public-url", "play.example", "an address such as https://play.example.com"),
        ("--public-url", "ftp://play.example", "an address such as"),
        ("--tls-cert", "/nowhere/cert.pem", "a file that can be read"),
        ("--host", "", "some text"),
        ("--store", "", "some text"),
        ("--check-store", "perhaps", "true or false"),
    ],
)
def test_a_bad_value_is_named_as_it_was_typed(
    flag: str,
    value: str,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wanted = f"{flag}: found {value!r}, expected {expected}"
    assert wanted in complaint(capsys, f"{flag}={value}")
    if value:
        variable = "WINNER_STAYS_" + flag.removeprefix("--").replace("-", "_").upper()
        monkeypatch.setenv(variable, value)
        assert f"{variable}: found {value!r}, expected {expected}" in complaint(capsys)


def test_a_value_that_spans_lines_is_told_in_one(capsys: pytest.CaptureFixture[str]) -> None:
    line = complaint(capsys, "--port", "a\nb" + "x" * 10_000)
    assert "found 'a\\nb" in line
    assert len(line) < 200


@pytest.mark.parametrize("unknown", ["--colour=red", "--por=1", "-x", "8080"])
def test_what_is_no_flag_is_refused(unknown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"'{unknown}': there is no such flag" in complaint(capsys, unknown)


@pytest.mark.parametrize(
    "argv",
    [
        ("--stor=valkey://ann:s3cret@host",),
        ("--port", "valkey://ann:s3cret@host"),
        ("redis://:s3cret@host",),
    ],
)
def test_password_of_an_url_is_not_shown(
    argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    line = complaint(capsys, *argv)
    assert "s3cret" not in line
    assert ":***@host" in line


@pytest.mark.parametrize(("given", "missing"), [("cert", "key"), ("key", "cert")])
def test_a_certificate_and_its_key_come_together(
    given: str,
    missing: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = complaint(capsys, f"--tls-{given}", __file__)
    assert f"--tls-{given}: found without --tls-{missing}" in line
    monkeypatch.setenv(f"WINNER_STAYS_TLS_{given.upper()}", __file__)
    line = complaint(capsys)
    assert f"WINNER_STAYS_TLS_{given.upper()}: found without" in line
    assert f"WINNER_STAYS_TLS_{missing.upper()}" in line


def test_origins_are_read_as_browsers_write_them() -> None:
    settings = load(["--allowed-origins", " https://Play.example/ ,http://b.example:8080,null"])
    assert settings.allowed_origins == ("https://play.example", "http://b.example:8080", "null")
    assert load(["--allowed-origins", "*"]).allowed_origins == ("*",)


def test_proxies_are_addresses_or_networks() -> None:
    settings = load(["--trusted-proxies", " 192.0.2.1, 10.0.0.0/8,2001:db8::/32"])
    assert settings.trusted_proxies == (
        IPv4Network("192.0.2.1/32"),
        IPv4Network("10.0.0.0/8"),
        IPv6Network("2001:db8::/32"),
    )
    assert load([]).trusted_proxies == ()


def test_settings_cannot_be_changed() -> None:
    settings, name = load([]), "port"
    with pytest.raises(ValidationError):
        setattr(settings, name, 1)


def test_soft_file_limit_is_raised_to_the_hard_one(file_limit: tuple[int, int]) -> None:
    _, hard = file_limit
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    allowed = connections_allowed()
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft > 256
    assert soft > allowed >= soft - 512


def test_connections_are_what_the_file_limit_allows() -> None:
    assert load([]).max_connections == min(connections_allowed(), 20_000)
    assert load(["--max-connections", "1000000"]).max_connections == connections_allowed()
    assert load(["--max-connections", "7"]).max_connections == 7


def test_logs_are_json_unless_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    assert load([]).log_format == "json"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert load([]).log_format == "console"
    assert load(["--log-format", "json"]).log_format == "json"


@pytest.mark.parametrize(
    ("flags", "url"),
    [
        ([], "http://127.0.0.1:9999"),
        (["--host", "localhost"], "http://localhost:9999"),
        (["--host", "::1"], "http://[::1]:9999"),
        (["--host", "[::1]"], "http://[::1]:9999"),
        (["--host", "fe80::1%eth0"], "http://[fe80::1%25eth0]:9999"),
        (["--tls-cert", __file__, "--tls-key", __file__], "https://127.0.0.1:9999"),
        (["--public-url", "https://play.example/"], "https://play.example"),
        (["--public-url", "https://play.example/games"], "https://play.example/games"),
    ],
)
def test_public_url_names_the_port_that_was_bound(flags: list[str], url: str) -> None:
    assert public_url(load(["--port", "0", *flags]), 9999) == url


def test_public_url_leaves_out_the_usual_port() -> None:
    tls = ["--tls-cert", __file__, "--tls-key", __file__]
    assert public_url(load([]), 80) == "http://127.0.0.1"
    assert public_url(load(tls), 443) == "https://127.0.0.1"
    assert public_url(load(tls), 80) == "https://127.0.0.1:80"


@pytest.mark.parametrize("everywhere", ["0.0.0.0", "::"])
def test_public_url_is_an_address_of_this_machine_when_listening_on_all(everywhere: str) -> None:
    with socket.create_server(("", 0)) as listener:
        port = listener.getsockname()[1]
        host = public_url(load(["--host", everywhere]), port).removeprefix("http://")
        with socket.create_connection((host.removesuffix(f":{port}"), port), timeout=5):
            pass


def test_no_file_of_settings_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("WINNER_STAYS_PORT=1\n")
    monkeypatch.chdir(tmp_path)
    assert load([]).port == 8080
