"""Log formatters: JSON objects for machines, lines in columns for people.

Only the details listed here are written, so that no line contains a secret by mistake.
"""

import json
import logging
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime

# The fields of a record's ``extra`` that are written, in this order; ``action`` is the event.
DETAILS = (
    "room",
    "connectionId",
    "route",
    "duration_ms",
    "statusCode",
    "code",
    "url",
    "seconds",
    "reason",
    "leftOut",
)

_COLOURS = {"DEBUG": "2", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}
# Text from clients must not move the cursor of the operator's terminal.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
_NOT_OF_LINES = {code: text for code, text in _CONTROLS.items() if chr(code) not in "\n\t"}


class JsonFormatter(logging.Formatter):
    """Formats a record as a JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
            "level": record.levelname.lower(),
            "event": getattr(record, "action", None) or record.getMessage(),
            "message": record.getMessage(),
            "logger": record.name,
            **_details(record),
        }
        if exception := _exception(record):
            line["exception"] = exception
        return json.dumps(line, default=str)


class ConsoleFormatter(logging.Formatter):
    """Formats a record as time, level, message and details in columns, then any traceback."""

    def __init__(self, *, colour: bool) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line, and the lines of its traceback."""
        time = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        level = f"{record.levelname:<7}"
        if self._colour:
            level = f"\x1b[{_COLOURS.get(record.levelname, '0')}m{level}\x1b[0m"
        details = " ".join(f"{name}={value}" for name, value in _details(record).items())
        text = f"{record.getMessage():<24} {details}".rstrip().translate(_CONTROLS)
        return "\n".join(filter(None, (f"{time} {level} {text}", _exception(record))))


def _details(record: logging.LogRecord) -> Mapping[str, object]:
    found = {name: getattr(record, name, None) for name in DETAILS}
    return {name: value for name, value in found.items() if value is not None}


def _exception(record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[0] is None:
        return ""
    return "".join(traceback.format_exception(*record.exc_info)).rstrip().translate(_NOT_OF_LINES)
