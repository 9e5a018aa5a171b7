-- Version 1: the users, the games, and the stream of their changes.
--
-- Operators edit these tables with the sqlite3 shell. So the triggers must be correct for any
-- statement, and the checks refuse values that a server could not read. Times are always written as
-- 2026-11-22T22:44:22.123456+00:00, so that the order of the text is the order of the times.

PRAGMA application_id = 0x57696E53;  -- "WinS"

CREATE TABLE users (
    connection_id TEXT NOT NULL PRIMARY KEY,
    room          TEXT NOT NULL,
    session_id    TEXT NOT NULL DEFAULT (lower(hex(randomblob(16)))),
    username      TEXT,
    status        TEXT NOT NULL DEFAULT 'inactive',
    marker        TEXT,
    joined_at     TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')),
    seated_at     TEXT,
    streak        INTEGER NOT NULL DEFAULT 0,
    resumable     INTEGER NOT NULL DEFAULT 1,
    absent_until  TEXT,  -- until then the place is kept
    seat_until    TEXT,  -- until then the seat is kept
    owner         TEXT NOT NULL DEFAULT '',
    generation    INTEGER NOT NULL DEFAULT 0,
    CHECK (status IN ('active', 'inactive', 'spectator')),
    CHECK (marker IN ('X', 'O')),
    CHECK ((status = 'active') = (marker IS NOT NULL)),
    CHECK (streak >= 0),
    CHECK (resumable IN (0, 1)),
    CHECK (generation >= 0),
    CHECK (
        joined_at IS strftime('%Y-%m-%dT%H:%M:%S', substr(joined_at, 1, 19), '+0 days')
            || substr(joined_at, 20, 13)
        AND substr(joined_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]+00:00'
        AND joined_at >= '0001'
    ),
    CHECK (
        seated_at IS strftime('%Y-%m-%dT%H:%M:%S', substr(seated_at, 1, 19), '+0 days')
            || substr(seated_at, 20, 13)
        AND substr(seated_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]+00:00'
        AND seated_at >= '0001'
    ),
    CHECK (
        absent_until IS strftime('%Y-%m-%dT%H:%M:%S', substr(absent_until, 1, 19), '+0 days')
            || substr(absent_until, 20, 13)
        AND substr(absent_until, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]+00:00'
        AND absent_until >= '0001'
    ),
    CHECK (
        seat_until IS strftime('%Y-%m-%dT%H:%M:%S', substr(seat_until, 1, 19), '+0 days')
            || substr(seat_until, 20, 13)
        AND substr(seat_until, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]+00:00'
        AND seat_until >= '0001'
    )
) STRICT, WITHOUT ROWID;

CREATE INDEX status_index ON users (room, status, joined_at);
CREATE UNIQUE INDEX one_of_each_marker ON users (room, marker) WHERE marker IS NOT NULL;

CREATE TABLE games (
    room           TEXT NOT NULL PRIMARY KEY,
    number         INTEGER NOT NULL DEFAULT 1,
    board          TEXT NOT NULL DEFAULT '.........',
    turn           TEXT DEFAULT 'X',
    status         TEXT NOT NULL DEFAULT 'playing',
    x_id           TEXT NOT NULL,
    o_id           TEXT NOT NULL,
    winner         TEXT,
    line           TEXT,
    moved_at       TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')),
    deadline       TEXT,
    time_left      REAL,
    reported_loser TEXT,
    reported_by    TEXT,
    reported_at    TEXT,
    CHECK (number >= 1),
    CHECK (length(board) = 9 AND board NOT GLOB '*[^XO.]*'),
    CHECK (turn IN ('X', 'O')),
    CHECK (status IN ('playing', 'won', 'draw', 'conceded', 'timeout', 'abandoned')),
    CHECK (winner IN ('X', 'O')),
    CHECK (line GLOB '[0-8],[0-8],[0-8]'),
    CHECK ((reported_at IS NULL) = (reported_loser IS NULL)),
    CHECK ((reported_at IS NULL) = (reported_by IS NULL)),
    CHECK (abs(time_left) < 1e9),  -- JSON has no infinity
    CHECK (
        moved_at IS strftime('%Y-%m-%dT%H:%M:%S', substr(moved_at, 1, 19), '+0 days')
            || substr(moved_at, 20, 13)
        AND substr(moved_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]+00:00'
        AND moved_at >= '0001'
    ),
    CHECK (
        deadline IS strftime('%Y-%m-%dT%H:%M:%S', substr(deadline, 1, 19), '+0 days')
            || substr(deadline, 20, 13)
        AND substr(deadline, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]+00:00'
        AND deadline >= '0001'
    ),
    CHECK (
        reported_at IS strftime('%Y-%m-%dT%H:%M:%S', substr(reported_at, 1, 19), '+0 days')
            || substr(reported_at, 20, 13)
        AND substr(reported_at, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9]+00:00'
        AND reported_at >= '0001'
    )
) STRICT, WITHOUT ROWID;

