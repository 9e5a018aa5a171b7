"""The configuration of logging.

Lines go to stderr through a thread, so that they cannot block the event loop (`log_writer`), as
JSON or in columns (`log_lines`), with a rate limit (`log_limit`).
"""

import asyncio
import errno
import logging
import sys
from typing import Any

from server.ops.log_limit import LogLimit
from server.ops.log_lines import ConsoleFormatter, JsonFormatter
from server.ops.log_writer import LogWriter

logger = logging.getLogger(__name__)

# After these errors asyncio stops accepting connections for a second.
OUT_OF_FILES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
# Time between two warnings about them (seconds).
OUT_OF_FILES_SECONDS = 60.0


def configure_logging(format: str, level: str) -> None:
    """Send all logs from ``level`` upwards to stderr, in the format ``json`` or ``console``."""
    least = logging.getLevelNamesMapping()[level.upper()]
    on_console = ConsoleFormatter(colour=sys.stderr.isatty())
    handler = LogWriter(sys.stderr)
    handler.setFormatter(JsonFormatter() if format == "json" else on_console)
    # On the handler, because a logger's filter does not see the records of its children.
    handler.addFilter(lambda record: _is_news(record, least))
    if least > logging.DEBUG:
        handler.addFilter(LogLimit())
    logging.basicConfig(level=least, handlers=[handler], force=True)
    logging.captureWarnings(True)
    # At DEBUG these loggers write headers, frames and rows, which contain session ids.
    for name in ("websockets", "aiosqlite"):
        logging.getLogger(name).setLevel(max(least, logging.INFO))


def report_once_out_of_files(loop: asyncio.AbstractEventLoop) -> None:
    """Warn at most once a minute that no connection can be accepted.

    By default asyncio, which retries every second, logs a traceback for each waiting connection.
    """
    silent_until = float("-inf")

    def report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal silent_until
        error = context.get("exception")
        if not isinstance(error, OSError) or error.errno not in OUT_OF_FILES:
            loop.default_exception_handler(context)
        elif loop.time() >= silent_until:
            silent_until = loop.time() + OUT_OF_FILES_SECONDS
            text = "no connection can be accepted: %s"
            logger.warning(text, error.strerror, extra={"action": "out_of_files"})

    loop.set_exception_handler(report)


def _is_news(record: logging.LogRecord, least: int) -> bool:
    """Lower INFO records of `websockets` to DEBUG; return whether to write the record."""
    if record.name.startswith("websockets.") and record.levelno == logging.INFO:
        record.levelno, record.levelname = logging.DEBUG, "DEBUG"
    return record.levelno >= least
