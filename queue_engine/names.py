"""Usernames: cleaning them, and distinguishing those that look alike.

Invisible code points are removed: those that Unicode ignores by default
(DerivedCoreProperties.txt, Default_Ignorable_Code_Point), control characters, and some that are
drawn blank. They stay where they join letters of a script or the parts of an emoji. Names that look
alike have the same skeleton (as in UTS 39, section 4). This module knows no users and no rooms.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import cache

MAX_NAME = 32
MAX_STACKED = 2
MAX_MARKS = 4

_INVISIBLE = (
    "\x00-\x1f\x7f-\x9f"  # control characters
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\u2028\u2029\u2800\ufff9-\ufffb\U0001d159"  # separators, annotations, blank symbols
    "\ufdd0-\ufdef\ufffe\uffff\U00013430-\U0001345f\U00016fe4"  # noncharacters, fillers
)
# Extended_Pictographic (emoji-data.txt), in whole ranges; skin tones and flags are among them.
_EMOJI = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe\u2600-\u27bf"
    "\u2934\u2935\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
# Scripts whose letters join or form clusters; U+200C and U+200D are part of their spelling.
_JOINING = (
    "\u0620-\u065f\u066e-\u06d3\u06d5-\u06dc\u06df-\u06ff\u0710-\u077f\u07ca-\u07f5\u0840-\u08ff"
    "\u0900-\u0dff\u1000-\u109f\u1780-\u17b3\u17b6-\u17d3\u1820-\u18aa\u1b00-\u1c4f\ua840-\ua8ff"
    "\ua980-\ua9df\uaae0-\uaaff\uabc0-\uabff\ufb50-\ufdff\ufe70-\ufefc"
    "\U00011000-\U00011fff\U0001e900-\U0001e95f"
)
_MONGOLIAN = "\u1820-\u18aa"
_IDEOGRAPHS = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_JOINERS = "|".join(
    (
        rf"(?<=[{_JOINING}])[\u200c\u200d](?=[{_JOINING}])",
        rf"(?:(?<=[{_EMOJI}])|(?<=[{_EMOJI}]\ufe0f))\u200d(?=[{_EMOJI}])",
        rf"(?<=[{_EMOJI}])[\ufe0e\ufe0f]",
        r"(?<=[0-9#*])\ufe0f(?=\u20e3)",  # a keycap
        rf"(?<=[{_MONGOLIAN}])[\u180b-\u180f]",
        rf"(?<=[{_IDEOGRAPHS}])[\ufe00-\ufe02\U000e0100-\U000e01ef]",
        r"(?<=\U0001f3f4)[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f",  # a flag
    )
)
_JOINER_OR_INVISIBLE = re.compile(f"({_JOINERS})|[{_INVISIBLE}]")
_ONE_INVISIBLE = re.compile(f"[{_INVISIBLE}]")
# Marks at the start, which have no letter to go with.
_NO_BASE = re.compile(
    "^[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0\ufe20-\ufe2f]+"
)

# Characters that look like lower-case Latin letters, from confusables.txt for either case: Latin
# letters and digits, then Cyrillic, Greek and Armenian letters.
_ALIKE = str.maketrans(
    "1|0\u0131\u01c0\u0142\u00f8\u0111\u0127\u0167\u0251\u0261\u0269"
    "\u0430\u0432\u0433\u0435\u0455\u0456\u0458\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443"
    "\u04af\u0445\u04bb\u0501\u051b\u051d\u044c\u0475\u04cf\u0437\u0431"
    "\u03b1\u03b2\u03b3\u03b5\u03b6\u03b7\u03b9\u03ba\u03bc\u03bd\u03bf\u03c1\u03c3\u03c4\u03c5"
    "\u03c7\u03f3"
    "\u0585\u057d\u0570\u0578",
    "lloillodhtagiabresijkmhopctyyxhdqwbvl36abyezhikmvopotyxjouhn",
)

# A capital I that stands for a small L: within a word, beside a small letter ("PauI", "AIice").
_I_FOR_L = re.compile("(?<=[a-z])I(?![a-z])|(?<=[A-Z])I(?=[a-z])")

_NUMBER = re.compile(r" \(([1-9][0-9]{0,9})\)\Z")
_CONTINUES = re.compile("[\u200c\u200d\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\U000e0000-\U000e0fff]")
_HALF_A_FLAG = re.compile("(?<![\U0001f1e6-\U0001f1ff])(?:[\U0001f1e6-\U0001f1ff]{2})*$")


def clean(text: str) -> str:
    """Return the text in NFC, trimmed, without invisible characters and piled-up marks."""
    before = None
    # One pass is enough, except for crafted text in which normalizing moves a mark.
    while text != before:
        before = text
        limited = _limit_marks(unicodedata.normalize("NFC", text))
        visible = _JOINER_OR_INVISIBLE.sub(lambda match: match[1] or "", limited)
        text = _NO_BASE.sub("", unicodedata.normalize("NFC", visible).strip())
    return text


def skeleton(name: str) -> str:
    """Return a key that is the same for all names that look like this one.

    It folds case, width, accents, runs of spaces, and the most common look-alikes. It keeps marks
    that make a different letter, such as a Devanagari vowel or a Japanese voicing mark.
    """
    name = _I_FOR_L.sub("l", name)
    folded = name.casefold()
    if not name.isascii():
        # Decompose before and after, since folding may compose and decomposing may need folding.
        folded = unicodedata.normalize("NFKD", name).casefold()
        folded = unicodedata.normalize("NFKD", _ONE_INVISIBLE.sub("", folded))
        folded = "".join(char for char in folded if not _is_accent(char))
    return " ".join(folded.split()).translate(_ALIKE)


def distinct(name: str, current: str | None, is_taken: Callable[[str], bool]) -> str:
    """Return the name, with a number appended if others have its skeleton.

    ``current`` is the user's present name. Its number is kept; otherwise it would change when the
    user sets the same name again.
    """
    if not is_taken(skeleton(name)):
        return name
    if current is not None and _is_numbered(current, name) and not is_taken(skeleton(current)):
        return current

    @cache
    def stem(length: int) -> str:
        return skeleton(_shorten(name, length))

    def is_number_taken(number: int) -> bool:
        # Compose the skeleton from its parts, because computing it for a long name is slow.
        suffix = f" ({number})"
        return is_taken(f"{stem(MAX_NAME - len(suffix))} {skeleton(suffix)}".strip())

    return _with_number(name, _free(is_number_taken))


def _limit_marks(text: str) -> str:
    """Drop marks that pile up on a letter; invisible characters don't end a row of marks.

    Of marks that are stacked above, below or across a letter, two in a row are kept. Other marks
    are a part of spelling: Hindi, Burmese, Hebrew and Tibetan use up to four in a row.
    """
    kept: list[str] = []
    marks = stacked = 0
    for char in text:
        if not _ONE_INVISIBLE.match(char):
            is_mark = unicodedata.category(char).startswith("M")
            marks = marks + 1 if is_mark else 0
            stacked = stacked + _is_stacked(char) if is_mark else 0
            if marks > MAX_MARKS or (_is_stacked(char) and stacked > MAX_STACKED):
                continue
        kept.append(char)
    return "".join(kept)


def _is_stacked(char: str) -> bool:
    """Tell whether a mark goes above, below or across its letter, by its combining class."""
    combining = unicodedata.combining(char)
    return combining == 1 or combining >= 200 or unicodedata.category(char) == "Me"


def _is_accent(char: str) -> bool:
    """Return whether the mark is an accent, which does not make a different letter."""
    combining = unicodedata.combining(char)
    accent = combining == 1 or 10 <= combining <= 36 or combining >= 200
    return accent or unicodedata.category(char) == "Me"


def _is_numbered(current: str, name: str) -> bool:
    number = _NUMBER.search(current)
    return number is not None and current == _with_number(name, int(number[1]))


def _free(is_taken: Callable[[int], bool]) -> int:
    """Return the lowest free number from 2 up to 99, or else one found by bisection."""
    for number in range(2, 100):
        if not is_taken(number):
            return number
    taken, free = 99, 200
    while is_taken(free):
        taken, free = free, 2 * free
    while free - taken > 1:
        middle = (taken + free) // 2
        taken, free = (middle, free) if is_taken(middle) else (taken, middle)
    return free


def _with_number(name: str, number: int) -> str:
    suffix = f" ({number})"
    return _shorten(name, MAX_NAME - len(suffix)) + suffix


def _shorten(name: str, length: int) -> str:
    """Cut the name without splitting what is displayed as one character."""
    if len(name) <= length:
        return name
    end = length
    while end and not _is_boundary(name, end):
        end -= 1
    return name[: end or length].rstrip()


def _is_boundary(name: str, at: int) -> bool:
    if _CONTINUES.match(name[at]) or unicodedata.category(name[at]).startswith("M"):
        return False
    flag = "\U0001f1e6" <= name[at] <= "\U0001f1ff" and not _HALF_A_FLAG.search(name[:at])
    return name[at - 1] != "\u200d" and not flag