CREATE TABLE stream (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
    room       TEXT NOT NULL,
    event_name TEXT NOT NULL,
    item       TEXT NOT NULL,
    old_image  TEXT,
    new_image  TEXT,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')),
    CHECK (event_name IN ('INSERT', 'MODIFY', 'REMOVE')),
    CHECK (item IN ('users', 'games')),
    CHECK ((event_name = 'INSERT') = (old_image IS NULL)),
    CHECK ((event_name = 'REMOVE') = (new_image IS NULL)),
    CHECK (json_type(old_image) = 'object'),
    CHECK (json_type(new_image) = 'object')
) STRICT;

CREATE INDEX stream_of_room ON stream (room, sequence);

-- INSERT OR REPLACE and UPDATE OR REPLACE delete conflicting rows without firing a delete trigger.
-- A BEFORE trigger cannot know whether they will be deleted: it also fires for INSERT OR IGNORE and
-- ON CONFLICT DO UPDATE, which delete nothing. So the BEFORE trigger notes the conflicting rows, and
-- the AFTER trigger, which fires only if the row was written, reports them as removed. With PRAGMA
-- recursive_triggers the delete trigger does fire; it then removes its row from the notes.
CREATE TABLE displaced (
    item  TEXT NOT NULL,
    id    TEXT NOT NULL,
    room  TEXT NOT NULL,
    image TEXT NOT NULL
) STRICT;

CREATE TRIGGER users_inserting BEFORE INSERT ON users BEGIN
    DELETE FROM displaced;
    INSERT INTO displaced (item, id, room, image)
    SELECT 'users', connection_id, room, json_object(
        'connection_id', connection_id, 'room', room, 'session_id', session_id,
        'username', username, 'status', status, 'marker', marker, 'joined_at', joined_at,
        'seated_at', seated_at, 'streak', streak, 'resumable', resumable,
        'absent_until', absent_until, 'seat_until', seat_until, 'owner', owner,
        'generation', generation
    )
    FROM users
    WHERE connection_id = NEW.connection_id OR (room = NEW.room AND marker = NEW.marker);
END;

CREATE TRIGGER users_inserted AFTER INSERT ON users BEGIN
    INSERT INTO stream (room, event_name, item, old_image)
    SELECT room, 'REMOVE', item, image FROM displaced;
    DELETE FROM displaced;
    INSERT INTO stream (room, event_name, item, new_image)
    VALUES (NEW.room, 'INSERT', 'users', json_object(
        'connection_id', NEW.connection_id, 'room', NEW.room, 'session_id', NEW.session_id,
        'username', NEW.username, 'status', NEW.status, 'marker', NEW.marker,
        'joined_at', NEW.joined_at, 'seated_at', NEW.seated_at, 'streak', NEW.streak,
        'resumable', NEW.resumable, 'absent_until', NEW.absent_until,
        'seat_until', NEW.seat_until, 'owner', NEW.owner, 'generation', NEW.generation
    ));
END;

CREATE TRIGGER users_updating BEFORE UPDATE ON users
WHEN NEW.connection_id <> OLD.connection_id OR NEW.room <> OLD.room OR NEW.marker IS NOT OLD.marker
BEGIN
    DELETE FROM displaced;
    INSERT INTO displaced (item, id, room, image)
    SELECT 'users', connection_id, room, json_object(
        'connection_id', connection_id, 'room', room, 'session_id', session_id,
        'username', username, 'status', status, 'marker', marker, 'joined_at', joined_at,
        'seated_at', seated_at, 'streak', streak, 'resumable', resumable,
        'absent_until', absent_until, 'seat_until', seat_until, 'owner', owner,
        'generation', generation
    )
    FROM users
    WHERE connection_id <> OLD.connection_id
        AND (connection_id = NEW.connection_id OR (room = NEW.room AND marker = NEW.marker));
END;

