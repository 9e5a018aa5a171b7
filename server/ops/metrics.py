"""The metrics: every number that `/metrics` shows, by name.

It knows no rules and no sockets; its callers tell it what happened.
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

# Most values that one label takes; further values are counted as "other".
MOST_LABELS = 32
# A peer may close with any code: these have a meaning here, the others are counted as "other".
CLOSE_CODES = frozenset({*range(1000, 1016), *CloseCode})

# Otherwise every counter exports a `_created` timestamp.
_without_time_stamps: Callable[[], None] = disable_created_metrics


class Metrics:
    """Every number that ``/metrics`` shows; an attribute has the name of its metric.

    The methods are for frequent events, and for those whose labels have to be limited.
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

        self.connections = gauge("connections", "Sockets that are open.")
        self.absent = gauge("absent", "Places that are kept for people who are gone.")
        self.rooms = gauge("rooms", "Rooms that are in memory.")
        self.messages_received = counter("messages_received", "Messages received.", "route")
        self.responses = counter("responses", "Results of messages.", "status_code")
        self.frames_sent = counter("frames_sent", "Writes to sockets that broadcasts made.")
        self.broadcasts = counter("broadcasts", "Announcements to a room.")
        self.commits = counter("commits", "Batches that were stored.")
        self.commit_conflicts = counter("commit_conflicts", "Batches that were played anew.")
        self.commit_failures = counter("commit_failures", "Batches that could not be stored.")
        sizes = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
        self.commit_batch_size = histogram("commit_batch_size", "Commands in a batch.", sizes)
        times = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5)
        self.commit_duration = histogram("commit_duration_seconds", "Time to store it.", times)
        self.slow_clients = counter("slow_clients", "Times a socket was over its buffer limit.")
        self.closes = counter("closes", "Sockets that were closed, by code.", "code")
        self.games_finished = counter("games_finished", "Games that ended, by how.", "status")

    def message(self, route: str | None, status_code: int) -> None:
        """Count a message and its result; ``route`` is None unless it is a known one."""
        self._count(self.messages_received, route or "unknown")
        self._count(self.responses, str(status_code))

    def broadcast(self, frames: int) -> None:
        """Count an announcement to a room, and the sockets that it was written to."""
        self.broadcasts.inc()
        self.frames_sent.inc(frames)

    def game_finished(self, status: str) -> None:
        """Count the end of a game."""
        self._count(self.games_finished, status)

    def closed(self, code: int) -> None:
        """Count the end of a socket."""
        self._count(self.closes, str(code) if code in CLOSE_CODES else "other")

    def committed(self, commands: int, seconds: float) -> None:
        """Count a batch that was stored."""
        self.commits.inc()
        self.commit_batch_size.observe(commands)
        self.commit_duration.observe(seconds)

    def conflicted(self) -> None:
        """Count a batch that was refused because the stream had moved on."""
        self.commit_conflicts.inc()

    def failed(self) -> None:
        """Count a batch that could not be stored."""
        self.commit_failures.inc()

    def render(self) -> tuple[str, bytes]:
        """Return the content type and the text that Prometheus reads."""
        return CONTENT_TYPE_PLAIN_0_0_4, generate_latest(self._registry)

    def _count(self, counter: Counter, label: str) -> None:
        children = self._children.setdefault(counter, {})
        if label not in children and len(children) >= MOST_LABELS:
            label = "other"
        if label not in children:
            children[label] = counter.labels(label)
        children[label].inc()
