-- Version 2: the column `image` holds a row as JSON, ids and numbers have bounds, and a game records
-- how long it has stood still for each player's absences.
--
-- SQLite cannot add a check to a table. Both tables are therefore rebuilt as its documentation of
-- ALTER TABLE advises: create the new table, copy the rows, drop the old table, rename the new one,
-- create its indices and triggers. The stream is not touched, so its sequences continue.
--
-- Rows that violate the new checks are mended if possible and removed otherwise. This happens while
-- the old triggers still exist, so the stream records it. The table `noted` keeps it for the log.

INSERT INTO noted (item, room, id, what)
SELECT 'users', room, connection_id, 'mended' FROM users
WHERE (connection_id GLOB '*[^!-~]*' OR length(connection_id) NOT BETWEEN 1 AND 128
        OR length(CAST(connection_id AS BLOB)) <> length(connection_id))
    OR (session_id GLOB '*[^!-~]*' OR length(session_id) NOT BETWEEN 1 AND 128
        OR length(CAST(session_id AS BLOB)) <> length(session_id))
    OR length(CAST(username AS BLOB)) > 800
    OR length(CAST(owner AS BLOB)) > 800
    OR streak > 1000000000000000
    OR generation > 1000000000000000;

UPDATE OR IGNORE users SET
    connection_id = substr('x' || hex(CAST(connection_id AS BLOB)), 1, 128)
WHERE (connection_id GLOB '*[^!-~]*' OR length(connection_id) NOT BETWEEN 1 AND 128
        OR length(CAST(connection_id AS BLOB)) <> length(connection_id));

UPDATE OR IGNORE users SET session_id = lower(hex(randomblob(16)))
WHERE (session_id GLOB '*[^!-~]*' OR length(session_id) NOT BETWEEN 1 AND 128
        OR length(CAST(session_id AS BLOB)) <> length(session_id));

UPDATE OR IGNORE users SET
    username = substr(username, 1, 200),
    owner = substr(owner, 1, 200),
    streak = min(streak, 1000000000000000),
    generation = min(generation, 1000000000000000)
WHERE length(CAST(username AS BLOB)) > 800
    OR length(CAST(owner AS BLOB)) > 800
    OR streak > 1000000000000000
    OR generation > 1000000000000000;

INSERT INTO noted (item, room, id, what)
SELECT 'games', room, room, 'mended' FROM games
WHERE (x_id GLOB '*[^!-~]*' OR length(x_id) NOT BETWEEN 1 AND 128
        OR length(CAST(x_id AS BLOB)) <> length(x_id))
    OR (o_id GLOB '*[^!-~]*' OR length(o_id) NOT BETWEEN 1 AND 128
        OR length(CAST(o_id AS BLOB)) <> length(o_id))
    OR (reported_loser GLOB '*[^!-~]*' OR length(reported_loser) NOT BETWEEN 1 AND 128
        OR length(CAST(reported_loser AS BLOB)) <> length(reported_loser))
    OR (reported_by GLOB '*[^!-~]*' OR length(reported_by) NOT BETWEEN 1 AND 128
        OR length(CAST(reported_by AS BLOB)) <> length(reported_by))
    OR number > 1000000000000000;

UPDATE OR IGNORE games SET x_id = substr('x' || hex(CAST(x_id AS BLOB)), 1, 128)
WHERE (x_id GLOB '*[^!-~]*' OR length(x_id) NOT BETWEEN 1 AND 128
        OR length(CAST(x_id AS BLOB)) <> length(x_id));

UPDATE OR IGNORE games SET o_id = substr('x' || hex(CAST(o_id AS BLOB)), 1, 128)
WHERE (o_id GLOB '*[^!-~]*' OR length(o_id) NOT BETWEEN 1 AND 128
        OR length(CAST(o_id AS BLOB)) <> length(o_id));

UPDATE OR IGNORE games SET reported_loser = NULL, reported_by = NULL, reported_at = NULL
WHERE (reported_loser GLOB '*[^!-~]*' OR length(reported_loser) NOT BETWEEN 1 AND 128
        OR length(CAST(reported_loser AS BLOB)) <> length(reported_loser))
    OR (reported_by GLOB '*[^!-~]*' OR length(reported_by) NOT BETWEEN 1 AND 128
        OR length(CAST(reported_by AS BLOB)) <> length(reported_by));

UPDATE OR IGNORE games SET number = 1000000000000000 WHERE number > 1000000000000000;

