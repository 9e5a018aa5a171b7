"""What a client may say, to the letter: every malformed message, its refusal, and no harm done."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.lab.player import Message, Player

Stream = Callable[[], int]

NOT_A_MESSAGE = {
    "nothing": "",
    "a word": "joinQueue",
    "null": "null",
    "a list": '[{"action": "joinQueue"}]',
    "a number": "4",
    "a string": '"joinQueue"',
    "single quotes": "{'action': 'joinQueue'}",
    "cut short": '{"action": "joinQueue"',
    "two messages": '{"action": "joinQueue"}{"action": "joinQueue"}',
    "a byte order mark": '\ufeff{"action": "joinQueue"}',
    "a control character": '{"action": "join\x01Queue"}',
    "deep lists": "[" * 4096,
    "deep objects": '{"a":' * 800,
    "no number": '{"action": "joinQueue", "x": NaN}',
    "nulls": "\0" * 100,
}

REFUSED = [
    ({}, 400, None),
    ({"action": None}, 400, None),
    ({"action": True}, 400, None),
    ({"action": 7}, 400, None),
    ({"action": ["joinQueue"]}, 400, None),
    ({"action": {"joinQueue": 1}}, 400, None),
    ({"action": ""}, 404, None),
    ({"action": "nope"}, 404, None),
    ({"action": "joinqueue"}, 404, None),
    ({"action": "joinQueue "}, 404, None),
    ({"action": "__init__"}, 404, None),
    ({"action": "\ud800"}, 404, None),
    ({"action": "x" * 4000}, 404, None),
    ({"action": "connect"}, 403, "connect"),
    ({"action": "disconnect"}, 403, "disconnect"),
    ({"action": "$connect"}, 403, "$connect"),
    ({"action": "$disconnect"}, 403, "$disconnect"),
    ({"action": "makeMove"}, 400, "makeMove"),
    *(
        ({"action": "makeMove", "cell": cell}, 400, "makeMove")
        for cell in (None, True, False, "4", "", 4.0, 4.5, -1, 9, 1e300, 10**4000, [4], {"4": 4})
    ),
    *(
        ({"action": "updateDB", "username": name}, 400, "updateDB")
        for name in (7, True, 0, ["Ann"], {"S": "Ann"}, "\ud83d", "a\udc00b", "\ud83d" * 40)
    ),
    *(
        ({"action": "gameOVER", "loserId": loser}, 400, "gameOVER")
        for loser in (7, True, ["x"], {"S": "x"}, "\ud800")
    ),
    ({"action": "gameOVER", "data": {"loserId": 7}}, 400, "gameOVER"),
    *(
        ({"action": "gameOVER", "loserId": "x", "game": number}, 400, "gameOVER")
        for number in ("1", True, 1.0, [1])
    ),
    ({"action": "gameOVER", "loserId": "x"}, 404, "gameOVER"),
    ({"action": "gameOVER", "loserId": "x" * 4000}, 404, "gameOVER"),
    ({"action": "gameOVER", "loserId": "'; DROP TABLE users; --"}, 404, "gameOVER"),
]


async def ask_text(player: Player, text: str) -> Message:
    """Send any text; return the response, which must keep to what holds for every response."""
    await player.socket.send(text)
    response = await player.until(lambda message: message.get("action") == "response")
    assert {"action", "route", "statusCode", "body"} <= response.keys()
    assert "connectionId" not in response
    assert "connectionId" not in response["body"]
    assert len(json.dumps(response).encode()) < 1024
    return response


@pytest.mark.parametrize("text", NOT_A_MESSAGE.values(), ids=NOT_A_MESSAGE.keys())
async def test_what_is_no_message_is_malformed(url: str, last_change: Stream, text: str) -> None:
    player = await Player.join(url)
    before = last_change()
    response = await ask_text(player, text)
    assert (response["statusCode"], response["route"]) == (400, None)
    assert "requestId" not in response
    assert response["body"]["message"]
    assert (await player.ask(action="sendInfo"))["statusCode"] == 200
    assert last_change() == before


@pytest.mark.parametrize(("message", "status", "route"), REFUSED, ids=lambda v: str(v)[:60])
async def test_refusal_says_why_and_changes_nothing(
    url: str, last_change: Stream, message: Message, status: int, route: str | None
) -> None:
    ann, bob = [await Player.join(url) for _ in range(2)]
    await ann.until_true(lambda: ann.game is not None)
    before = last_change()
    response = await ask_text(ann, json.dumps({"requestId": "r", **message}))
    assert (response["statusCode"], response["route"]) == (status, route)
    assert response["requestId"] == "r"
    assert response["body"]["message"]
    # Without an id it is answered all the same: it failed.
    response = await ask_text(ann, json.dumps(message))
    assert (response["statusCode"], response["route"]) == (status, route)
    assert "requestId" not in response
    await bob.sync()
    assert last_change() == before
    assert (await ann.move(4))["statusCode"] == 200


@pytest.mark.parametrize(
    "request_id",
    [None, 7, 7.0, True, [], {}, ["7"], "x" * 65, "😀" * 65, "\ud800", "ok\udfff"],
    ids=repr,
)
async def test_bad_request_id_is_refused_before_anything_else(
    url: str, last_change: Stream, request_id: Any
) -> None:
    player = await Player.join(url)
    before = last_change()
    for action in ("joinQueue", "updateDB", "nope", "$connect", None):
        message = {"action": action, "username": "Ann", "requestId": request_id}
        response = await ask_text(player, json.dumps(message))
        assert response["statusCode"] == 400
        assert "requestId" not in response
    assert last_change() == before


@pytest.mark.parametrize("request_id", ["", "0", "x" * 64, "😀" * 64, "\0", '"}', " 7 "], ids=repr)
async def test_request_id_comes_back_as_it_was(url: str, request_id: str) -> None:
    player = await Player.join(url)
    for action, status in [("sendInfo", 200), ("nope", 404), ("makeMove", 400)]:
        text = json.dumps({"action": action, "requestId": request_id})
        response = await ask_text(player, text)
        assert (response["statusCode"], response["requestId"]) == (status, request_id)


async def test_success_is_answered_only_where_an_answer_is_asked_for(url: str) -> None:
    player = await Player.join(url)
    for action in ("joinQueue", "sendInfo", "leaveQueue"):
        await player.say(action=action)
    await player.say(action="updateDB", username="Ann")
    await player.sync()
    responses = [m for m in player.messages if m.get("action") == "response"]
    assert [response["route"] for response in responses] == ["sendInfo"]


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"action": "updateDB"}, "Missing username"),
        ({"action": "updateDB", "username": ""}, "Missing username"),
        ({"action": "updateDB", "username": None}, "Missing username"),
        ({"action": "gameOVER"}, "Missing loserId"),
        ({"action": "gameOVER", "loserId": ""}, "Missing loserId"),
        ({"action": "gameOVER", "loserId": None}, "Missing loserId"),
        ({"action": "gameOVER", "data": {}}, "Missing loserId"),
        ({"action": "gameOVER", "data": {"loserId": None}}, "Missing loserId"),
        ({"action": "gameOVER", "data": "c-1"}, "Missing loserId"),
        ({"action": "gameOVER", "data": ["loserId"]}, "Missing loserId"),
        ({"action": "gameOVER", "data": None}, "Missing loserId"),
    ],
    ids=str,
)
async def test_texts_of_the_seed_are_kept(url: str, message: Message, text: str) -> None:
    player = await Player.join(url)
    response = await ask_text(player, json.dumps(message))
    assert (response["statusCode"], response["body"]["message"]) == (400, text)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Ann", "Ann"),
        ("  Ann \u00a0\t\n", "Ann"),
        ("A\u0000n\u0007n\u009f\u007f", "Ann"),
        ("\u202eAnn\u202c\u2066\u2069\u202a\u202b\u202d\u2067\u2068", "Ann"),
        (" \u202e  Ann", "Ann"),
        ("e\u0301", "\u00e9"),
        ("e\u202e\u0301", "\u00e9"),  # cleaned first, composed after
        ("a" * 32, "a" * 32),
        ("😀" * 32, "😀" * 32),
        ("e\u0301" * 32, "\u00e9" * 32),
        ("\u0000" * 400 + "x", "x"),
        ("\u0958" * 16, "\u0915\u093c" * 16),  # one that NFC makes longer
        ("Z\u0351\u0352\u0353", "Z\u0353\u0351"),
        ("A\u200bn\u2060n\ufeff", "Ann"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
        ('","status":"active', '","status":"active'),
        ("👩‍👩‍👧", "👩‍👩‍👧"),
    ],
    ids=ascii,
)
async def test_name_is_kept_clean(url: str, given: str, kept: str) -> None:
    ann, bob = [await Player.join(url) for _ in range(2)]
    assert (await ann.ask(action="updateDB", username=given))["statusCode"] == 200
    await bob.until_true(lambda: "username" in bob.users[ann.id])
    assert bob.users[ann.id]["username"] == kept


async def test_answer_says_how_a_name_is_shown(url: str) -> None:
    ann, bob = [await Player.join(url) for _ in range(2)]
    assert (await ann.ask(action="updateDB", username="Ann"))["body"] == {"username": "Ann"}
    for name in ("ann", "\u0430nn\u200b", "ann"):  # the second with a Cyrillic letter
        shown = (await bob.ask(action="updateDB", username=name))["body"]["username"]
        assert shown == f"{name[:3]} (2)"
        await ann.until_named(bob.id, shown)
    assert (await bob.ask(action="updateDB", username="ann"))["body"] == {"username": "ann (2)"}


@pytest.mark.parametrize(
    "name",
    [
        " ",
        "\u202e",
        "\n\t\u0000",
        "\u2066 \u2069",
        "a" * 33,
        "😀" * 33,
        "e\u0301" * 33,
        "\u0958" * 17,
        "\u200b",
        "\u3164\u2800\u00ad",
        "x" * 3000,
    ],
    ids=ascii,
)
async def test_name_of_nothing_or_too_much_is_refused(
    url: str, last_change: Stream, name: str
) -> None:
    player = await Player.join(url)
    before = last_change()
    response = await ask_text(player, json.dumps({"action": "updateDB", "username": name}))
    assert response["statusCode"] == 400
    assert "username" in response["body"]["message"]
    assert last_change() == before


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ('{"action":"nope","action":"sendInfo"}', 200),
        ('{"action":"sendInfo","action":"nope"}', 404),
        ('{"requestId":7,"action":"sendInfo","requestId":"r"}', 200),
        (' \r\n\t{"action" : "sendInfo"} ', 200),
        ('{"action":"sendInfo","x":[[[[[1]]]]],"connectionId":"me","sessionId":"s"}', 200),
        ('{"\\u0061ction":"send\\u0049nfo"}', 200),
        ('{"action":"sendInfo",}', 400),
    ],
    ids=str,
)
async def test_json_is_read_as_json(url: str, text: str, status: int) -> None:
    player = await Player.join(url)
    if status == 200:
        count = len(player.messages)
        await player.socket.send(text)
        await player.sync()
        hellos = [m for m in player.messages[count:] if m.get("message") == "Hello from Lambda!"]
        assert len(hellos) == 2
    else:
        assert (await ask_text(player, text))["statusCode"] == status


async def test_last_of_two_equal_keys_counts(url: str) -> None:
    player = await Player.join(url)
    await player.socket.send('{"action":"updateDB","username":"Ann","username":"Bob"}')
    await player.until_named(player.id, "Bob")


async def test_no_answer_to_a_player_is_larger_than_what_it_can_bear(url: str) -> None:
    ann, bob = [await Player.join(url) for _ in range(2)]
    await ann.until_true(lambda: ann.game is not None)
    for number in (10**3900, -(10**3900)):
        message = {"action": "gameOVER", "loserId": bob.id, "game": number}
        assert (await ask_text(ann, json.dumps(message)))["statusCode"] == 409


async def test_message_at_the_limit_is_taken(url: str) -> None:
    player = await Player.join(url)
    text = '{"action":"nope"}'
    assert (await ask_text(player, text.ljust(4096)))["statusCode"] == 404
    wide = '{"action":"nope","x":"%s"}'
    padding = "é" * ((4096 - len(wide % "")) // 2)
    assert (await ask_text(player, (wide % padding).ljust(4096 - len(padding))))[
        "statusCode"
    ] == 404


async def test_depth_that_some_readers_of_json_refuse_does_no_harm(url: str) -> None:
    player = await Player.join(url)
    nested = "[" * 1500 + "]" * 1500
    text = f'{{"action":"joinQueue","requestId":"deep","x":{nested}}}'
    # Python 3.12 and older say that it is not valid; newer ones read it, and ignore the field.
    assert (await ask_text(player, text))["statusCode"] in (200, 400)
    assert (await player.ask(action="joinQueue"))["statusCode"] == 200
