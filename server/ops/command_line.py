"""The command line of a settings model: a kebab-case flag per field, and one-line errors.

It knows how flags and environment variables are spelt and how errors are worded, but no setting by
name.
"""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NoReturn, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from storage import masked

_LONGEST_SHOWN = 80


class UsageError(Exception):
    """The flags or the environment are invalid; the message is one line."""


class _Parser(argparse.ArgumentParser):
    """An `argparse` parser that raises instead of printing its usage."""

    def error(self, message: str) -> NoReturn:
        line = message.removeprefix("argument ")
        raise UsageError(line.replace("expected one argument", "found nothing, expected a value"))


def parse(model: type[BaseModel], env_prefix: str, argv: Sequence[str]) -> dict[str, Any]:
    """Return the fields given as flags, as they were typed.

    Raises:
        UsageError: an unknown flag, or one without a value.
        SystemExit: after ``--help``.
    """
    parser = _Parser(
        prog="winner-stays",
        usage="%(prog)s [--FLAG VALUE ...]",
        description=model.__doc__,
        epilog=f"Every flag is also an environment variable: {env_prefix} and its name in capitals,"
        f" such as {env_prefix}{next(iter(model.model_fields)).upper()}. A flag takes precedence.",
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    for name, field in model.model_fields.items():
        help_text = f"{field.description} (default: {_default(field)})"
        flag = parser.add_argument(
            _flag(name), dest=name, metavar="VALUE", help=help_text.replace("%", "%%")
        )
        if field.annotation is bool:
            flag.nargs, flag.const = "?", "true"
    given, unknown = parser.parse_known_args(argv)
    if unknown:
        raise UsageError(f"{_shown(unknown[0])}: there is no such flag; --help lists all flags")
    return vars(given)


def explain(
    model: type[BaseModel], env_prefix: str, given: Mapping[str, str], error: ValidationError
) -> UsageError:
    """Turn the first validation error into one line that names the setting as it was typed."""
    first = error.errors(include_url=False)[0]

    def typed(name: str) -> str:
        return _flag(name) if name in given else f"{env_prefix}{name.upper()}"

    context = first.get("ctx", {})
    if first["type"] == "pair":
        other = context["other"]
        return UsageError(
            f"{typed(context['given'])}: found without {_flag(other)} "
            f"({env_prefix}{other.upper()}), expected both or neither"
        )
    name = str(first["loc"][0])
    expected = context["what"] if first["type"] == "expected" else _expected(model, name)
    return UsageError(f"{typed(name)}: found {_shown(first['input'])}, expected {expected}")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _shown(value: object) -> str:
    text = masked(repr(value))
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _default(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "shown" in extra:
        return str(extra["shown"])
    if isinstance(field.default, float):
        return f"{field.default:g}"
    return "none" if field.default is None else masked(str(field.default))


def _expected(model: type[BaseModel], name: str) -> str:
    field = model.model_fields[name]
    kind: Any = field.annotation
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(str, get_args(kind)))}"
    if kind is bool:
        return "true or false"
    if kind not in (int, float):
        return "some text"
    bounds = {
        bound: getattr(rule, bound)
        for rule in field.metadata
        for bound in ("ge", "gt", "le")
        if hasattr(rule, bound)
    }
    number = "a whole number" if kind is int else "a number"
    least = f"from {bounds['ge']:g}" if "ge" in bounds else f"above {bounds['gt']:g}"
    return f"{number} {least} to {bounds['le']:.0f}"