CREATE TABLE new_users (
    connection_id  TEXT NOT NULL PRIMARY KEY,
    room           TEXT NOT NULL,
    session_id     TEXT NOT NULL DEFAULT (lower(hex(randomblob(16)))),
    username       TEXT,
    status         TEXT NOT NULL DEFAULT 'inactive',
    marker         TEXT,
    joined_at      TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')),
    seated_at      TEXT,
    streak         INTEGER NOT NULL DEFAULT 0,
    resumable      INTEGER NOT NULL DEFAULT 1,
    absent_until   TEXT,  -- until then the place is kept
    seat_until     TEXT,  -- until then the seat is kept
    owner          TEXT NOT NULL DEFAULT '',
    generation     INTEGER NOT NULL DEFAULT 0,
    image          TEXT AS (json_object(
        'connection_id', connection_id, 'room', room, 'session_id', session_id,
        'username', username, 'status', status, 'marker', marker, 'joined_at', joined_at,
        'seated_at', seated_at, 'streak', streak, 'resumable', resumable,
        'absent_until', absent_until, 'seat_until', seat_until, 'owner', owner,
        'generation', generation
    )) VIRTUAL,
    CHECK (status IN ('active', 'inactive', 'spectator')),
    CHECK (marker IN ('X', 'O')),
    CHECK ((status = 'active') = (marker IS NOT NULL)),
    CHECK (streak BETWEEN 0 AND 1000000000000000),
    CHECK (resumable IN (0, 1)),
    CHECK (generation BETWEEN 0 AND 1000000000000000),
    CHECK (length(CAST(username AS BLOB)) <= 800),
    CHECK (length(CAST(owner AS BLOB)) <= 800),
    -- Ids are printable ASCII. A key that is not UTF-8 is read as another one, and never found.
    CHECK (
        connection_id NOT GLOB '*[^!-~]*' AND length(connection_id) BETWEEN 1 AND 128
        AND length(CAST(connection_id AS BLOB)) = length(connection_id)
    ),
    CHECK (
        room NOT GLOB '*[^!-~]*' AND length(room) BETWEEN 1 AND 128
        AND length(CAST(room AS BLOB)) = length(room)
    ),
    CHECK (
        session_id NOT GLOB '*[^!-~]*' AND length(session_id) BETWEEN 1 AND 128
        AND length(CAST(session_id AS BLOB)) = length(session_id)
    ),
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

INSERT OR IGNORE INTO new_users (
    connection_id, room, session_id, username, status, marker, joined_at, seated_at, streak,
    resumable, absent_until, seat_until, owner, generation
)
SELECT
    connection_id, room, session_id, username, status, marker, joined_at, seated_at, streak,
    resumable, absent_until, seat_until, owner, generation
FROM users;

INSERT INTO noted (item, room, id, what)
SELECT 'users', room, connection_id, 'removed' FROM users
WHERE connection_id NOT IN (SELECT connection_id FROM new_users);

DELETE FROM users WHERE connection_id NOT IN (SELECT connection_id FROM new_users);

DROP TABLE users;
ALTER TABLE new_users RENAME TO users;

CREATE INDEX status_index ON users (room, status, joined_at);
CREATE UNIQUE INDEX one_of_each_marker ON users (room, marker) WHERE marker IS NOT NULL;

CREATE TABLE new_games (
    room           TEXT NOT NULL PRIMARY KEY,
    number         INTEGER NOT NULL DEFAULT 1,
    kind           TEXT NOT NULL DEFAULT 'tictactoe',
    moves          TEXT NOT NULL DEFAULT '',  -- cells in the order in which they were played: 4,0,8
    first          TEXT NOT NULL DEFAULT 'X',
    turn           TEXT DEFAULT 'X',  -- to be read only: it follows from the moves
    status         TEXT NOT NULL DEFAULT 'playing',
    x_id           TEXT NOT NULL,
    o_id           TEXT NOT NULL,
    winner         TEXT,
    moved_at       TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')),
    deadline       TEXT,
    time_left      REAL,
    x_waited       REAL NOT NULL DEFAULT 0,  -- seconds that the game has stood still for X
    o_waited       REAL NOT NULL DEFAULT 0,
    reported_loser TEXT,
    reported_by    TEXT,
    reported_at    TEXT,
    image          TEXT AS (json_object(
        'room', room, 'number', number, 'kind', kind, 'moves', moves,
        'first', first, 'turn', turn, 'status', status,
        'x_id', x_id, 'o_id', o_id, 'winner', winner, 'moved_at', moved_at,
        'deadline', deadline, 'time_left', time_left, 'x_waited', x_waited,
        'o_waited', o_waited, 'reported_loser', reported_loser, 'reported_by', reported_by,
        'reported_at', reported_at
    )) VIRTUAL,
    CHECK (number BETWEEN 1 AND 1000000000000000),
    CHECK (kind NOT GLOB '*[^a-z0-9-]*' AND length(kind) BETWEEN 1 AND 32),
    CHECK (moves NOT GLOB '*[^0-9,]*' AND length(moves) <= 1000),
    CHECK (first IN ('X', 'O')),
    CHECK (turn IN ('X', 'O')),
    CHECK (status IN ('playing', 'won', 'draw', 'conceded', 'timeout', 'abandoned')),
    CHECK (winner IN ('X', 'O')),
    CHECK ((reported_at IS NULL) = (reported_loser IS NULL)),
    CHECK ((reported_at IS NULL) = (reported_by IS NULL)),
    CHECK (abs(time_left) < 1e9),  -- JSON has no infinity
    CHECK (x_waited >= 0 AND x_waited < 1e9),
    CHECK (o_waited >= 0 AND o_waited < 1e9),
    CHECK (
        room NOT GLOB '*[^!-~]*' AND length(room) BETWEEN 1 AND 128
        AND length(CAST(room AS BLOB)) = length(room)
    ),
    CHECK (
        x_id NOT GLOB '*[^!-~]*' AND length(x_id) BETWEEN 1 AND 128
        AND length(CAST(x_id AS BLOB)) = length(x_id)
    ),
    CHECK (
        o_id NOT GLOB '*[^!-~]*' AND length(o_id) BETWEEN 1 AND 128
        AND length(CAST(o_id AS BLOB)) = length(o_id)
    ),
    CHECK (
        reported_loser NOT GLOB '*[^!-~]*' AND length(reported_loser) BETWEEN 1 AND 128
        AND length(CAST(reported_loser AS BLOB)) = length(reported_loser)
    ),
    CHECK (
        reported_by NOT GLOB '*[^!-~]*' AND length(reported_by) BETWEEN 1 AND 128
        AND length(CAST(reported_by AS BLOB)) = length(reported_by)
    ),
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

-- Version 1 stored a game as its board, version 2 stores its moves. The true order of the moves is
-- unknown and makes no difference: the marks alternate, starting with X. A board set by hand may
-- have no such order; its game restarts without moves.
CREATE TEMP TABLE played AS
SELECT
    games.room,
    replace(board, '.', '') AS marks,
    turn,
    (
        SELECT group_concat(place, ',') FROM (
            SELECT place FROM (
                SELECT
                    value AS place,
                    substr(board, value + 1, 1) AS mark,
                    row_number() OVER (
                        PARTITION BY substr(board, value + 1, 1) ORDER BY value
                    ) AS nth
                FROM json_each('[0, 1, 2, 3, 4, 5, 6, 7, 8]')
            )
            WHERE mark <> '.'
            ORDER BY nth, mark DESC
        )
    ) AS moves
FROM games;

UPDATE played SET moves = ''
WHERE moves IS NULL
    OR length(replace(marks, 'O', '')) - length(replace(marks, 'X', '')) NOT IN (0, 1)
    OR turn IS NOT NULL
        AND turn <> CASE length(marks) % 2 WHEN 0 THEN 'X' ELSE 'O' END;

INSERT INTO noted (item, room, id, what)
SELECT 'games', room, room, 'mended' FROM played WHERE moves = '' AND marks <> '';

INSERT OR IGNORE INTO new_games (
    room, number, moves, turn, status, x_id, o_id, winner, moved_at, deadline, time_left,
    reported_loser, reported_by, reported_at
)
SELECT
    room, number, played.moves, CASE status WHEN 'playing' THEN
        CASE WHEN played.moves = '' OR length(marks) % 2 = 0 THEN 'X' ELSE 'O' END
    END, status, x_id, o_id, winner, moved_at, deadline, time_left,
    reported_loser, reported_by, reported_at
FROM games JOIN played USING (room);

DROP TABLE played;

INSERT INTO noted (item, room, id, what)
SELECT 'games', room, room, 'removed' FROM games WHERE room NOT IN (SELECT room FROM new_games);

DELETE FROM games WHERE room NOT IN (SELECT room FROM new_games);

DROP TABLE games;
ALTER TABLE new_games RENAME TO games;

-- Version 1 explains the table `displaced`, which notes the rows that conflict with a write.

CREATE TRIGGER users_inserting BEFORE INSERT ON users BEGIN
    DELETE FROM displaced;
    INSERT INTO displaced (item, id, room, image)
    SELECT 'users', connection_id, room, image FROM users
    WHERE connection_id = NEW.connection_id OR (room = NEW.room AND marker = NEW.marker);
END;

CREATE TRIGGER users_inserted AFTER INSERT ON users BEGIN
    INSERT INTO stream (room, event_name, item, old_image)
    SELECT room, 'REMOVE', item, image FROM displaced;
    DELETE FROM displaced;
    INSERT INTO stream (room, event_name, item, new_image)
    VALUES (NEW.room, 'INSERT', 'users', NEW.image);
END;

CREATE TRIGGER users_updating BEFORE UPDATE ON users
WHEN NEW.connection_id <> OLD.connection_id OR NEW.room <> OLD.room OR NEW.marker IS NOT OLD.marker
BEGIN
    DELETE FROM displaced;
    INSERT INTO displaced (item, id, room, image)
    SELECT 'users', connection_id, room, image FROM users
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
    VALUES (NEW.room, 'MODIFY', 'users', OLD.image, NEW.image);
END;

CREATE TRIGGER users_moved AFTER UPDATE ON users
WHEN NEW.connection_id <> OLD.connection_id OR NEW.room <> OLD.room
BEGIN
    INSERT INTO stream (room, event_name, item, old_image)
    SELECT room, 'REMOVE', item, image FROM displaced;
    DELETE FROM displaced;
    INSERT INTO stream (room, event_name, item, old_image)
    VALUES (OLD.room, 'REMOVE', 'users', OLD.image);
    INSERT INTO stream (room, event_name, item, new_image)
    VALUES (NEW.room, 'INSERT', 'users', NEW.image);
END;

CREATE TRIGGER users_deleted AFTER DELETE ON users BEGIN
    DELETE FROM displaced WHERE item = 'users' AND id = OLD.connection_id;
    INSERT INTO stream (room, event_name, item, old_image)
    VALUES (OLD.room, 'REMOVE', 'users', OLD.image);
END;

CREATE TRIGGER games_inserting BEFORE INSERT ON games BEGIN
    DELETE FROM displaced;
    INSERT INTO displaced (item, id, room, image)
    SELECT 'games', room, room, image FROM games
    WHERE room = NEW.room;
END;

CREATE TRIGGER games_inserted AFTER INSERT ON games BEGIN
    INSERT INTO stream (room, event_name, item, old_image)
    SELECT room, 'REMOVE', item, image FROM displaced;
    DELETE FROM displaced;
    INSERT INTO stream (room, event_name, item, new_image)
    VALUES (NEW.room, 'INSERT', 'games', NEW.image);
END;

CREATE TRIGGER games_updating BEFORE UPDATE ON games
WHEN NEW.room <> OLD.room
BEGIN
    DELETE FROM displaced;
    INSERT INTO displaced (item, id, room, image)
    SELECT 'games', room, room, image FROM games
    WHERE room <> OLD.room AND room = NEW.room;
END;

CREATE TRIGGER games_updated AFTER UPDATE ON games
WHEN NOT (NEW.room <> OLD.room)
BEGIN
    INSERT INTO stream (room, event_name, item, old_image, new_image)
    VALUES (NEW.room, 'MODIFY', 'games', OLD.image, NEW.image);
END;

CREATE TRIGGER games_moved AFTER UPDATE ON games
WHEN NEW.room <> OLD.room
BEGIN
    INSERT INTO stream (room, event_name, item, old_image)
    SELECT room, 'REMOVE', item, image FROM displaced;
    DELETE FROM displaced;
    INSERT INTO stream (room, event_name, item, old_image)
    VALUES (OLD.room, 'REMOVE', 'games', OLD.image);
    INSERT INTO stream (room, event_name, item, new_image)
    VALUES (NEW.room, 'INSERT', 'games', NEW.image);
END;

CREATE TRIGGER games_deleted AFTER DELETE ON games BEGIN
    DELETE FROM displaced WHERE item = 'games' AND id = OLD.room;
    INSERT INTO stream (room, event_name, item, old_image)
    VALUES (OLD.room, 'REMOVE', 'games', OLD.image);
END;
