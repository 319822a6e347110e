"""What the telephone's side (``ivr.agi``) and the speech server say to each other through Asterisk.

Asterisk carries it unchanged: ``SPEECH SET name value`` arrives here as parameters of a ``set`` request, and
our results come out of ``SPEECH RECOGNIZE`` as text0, score0, grammar0. A turn goes like this:

    SPEECH CREATE dozvon                          one connection for a call; 0: no speech now, go on with keys
    SPEECH SET expects digits                     what is awaited: choice, yes_no, digits, date, sentence
    SPEECH SET digits 11                          how many digits are awaited (0: unknown); of the number that
                                                  a yes or no is about, and may correct (0: of none)
    SPEECH SET phrases да|нет                     the menu's phrases; "phrases+" appends (a line has a limit)
    SPEECH SET idle 1                             nobody was asked: voice may be noticed 0.2 s late
    SPEECH SET turn 7                             begins the turn; results of an older turn are never sent
    SPEECH RECOGNIZE prompt timeout 0             text0="@onset": the caller speaks, the prompt must stop now
    SPEECH RECOGNIZE silence timeout 0            text0="статус заявления" score0=93

After a number other ways to hear it come with the result, in an order that Asterisk chooses; their grammar is
OTHER, and their score tells how much less likely they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Expects = Literal["choice", "yes_no", "digits", "date", "sentence"]
EXPECTS: tuple[Expects, ...] = ("choice", "yes_no", "digits", "date", "sentence")

ENGINE = "dozvon"
# Sections of aeap.conf, one for each speech server; asking for one that is not there costs nothing.
ENGINES = (ENGINE, "dozvon-2", "dozvon-3", "dozvon-4")

# Marks in place of a text. A recognised text never begins with "@".
ONSET = "@onset"  # the caller began to speak
NOTHING = "@nothing"  # there was a sound, but no words in it
BUSY = "@busy"  # too many turns at once, or the recogniser failed: keys only
TOO_LONG = "@too_long"  # spoke without end; nothing usable

# Kinds of results, sent as their grammar.
MARK, SPEECH, OTHER = "mark", "speech", "other"
MAX_RESULTS_BYTES = 3_000  # of texts together: Asterisk writes its answer into 4096 bytes

MAX_PHRASES_VALUE = 700  # characters a SET: Asterisk's AGI line holds 2048 bytes, Cyrillic takes two each


def score_of_other(cost: float) -> int:
    """``cost``: natural logarithm of how many times less likely than the result; from 9.9 on 1."""
    return max(1, round(100 - 10 * cost))


def cost_of_other(score: int) -> float:
    """The inverse of `score_of_other`, for whatever came over the line."""
    return max(0, 100 - score) / 10


def turn_settings(
    turn: int, expects: Expects, phrases: Sequence[str] = (), digits: int = 0, *, idle: bool = False
) -> list[tuple[str, str]]:
    """Name and value of each ``SPEECH SET`` that begins a turn, in order.

    Phrases are for short menus: the recogniser then hears nothing but them. Without phrases, and for
    sentences, it listens freely.
    """
    settings = [("expects", expects), ("digits", str(digits))]
    name, value = "phrases", ""
    for phrase in phrases:
        clean = " ".join(phrase.replace("|", " ").split())
        if value and len(value) + 1 + len(clean) > MAX_PHRASES_VALUE:
            settings.append((name, value))
            name, value = "phrases+", ""
        value = f"{value}|{clean}" if value else clean
    settings.append((name, value or "-"))
    if idle:
        settings.append(("idle", "1"))
    return [*settings, ("turn", str(turn))]
