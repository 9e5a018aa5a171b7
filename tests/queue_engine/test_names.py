"""Names: what is removed, what looks alike, and how two that do are told apart (design, 4.1)."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queue_engine.names import MAX_NAME, clean, distinct, skeleton
from tests.queue_engine.evening import Evening, evening_with

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"

# Default_Ignorable_Code_Point and what is drawn blank, one by one.
INVISIBLE = [
    *(0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810)),
    *(*range(0x200B, 0x2010), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2060, 0x2070)),
    *(0x2800, 0x3164, *range(0xFE00, 0xFE10), 0xFEFF, 0xFFA0, *range(0xFFF0, 0xFFFC)),
    *(0x1BCA0, 0x1D159, 0x1D173, 0xE0001, 0xE0020, 0xE007F, 0xE0100, 0xE01EF, 0xE0FFF),
]


@pytest.mark.parametrize("code", INVISIBLE, ids=hex)
def test_what_cannot_be_seen_is_removed(code: int) -> None:
    char = chr(code)
    assert clean(char) == clean(char * 5) == clean(f" {char} ") == ""
    assert clean(f"{char}A{char}n{char}{char}n{char}") == "Ann"


@pytest.mark.parametrize(
    "name",
    [
        FAMILY,
        "\u2764\ufe0f\u200d\U0001f525",  # a heart on fire
        "\U0001f44d\U0001f3fd",  # a thumb with a skin tone
        "\U0001f9d1\U0001f3fd\u200d\U0001f680",  # an astronaut with one
        "1\ufe0f\u20e3",  # a keycap
        ENGLAND,
        "\U0001f1e9\U0001f1ea",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian
        "\u0dc1\u0dca\u200d\u0dbb\u0dd3",  # Sinhala
        "\u0915\u094d\u200d\u0937",  # Devanagari
        "\u182a\u180b\u1820",  # Mongolian, with a variant of a letter
        "\u845b\U000e0100",  # an ideograph as a family writes it
        "\u0e17\u0e35\u0e48",  # Thai: a vowel and a tone above one letter
        "Vi\u1ec7t",
        "Ann  B.",
    ],
    ids=ascii,
)
def test_what_joins_a_script_or_an_emoji_stays(name: str) -> None:
    assert clean(name) == name


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("a\u200db", "ab"),
        ("a\ufe0f\u200d\U0001f600", "a\U0001f600"),
        ("\U0001f600\u200d", "\U0001f600"),
        ("\u0627\u200c", "\u0627"),
        ("\U0001f3f4\U000e0067\U000e0062", "\U0001f3f4"),  # a flag without its end
        ("Z\u0351\u0352\u0357\u0358alx\u0301\u0302\u0303o", "Z\u0351\u0352alx\u0301\u0302o"),
        ("a\u0301\u200b\u0302\u034f\u0303", "\u00e1\u0302\u0303"),  # the first is one letter
        ("x\u0301\u200b\u0302\u034f\u0303", "x\u0301\u0302"),
        ("e\u200b\u0301", "\u00e9"),
    ],
    ids=ascii,
)
def test_what_joins_nothing_is_removed(given_name: str, kept: str) -> None:
    assert clean(given_name) == kept


ODD = st.sampled_from(
    "aA1 (\u0301\u0302\u0344\u0345\u20e3\u200b\u200c\u200d\ufe0f\U000e0067\U000e007f\U0001f3f4"
    "\U0001f600\U0001f3fd\U0001f1e9\u0645\u06cc\u064b\u0915\u094d\u093c\u182a\u180b\u845b"
    "\U000e0100\u1100\u1161\u09c7\u09be\u3164"
)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.text(ODD) | st.text(max_size=40))
def test_clean_name_is_clean(text: str) -> None:
    name = clean(text)
    assert clean(name) == name
    assert unicodedata.is_normalized("NFC", name)


@pytest.mark.parametrize(
    "name",
    [
        *("ann", "ANN", "  Ann", "\u00c4nn", "A\u0308nn", "\uff21\uff4e\uff4e"),
        *("\u0410nn", "\u0391nn", "\U0001d400nn", "A\u200bnn", "a\u0338nn"),
    ],
    ids=ascii,
)
def test_names_that_look_alike(name: str) -> None:
    assert skeleton(name) == skeleton("Ann")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ann", "Anna"),
        ("\u0930\u093e\u092e", "\u0930\u092e\u093e"),  # Ram and Rama
        ("\u304b\u304d", "\u304c\u304e"),  # kaki and gagi
        ("\u0e21\u0e32", "\u0e21\u0e35"),
        ("Ann", "Ann (2)"),
        ("Team 1 23", "Team 12 3"),
        (FAMILY, "\U0001f600"),
    ],
    ids=ascii,
)
def test_names_that_do_not_look_alike(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("\u041d\u0418\u041d\u0410", "\u043d\u0438\u043d\u0430"),  # Cyrillic, by case
        ("\u0420\u0415\u0422\u0420", "PETP"),
        (
            "\u0399\u03a9\u0391\u039d\u039d\u0397\u03a3",
            "\u03b9\u03c9\u03b1\u03bd\u03bd\u03b7\u03c2",
        ),
        ("Stra\u00dfe", "STRASSE"),
        ("B0b", "Bob"),
        ("Ann  B.", "Ann\u3000B."),
    ],
    ids=ascii,
)
def test_look_alikes_of_other_scripts_and_cases(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.text(ODD, max_size=40), max_size=30))
def test_shown_names_are_distinct_and_fit(wishes: list[str]) -> None:
    shown: set[str] = set()
    for wish in wishes:
        name = clean(wish)[:MAX_NAME].strip()
        if name:
            told_apart = distinct(name, None, shown.__contains__)
            assert len(told_apart) <= MAX_NAME
            assert skeleton(told_apart) not in shown
            shown.add(skeleton(told_apart))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a" * 32, "a" * 28 + " (2)"),
        ("a" * 27 + " bcde", "a" * 27 + " (2)"),
        ("a" * 27 + "x\u0323\u0301de", "a" * 27 + " (2)"),
        ("a" * 26 + FAMILY + "b", "a" * 26 + " (2)"),
        ("a" * 27 + "\U0001f1e9\U0001f1ea" + "bcd", "a" * 27 + " (2)"),
        ("a" * 26 + "\U0001f1e9\U0001f1ea" + "bcde", "a" * 26 + "\U0001f1e9\U0001f1ea (2)"),
        ("a" * 27 + "\U0001f44d\U0001f3fd" + "bcd", "a" * 27 + " (2)"),
    ],
    ids=ascii,
)
def test_name_is_cut_and_never_its_number(name: str, shown: str) -> None:
    assert distinct(name, None, {skeleton(name)}.__contains__) == shown


def test_number_is_found_quickly_among_thousands() -> None:
    shown: set[str] = set()
    asked = 0

    def is_taken(look: str) -> bool:
        nonlocal asked
        asked += 1
        return look in shown

    for _ in range(2000):
        asked = 0
        shown.add(skeleton(distinct("Ann", None, is_taken)))
        assert asked < 130
    assert len(shown) == 2000


def names(evening: Evening) -> list[str | None]:
    return [user.username for _, user in sorted(evening.room.users.items())]


def test_second_of_a_name_is_shown_with_a_number() -> None:
    evening = evening_with("a", "b", "c", "d")
    for user, name in zip("abcd", ("Ann", "ANN", "\u0410nn", "Anna"), strict=True):
        evening.rename(user, name)
    assert names(evening) == ["Ann", "ANN (2)", "\u0410nn (3)", "Anna"]


def test_ones_own_name_is_not_anothers() -> None:
    evening = evening_with("a", "b", "c")
    for user in "abc":
        evening.rename(user, "Ann")
    for user, name in (("a", "Ann"), ("b", "Ann"), ("c", "Ann"), ("b", "Ann (2)"), ("a", "ann")):
        evening.rename(user, name)
    assert names(evening) == ["ann", "Ann (2)", "Ann (3)"]


def test_number_stays_until_the_name_is_free() -> None:
    evening = evening_with("a", "b", "c")
    for user in "abc":
        evening.rename(user, "Ann")
    evening.go("b")
    evening.rename("c", "Ann")
    assert names(evening) == ["Ann", "Ann (3)"]
    evening.enter("d")
    evening.rename("d", "Ann")
    assert names(evening) == ["Ann", "Ann (3)", "Ann (2)"]
    evening.go("a")
    evening.rename("c", "Ann")
    assert names(evening) == ["Ann", "Ann (2)"]


def test_name_of_an_absent_user_is_kept_for_them() -> None:
    evening = evening_with("a", "b", "c")
    evening.rename("c", "Cat")
    evening.vanish("c")
    evening.rename("b", "cat")
    assert evening.user("b").username == "cat (2)"
    evening.come_back("c")
    evening.rename("c", "Cat")
    assert evening.user("c").username == "Cat"
    evening.vanish("c")
    evening.wait(180)
    evening.rename("b", "cat")
    assert evening.user("b").username == "cat"


def test_name_written_by_hand_counts_too() -> None:
    evening = evening_with("a", "b")
    evening.edit("a", username="Ann")
    evening.edit("b", username="x" * 100_000)
    evening.rename("b", "Ann")
    assert evening.user("b").username == "Ann (2)"


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Ali", "All", False),
        ("Ali", "ALI", True),
        ("Paul", "PauI", True),
        ("Paul", "Pau1", True),
        ("Alice", "AIice", True),
        ("McIntosh", "mcintosh", True),
        ("Ian", "lan", False),
        ("Ira", "\u0406ra", True),  # a Ukrainian letter
    ],
)
def test_i_and_l_are_alike_where_a_capital_i_stands_for_a_small_l(
    one: str, other: str, alike: bool
) -> None:
    assert (skeleton(one) == skeleton(other)) is alike


@pytest.mark.parametrize(
    "name",
    [
        "\u1000\u103b\u1031\u102c\u103a",  # Burmese
        "\u091a\u0940\u091c\u093c\u0947\u0902",  # Hindi
        "\u05e9\u05bc\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd",  # Hebrew
        "\u0f56\u0f66\u0f92\u0fb2\u0f74\u0f56\u0f66",  # Tibetan
        "Vi\u1ec7t",
    ],
    ids=ascii,
)
def test_spelling_that_needs_several_marks_is_kept(name: str) -> None:
    assert clean(name) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize("name", ["\u0301", "\ufffe", "\ufdd0", "\u0301\u0302\u200b"], ids=ascii)
def test_name_without_a_letter_for_its_marks_is_blank(name: str) -> None:
    assert clean(name) == ""


def test_cleaning_twice_changes_nothing() -> None:
    name = "\u0301\u200b\u094d\u200d\u182e\u1161"
    assert clean(clean(name)) == clean(name)
