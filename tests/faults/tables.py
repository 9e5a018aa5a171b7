"""What a killed server left on disk, and what must be true of it at any moment.

The files are copied and the copy is opened, so that the server which comes next finds everything
as it was left, the write-ahead log included.
"""

import json
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Tables:
    """All rows: users by connection id, games by room, and how far each room's stream has come."""

    users: dict[str, Row]
    games: dict[str, Row]
    stream: list[Row]

    @classmethod
    def read(cls, database: Path) -> "Tables":
        """Read what is committed, and check that the file is sound."""
        with TemporaryDirectory() as folder:
            copy = Path(folder) / database.name
            shutil.copyfile(database, copy)
            wal = database.with_name(f"{database.name}-wal")
            if wal.exists():
                shutil.copyfile(wal, copy.with_name(wal.name))
            with closing(sqlite3.connect(copy)) as connection:
                connection.row_factory = sqlite3.Row
                assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
                users, games, stream = (
                    [_values(row) for row in connection.execute(f"SELECT * FROM {table}")]
                    for table in ("users", "games", "stream")
                )
        return cls(
            {user["connection_id"]: user for user in users},
            {game["room"]: game for game in games},
            sorted(stream, key=lambda record: record["sequence"]),
        )

    @staticmethod
    def exist(database: Path) -> bool:
        """Tell whether there are any tables yet."""
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            query = "SELECT count(*) FROM sqlite_schema WHERE name = 'stream'"
            return bool(connection.execute(query).fetchone()[0])

    def room(self, room: str) -> list[Row]:
        """Return the room's users in line order."""
        users = [user for user in self.users.values() if user["room"] == room]
        return sorted(users, key=lambda user: str(user["joined_at"]))

    def sequence(self, room: str) -> int:
        """Return how far the room's stream has come."""
        return max((r["sequence"] for r in self.stream if r["room"] == room), default=0)

    def check(self) -> None:
        """Assert what must hold whenever nothing is being written."""
        self._check_stream()
        for room in {user["room"] for user in self.users.values()}:
            self._check_room(room)
        assert set(self.games) <= {user["room"] for user in self.users.values()}

    def _check_stream(self) -> None:
        """The stream, replayed from nothing, is what is in the tables."""
        items: dict[tuple[str, str], Row] = {}
        for record in self.stream:
            old, new = (json.loads(record[k] or "null") for k in ("old_image", "new_image"))
            key = "connection_id" if record["item"] == "users" else "room"
            name = (record["item"], (old or new)[key])
            assert _told(items.pop(name, None)) == _told(old)
            if new is not None:
                items[name] = new
        assert {k: _told(v) for k, v in items.items()} == {
            (table, name): _told(row)
            for table, rows in (("users", self.users), ("games", self.games))
            for name, row in rows.items()
        }

    def _check_room(self, room: str) -> None:
        users = self.room(room)
        active = [user for user in users if user["status"] == "active"]
        waiting = [user for user in users if user["status"] == "inactive"]
        markers = Counter(user["marker"] for user in active)
        assert markers in (Counter(), Counter("X"), Counter("O"), Counter("XO"))
        if len(active) < 2:
            assert all(user["absent_until"] for user in waiting), "a free seat, and a line"
        joined = [user["joined_at"] for user in users]
        assert len(joined) == len(set(joined)), "two in one place"
        if len(active) == 2:
            self._check_game(room, {user["marker"]: user["connection_id"] for user in active})
        elif room in self.games:
            assert self.games[room]["status"] != "playing", "a game with an empty seat"

    def _check_game(self, room: str, seated: dict[str, str]) -> None:
        game = self.games[room]
        assert game["status"] == "playing"
        assert {"X": game["x_id"], "O": game["o_id"]} == seated
        moves = game["moves"].split(",") if game["moves"] else []
        second = "O" if game["first"] == "X" else "X"
        assert game["turn"] == (game["first"] if len(moves) % 2 == 0 else second)
        assert len(set(moves)) == len(moves)


def _values(row: sqlite3.Row) -> Row:
    # Without what SQLite makes of the others.
    return {name: row[name] for name in row.keys() if name != "image"}  # noqa: SIM118


def _told(row: Row | None) -> Row | None:
    # A stored float keeps fifteen digits in the stream, and all in the table.
    return row and {name: value for name, value in row.items() if name != "time_left"}
