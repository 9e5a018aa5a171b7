"""`python -m server`: read the settings, run the server, exit.

The exit code is 0 after SIGTERM or SIGINT. It is 2 if the server cannot start, with one line that
says why, and 1 if a part of it failed while it was serving, with the cause in the log.
"""

import asyncio
import importlib.util
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

# Before the imports that fail on Windows: the store's lock and the file limit need POSIX.
if sys.platform == "win32":
    print("winner-stays: found Windows, expected Linux or macOS; WSL will do", file=sys.stderr)
    sys.exit(2)

from server import settings as configuration
from server.app import run
from server.ops.logs import configure_logging
from server.ops.machine import open_standard_streams
from storage.contract import StoreError

logger = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the server until it is told to stop."""
    # Until the event loop handles it. Otherwise process 1 of a container would ignore it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    open_standard_streams()
    settings = configuration.load(sys.argv[1:] if argv is None else argv)
    configure_logging(settings.log_format, settings.log_level)
    serving = False

    def ready(url: str) -> None:
        nonlocal serving
        serving = True
        print(url, flush=True)

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(settings, ready))
    except (OSError, StoreError) as error:
        _refuse_to_start(error)
    except ExceptionGroup as group:
        cannot_start, bugs = group.split((OSError, StoreError))
        if cannot_start is not None and bugs is None and not serving:
            _refuse_to_start(cannot_start.exceptions[0])
        logger.critical("the server failed", exc_info=group, extra={"action": "failed"})
        sys.exit(1)


def _refuse_to_start(error: Exception) -> NoReturn:
    print(f"winner-stays: {error}", file=sys.stderr)
    sys.exit(2)


async def _serve(settings: configuration.Settings, ready: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop.set)
    await run(settings, stop, ready)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's loop factory if it is installed."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = importlib.import_module(
        "uvloop"
    ).new_event_loop
    return factory


if __name__ == "__main__":
    main()