CREATE TRIGGER users_updated AFTER UPDATE ON users
WHEN NOT (NEW.connection_id <> OLD.connection_id OR NEW.room <> OLD.room)
BEGIN
    INSERT INTO stream (room, event_name, item, old_image)
    SELECT room, 'REMOVE', item, image FROM displaced WHERE NEW.marker IS NOT OLD.marker;
    DELETE FROM displaced;
    INSERT INTO stream (room, event_name, item, old_image, new_image)
    VALUES (NEW.room, 'MODIFY', 'users', json_object(
        'connection_id', OLD.connection_id, 'room', OLD.room, 'session_id', OLD.session_id,
        'username', OLD.username, 'status', OLD.status, 'marker', OLD.marker,
        'joined_at', OLD.joined_at, 'seated_at', OLD.seated_at, 'streak', OLD.streak,
        'resumable', OLD.resumable, 'absent_until', OLD.absent_until,
        'seat_until', OLD.seat_until, 'owner', OLD.owner, 'generation', OLD.generation
    ), json_object(
        'connection_id', NEW.connection_id, 'room', NEW.room, 'session_id', NEW.session_id,
        'username', NEW.username, 'status', NEW.status, 'marker', NEW.marker,
        'joined_at', NEW.joined_at, 'seated_at', NEW.seated_at, 'streak', NEW.streak,
        'resumable', NEW.resumable, 'absent_until', NEW.absent_until,
        'seat_until', NEW.seat_until, 'owner', NEW.owner, 'generation', NEW.generation
    ));
END;

CREATE TRIGGER users_moved AFTER UPDATE ON users
WHEN NEW.connection_id <> OLD.connection_id OR NEW.room <> OLD.room
BEGIN
    INSERT INTO stream (room, event_name, item, old_image)
    SELECT room, 'REMOVE', item, image FROM displaced;
    DELETE FROM displaced;
    INSERT INTO stream (room, event_name, item, old_image)
    VALUES (OLD.room, 'REMOVE', 'users', json_object(
        'connection_id', OLD.connection_id, 'room', OLD.room, 'session_id', OLD.session_id,
        'username', OLD.username, 'status', OLD.status, 'marker', OLD.marker,
        'joined_at', OLD.joined_at, 'seated_at', OLD.seated_at, 'streak', OLD.streak,
        'resumable', OLD.resumable, 'absent_until', OLD.absent_until,
        'seat_until', OLD.seat_until, 'owner', OLD.owner, 'generation', OLD.generation
    ));
    INSERT INTO stream (room, event_name, item, new_image)
    VALUES (NEW.room, 'INSERT', 'users', json_object(
        'connection_id', NEW.connection_id, 'room', NEW.room, 'session_id', NEW.session_id,
        'username', NEW.username, 'status', NEW.status, 'marker', NEW.marker,
        'joined_at', NEW.joined_at, 'seated_at', NEW.seated_at, 'streak', NEW.streak,
        'resumable', NEW.resumable, 'absent_until', NEW.absent_until,
        'seat_until', NEW.seat_until, 'owner', NEW.owner, 'generation', NEW.generation
    ));
END;

CREATE TRIGGER users_deleted AFTER DELETE ON users BEGIN
    DELETE FROM displaced WHERE item = 'users' AND id = OLD.connection_id;
    INSERT INTO stream (room, event_name, item, old_image)
    VALUES (OLD.room, 'REMOVE', 'users', json_object(
        'connection_id', OLD.connection_id, 'room', OLD.room, 'session_id', OLD.session_id,
        'username', OLD.username, 'status', OLD.status, 'marker', OLD.marker,
        'joined_at', OLD.joined_at, 'seated_at', OLD.seated_at, 'streak', OLD.streak,
        'resumable', OLD.resumable, 'absent_until', OLD.absent_until,
        'seat_until', OLD.seat_until, 'owner', OLD.owner, 'generation', OLD.generation
    ));
END;

CREATE TRIGGER games_inserting BEFORE INSERT ON games BEGIN
    DELETE FROM displaced;
    INSERT INTO displaced (item, id, room, image)
    SELECT 'games', room, room, json_object(
        'room', room, 'number', number, 'board', board, 'turn', turn, 'status', status,
        'x_id', x_id, 'o_id', o_id, 'winner', winner, 'line', line, 'moved_at', moved_at,
        'deadline', deadline, 'time_left', time_left, 'reported_loser', reported_loser,
        'reported_by', reported_by, 'reported_at', reported_at
    )
    FROM games
    WHERE room = NEW.room;
END;

CREATE TRIGGER games_inserted AFTER INSERT ON games BEGIN
    INSERT INTO stream (room, event_name, item, old_image)
    SELECT room, 'REMOVE', item, image FROM displaced;
    DELETE FROM displaced;
    INSERT INTO stream (room, event_name, item, new_image)
    VALUES (NEW.room, 'INSERT', 'games', json_object(
        'room', NEW.room, 'number', NEW.number, 'board', NEW.board, 'turn', NEW.turn,
        'status', NEW.status, 'x_id', NEW.x_id, 'o_id', NEW.o_id, 'winner', NEW.winner,
        'line', NEW.line, 'moved_at', NEW.moved_at, 'deadline', NEW.deadline,
        'time_left', NEW.time_left, 'reported_loser', NEW.reported_loser,
        'reported_by', NEW.reported_by, 'reported_at', NEW.reported_at
    ));
