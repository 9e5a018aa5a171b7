"""The tasks that the server depends on, and the steps of its start, which can be stopped."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")


class VitalTasks(asyncio.TaskGroup):
    """A task group that logs the cause as soon as one of its tasks fails."""

    def create_task(self, *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        """Start a task, as any task group does."""
        task = super().create_task(*args, **kwargs)
        task.add_done_callback(_report_failure)
        return task


def _report_failure(task: asyncio.Task[Any]) -> None:
    # Log at once. The traceback is logged when the process ends, which something may prevent.
    error = None if task.cancelled() else task.exception()
    if error is not None:
        extra = {"action": "task_failed", "reason": f"{type(error).__name__}: {error}"}
        logger.critical("a part of the server failed: %s", task.get_name(), extra=extra)


class Stopped(Exception):
    """The server was told to stop before it had started."""


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T:
    """Do a step of the start, which may take long; cancel it when ``stop`` is set.

    Raises:
        Stopped: it was cancelled.
    """
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            working.cancel()
            await asyncio.wait([working])
            raise Stopped
        return working.result()
    finally:
        working.cancel()
        stopping.cancel()
