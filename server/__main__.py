"""`python -m server`: settings in, exit code out.

Exit code 0 after SIGTERM or SIGINT, 2 when the server cannot start, with one line that says why.
"""

import asyncio
import importlib.util
import signal
import sys
from collections.abc import Callable, Sequence

from storage.contract import StoreError

from . import settings as configuration
from .app import run
from .telemetry import configure_logging


def main(argv: Sequence[str] | None = None) -> None:
    """Run the server until it is told to stop."""
    settings = configuration.load(sys.argv[1:] if argv is None else argv)
    configure_logging(settings.log_format, settings.log_level)
    problems: list[str] = []
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(settings))
    except* (OSError, StoreError) as group:
        problems += map(str, group.exceptions)
    if problems:
        print(f"winner-stays: {problems[0]}", file=sys.stderr)
        sys.exit(2)


async def _serve(settings: configuration.Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop.set)
    await run(settings, stop, ready=lambda url: print(url, flush=True))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's, where it is installed."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = importlib.import_module(
        "uvloop"
    ).new_event_loop
    return factory


if __name__ == "__main__":
    main()