END;

CREATE TRIGGER games_updating BEFORE UPDATE ON games
WHEN NEW.room <> OLD.room
BEGIN
    DELETE FROM displaced;
    INSERT INTO displaced (item, id, room, image)
    SELECT 'games', room, room, json_object(
        'room', room, 'number', number, 'board', board, 'turn', turn, 'status', status,
        'x_id', x_id, 'o_id', o_id, 'winner', winner, 'line', line, 'moved_at', moved_at,
        'deadline', deadline, 'time_left', time_left, 'reported_loser', reported_loser,
        'reported_by', reported_by, 'reported_at', reported_at
    )
    FROM games
    WHERE room <> OLD.room AND room = NEW.room;
END;

CREATE TRIGGER games_updated AFTER UPDATE ON games
WHEN NOT (NEW.room <> OLD.room)
BEGIN
    INSERT INTO stream (room, event_name, item, old_image, new_image)
    VALUES (NEW.room, 'MODIFY', 'games', json_object(
        'room', OLD.room, 'number', OLD.number, 'board', OLD.board, 'turn', OLD.turn,
        'status', OLD.status, 'x_id', OLD.x_id, 'o_id', OLD.o_id, 'winner', OLD.winner,
        'line', OLD.line, 'moved_at', OLD.moved_at, 'deadline', OLD.deadline,
        'time_left', OLD.time_left, 'reported_loser', OLD.reported_loser,
        'reported_by', OLD.reported_by, 'reported_at', OLD.reported_at
    ), json_object(
        'room', NEW.room, 'number', NEW.number, 'board', NEW.board, 'turn', NEW.turn,
        'status', NEW.status, 'x_id', NEW.x_id, 'o_id', NEW.o_id, 'winner', NEW.winner,
        'line', NEW.line, 'moved_at', NEW.moved_at, 'deadline', NEW.deadline,
        'time_left', NEW.time_left, 'reported_loser', NEW.reported_loser,
        'reported_by', NEW.reported_by, 'reported_at', NEW.reported_at
    ));
END;

CREATE TRIGGER games_moved AFTER UPDATE ON games
WHEN NEW.room <> OLD.room
BEGIN
    INSERT INTO stream (room, event_name, item, old_image)
    SELECT room, 'REMOVE', item, image FROM displaced;
    DELETE FROM displaced;
    INSERT INTO stream (room, event_name, item, old_image)
    VALUES (OLD.room, 'REMOVE', 'games', json_object(
        'room', OLD.room, 'number', OLD.number, 'board', OLD.board, 'turn', OLD.turn,
        'status', OLD.status, 'x_id', OLD.x_id, 'o_id', OLD.o_id, 'winner', OLD.winner,
        'line', OLD.line, 'moved_at', OLD.moved_at, 'deadline', OLD.deadline,
        'time_left', OLD.time_left, 'reported_loser', OLD.reported_loser,
        'reported_by', OLD.reported_by, 'reported_at', OLD.reported_at
    ));
    INSERT INTO stream (room, event_name, item, new_image)
    VALUES (NEW.room, 'INSERT', 'games', json_object(
        'room', NEW.room, 'number', NEW.number, 'board', NEW.board, 'turn', NEW.turn,
        'status', NEW.status, 'x_id', NEW.x_id, 'o_id', NEW.o_id, 'winner', NEW.winner,
        'line', NEW.line, 'moved_at', NEW.moved_at, 'deadline', NEW.deadline,
        'time_left', NEW.time_left, 'reported_loser', NEW.reported_loser,
        'reported_by', NEW.reported_by, 'reported_at', NEW.reported_at
    ));
END;

CREATE TRIGGER games_deleted AFTER DELETE ON games BEGIN
    DELETE FROM displaced WHERE item = 'games' AND id = OLD.room;
    INSERT INTO stream (room, event_name, item, old_image)
    VALUES (OLD.room, 'REMOVE', 'games', json_object(
        'room', OLD.room, 'number', OLD.number, 'board', OLD.board, 'turn', OLD.turn,
        'status', OLD.status, 'x_id', OLD.x_id, 'o_id', OLD.o_id, 'winner', OLD.winner,
        'line', OLD.line, 'moved_at', OLD.moved_at, 'deadline', OLD.deadline,
        'time_left', OLD.time_left, 'reported_loser', OLD.reported_loser,
        'reported_by', OLD.reported_by, 'reported_at', OLD.reported_at
    ));
END;
