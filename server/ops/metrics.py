"""The metrics that `/metrics` exports.

This module knows no rules and no sockets; its callers report what happened.
"""

from collections.abc import Callable, Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from server.wire.close_codes import CloseCode

# Limit on the values of one label; further values are counted as "other".
MOST_LABELS = 32
# A peer may close with any code. Codes other than these are counted as "other".
CLOSE_CODES = frozenset({*range(1000, 1016), *CloseCode})

# Otherwise every counter exports a `_created` timestamp.
_without_time_stamps: Callable[[], None] = disable_created_metrics


class Metrics:
    """The metrics; each attribute has the name of its metric.

    The methods are for frequent events, and for those whose labels must be limited.
    """

    def __init__(self) -> None:
        _without_time_stamps()
        registry = self._registry = CollectorRegistry()
        self._children: dict[Counter, dict[str, Counter]] = {}
        ProcessCollector(registry=registry)

        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(f"winner_stays_{name}", what, labels, registry=registry)

        def gauge(name: str, what: str) -> Gauge:
            return Gauge(f"winner_stays_{name}", what, registry=registry)

        def histogram(name: str, what: str, buckets: Iterable[float]) -> Histogram:
            name = f"winner_stays_{name}"
            return Histogram(name, what, buckets=tuple(buckets), registry=registry)

        self.connections = gauge("connections", "Open sockets.")
        self.absent = gauge("absent", "Places held for disconnected users.")
        self.rooms = gauge("rooms", "Rooms in memory.")
        self.messages_received = counter("messages_received", "Messages received.", "route")
        self.responses = counter("responses", "Results of messages.", "status_code")
        self.frames_sent = counter("frames_sent", "Writes to sockets by broadcasts.")
        self.broadcasts = counter("broadcasts", "Announcements to a room.")
        self.commits = counter("commits", "Batches stored.")
        self.commit_conflicts = counter("commit_conflicts", "Batches replayed after a conflict.")
        self.commit_failures = counter("commit_failures", "Batches that could not be stored.")
        sizes = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
        self.commit_batch_size = histogram("commit_batch_size", "Commands in a batch.", sizes)
        times = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5)
        self.commit_duration = histogram("commit_duration_seconds", "Time to commit.", times)
        self.slow_clients = counter("slow_clients", "Times a socket exceeded its buffer limit.")
        self.closes = counter("closes", "Closed sockets, by close code.", "code")
        self.games_finished = counter("games_finished", "Finished games, by status.", "status")

    def message(self, route: str | None, status_code: int) -> None:
        """Count a message and its result; ``route`` is None if it is unknown."""
        self._count(self.messages_received, route or "unknown")
        self._count(self.responses, str(status_code))

    def broadcast(self, frames: int) -> None:
        """Count an announcement to a room, and its writes to sockets."""
        self.broadcasts.inc()
        self.frames_sent.inc(frames)

    def game_finished(self, status: str) -> None:
        """Count the end of a game."""
        self._count(self.games_finished, status)

    def closed(self, code: int) -> None:
        """Count a closed socket."""
        self._count(self.closes, str(code) if code in CLOSE_CODES else "other")

    def committed(self, commands: int, seconds: float) -> None:
        """Count a batch that was stored."""
        self.commits.inc()
        self.commit_batch_size.observe(commands)
        self.commit_duration.observe(seconds)

    def conflicted(self) -> None:
        """Count a batch refused because the stream had moved on."""
        self.commit_conflicts.inc()

    def failed(self) -> None:
        """Count a batch that could not be stored."""
        self.commit_failures.inc()

    def render(self) -> tuple[str, bytes]:
        """Return the content type and the body for Prometheus."""
        return CONTENT_TYPE_PLAIN_0_0_4, generate_latest(self._registry)

    def _count(self, counter: Counter, label: str) -> None:
        children = self._children.setdefault(counter, {})
        if label not in children and len(children) >= MOST_LABELS:
            label = "other"
        if label not in children:
            children[label] = counter.labels(label)
        children[label].inc()
