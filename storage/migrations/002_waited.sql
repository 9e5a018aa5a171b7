-- Version 2: how long a game has stood still for the absences of each player.

ALTER TABLE games ADD COLUMN x_waited REAL NOT NULL DEFAULT 0;
ALTER TABLE games ADD COLUMN o_waited REAL NOT NULL DEFAULT 0;

DROP TRIGGER games_inserting;
DROP TRIGGER games_inserted;
DROP TRIGGER games_updating;
DROP TRIGGER games_updated;
DROP TRIGGER games_moved;
DROP TRIGGER games_deleted;

CREATE TRIGGER games_inserting BEFORE INSERT ON games BEGIN
    DELETE FROM displaced;
    INSERT INTO displaced (item, id, room, image)
    SELECT 'games', room, room, json_object(
        'room', room, 'number', number, 'board', board, 'turn', turn, 'status', status,
        'x_id', x_id, 'o_id', o_id, 'winner', winner, 'line', line, 'moved_at', moved_at,
        'deadline', deadline, 'time_left', time_left,
        'x_waited', x_waited, 'o_waited', o_waited, 'reported_loser', reported_loser,
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
        'time_left', NEW.time_left,
        'x_waited', NEW.x_waited, 'o_waited', NEW.o_waited, 'reported_loser', NEW.reported_loser,
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
        'deadline', deadline, 'time_left', time_left,
        'x_waited', x_waited, 'o_waited', o_waited, 'reported_loser', reported_loser,
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
        'time_left', OLD.time_left,
        'x_waited', OLD.x_waited, 'o_waited', OLD.o_waited, 'reported_loser', OLD.reported_loser,
        'reported_by', OLD.reported_by, 'reported_at', OLD.reported_at
    ), json_object(
        'room', NEW.room, 'number', NEW.number, 'board', NEW.board, 'turn', NEW.turn,
        'status', NEW.status, 'x_id', NEW.x_id, 'o_id', NEW.o_id, 'winner', NEW.winner,
        'line', NEW.line, 'moved_at', NEW.moved_at, 'deadline', NEW.deadline,
        'time_left', NEW.time_left,
        'x_waited', NEW.x_waited, 'o_waited', NEW.o_waited, 'reported_loser', NEW.reported_loser,
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
        'time_left', OLD.time_left,
        'x_waited', OLD.x_waited, 'o_waited', OLD.o_waited, 'reported_loser', OLD.reported_loser,
        'reported_by', OLD.reported_by, 'reported_at', OLD.reported_at
    ));
    INSERT INTO stream (room, event_name, item, new_image)
    VALUES (NEW.room, 'INSERT', 'games', json_object(
        'room', NEW.room, 'number', NEW.number, 'board', NEW.board, 'turn', NEW.turn,
        'status', NEW.status, 'x_id', NEW.x_id, 'o_id', NEW.o_id, 'winner', NEW.winner,
        'line', NEW.line, 'moved_at', NEW.moved_at, 'deadline', NEW.deadline,
        'time_left', NEW.time_left,
        'x_waited', NEW.x_waited, 'o_waited', NEW.o_waited, 'reported_loser', NEW.reported_loser,
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
        'time_left', OLD.time_left,
        'x_waited', OLD.x_waited, 'o_waited', OLD.o_waited, 'reported_loser', OLD.reported_loser,
        'reported_by', OLD.reported_by, 'reported_at', OLD.reported_at
    ));
END;
