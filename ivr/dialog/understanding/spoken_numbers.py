"""Spoken numbers to digits: single digits, pairs, hundreds, «два нуля», corrections («нет, пять»).

A caller dictates a string of digits, yet says it in groups: «сто двадцать три ноль один» is 123 01. Words
join one group while each is smaller than what came before (hundred, ten, unit). «Двадцать пять» may also be
meant as 20 5: `readings` gives every way to read it, the likeliest first, and whoever knows how many digits
are due (or a check digit) chooses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ivr.dialog.understanding.number_words import NumberWords

MAX_DIGITS = 40  # more are not a number but somebody who talks
MAX_READINGS = 64


@dataclass(frozen=True, slots=True)
class Group:
    """Parts said together, biggest first: (100, 20, 3) is 123."""

    parts: tuple[int, ...]
    literal: str = ""  # digits as they are: "00" of «два нуля», "05" of text with digits

    def ways(self) -> tuple[str, ...]:
        """The digits this group may mean, the likeliest first."""
        if self.literal:
            return (self.literal,)
        together = str(sum(self.parts))
        apart = {
            "".join(str(sum(part)) for part in _split(self.parts, cut))
            for cut in range(1, 1 << (len(self.parts) - 1))
        }
        return (together, *sorted(apart, key=len))


def _split(parts: Sequence[int], cut: int) -> list[list[int]]:
    pieces = [[parts[0]]]
    for index, part in enumerate(parts[1:]):
        if cut >> index & 1:
            pieces.append([part])
        else:
            pieces[-1].append(part)
    return pieces


class _Listener:
    """Takes words one by one and keeps the groups heard so far."""

    def __init__(self) -> None:
        self.groups: list[Group] = []
        self._open = False  # may the next word join the last group?
        self._corrected = False  # «нет» was said: the next number replaces what it can
        self._denied: tuple[int, ...] | None = None  # after «не»: the parts that were not meant

    def number(self, value: int) -> None:
        if self._denied is not None:
            if not self._denied or _joins(self._denied, value):
                self._denied = (*self._denied, value)
                return
            self.wrong()
        kept = self._replaced(value)
        last = self.groups[-1] if self.groups else None
        if kept:
            self.groups.append(Group((*kept, value)))
        elif self._open and last and not last.literal and _joins(last.parts, value):
            self.groups[-1] = Group((*last.parts, value))
        else:
            self.groups.append(Group((value,)))
        self._open = True

    def times(self, factor: int, single: bool = False) -> None:
        """«тысяч», "hundred": multiplies what was said of the number so far, or stands for itself;
        ``single``: multiplies one («двадцать одна тысяча») and stands for itself after anything else."""
        last = self.groups[-1] if self.groups and self._open else None
        parts = last.parts if last and not last.literal else ()
        kept = tuple(part for part in parts if part >= 1000 > factor)
        times = sum(parts[len(kept) :])
        if 0 < times < factor and not (single and parts[-1] != 1):
            self.groups[-1] = Group((*kept, times * factor))
        else:
            self.number(factor)

    def literal(self, digits: str) -> None:
        if self._denied is not None:
            self.wrong()
            return
        self._replaced(0)
        self.groups.append(Group((), digits))
        self._open = False

    def several(self, digit: int) -> bool:
        """«Два нуля», «три пятёрки»: the count was taken for a number and is now taken back."""
        last = self.groups[-1] if self.groups and self._open else None
        if last is None or last.literal or not 2 <= last.parts[-1] <= 5:
            return False
        count = last.parts[-1]
        self.groups.pop()
        if last.parts[:-1]:
            self.groups.append(Group(last.parts[:-1]))
        self.literal(str(digit) * count)
        return True

    def pause(self) -> None:
        self._open = False

    def wrong(self) -> None:
        """«Нет, …»: what comes now replaces what was said last."""
        self._corrected = bool(self.groups)
        self._open, self._denied = False, None

    def not_this(self) -> None:
        if self.groups:
            self._denied = ()
        self._open = False

    def anew(self) -> None:
        self.groups.clear()
        self._corrected, self._open, self._denied = False, False, None

    def _replaced(self, value: int) -> tuple[int, ...]:
        """Takes the corrected group away; gives its parts that stay: «триста три, нет, четыре» is 304."""
        if not self._corrected:
            return ()
        self._corrected = False
        old = self.groups.pop().parts
        kept = (old[:size] for size in range(len(old) - 1, 0, -1))
        return next((parts for parts in kept if value and _joins(parts, value)), ())


def _joins(parts: tuple[int, ...], value: int) -> bool:
    """Is ``value`` the next smaller part of the number? 0 never is, 10-19 take no unit after them."""
    last = parts[-1]
    if not value or not last:
        return False
    if last >= 1000:
        return value < 1000
    if last >= 100:
        return value < 100
    return last >= 20 and value < 10


def groups(words: Sequence[str], language: NumberWords) -> list[Group]:
    """Number groups in order, corrections carried out; words that are no numbers end a group."""
    heard = _Listener()
    doubled = 0
    for word in words:
        if word.isascii() and word.isdigit():
            heard.literal(word[:MAX_DIGITS])
            continue
        if (count := language.repeaters.get(word)) is not None:
            doubled = count
            continue
        if (digit := language.named_digits.get(word)) is not None:
            if doubled:
                heard.literal(str(digit) * doubled)
            elif not heard.several(digit):
                heard.literal(str(digit))
        elif (factor := language.multipliers.get(word)) is not None:
            heard.times(factor, word in language.single)
        elif (value := language.values.get(word)) is not None:
            if doubled and value < 10:
                heard.literal(str(value) * doubled)
            else:
                heard.number(value)
        elif word in language.corrections:
            heard.wrong()
        elif word in language.denials:
            heard.not_this()
        elif word in language.restarts:
            heard.anew()
        elif word not in language.joiners:
            heard.pause()
        doubled = 0
    return heard.groups


def readings(words: Sequence[str], language: NumberWords) -> list[str]:
    """Every digit string that may be meant, the likeliest first; [] when no number was said."""
    found = [""]
    for group in groups(words, language):
        ways = group.ways()
        found = [begun + way for way in ways for begun in found][:MAX_READINGS]
        if len(found[0]) > MAX_DIGITS:
            return []
    return list(dict.fromkeys(found)) if found != [""] else []


def digits(words: Sequence[str], language: NumberWords, lengths: Sequence[int] = ()) -> str:
    """The likeliest reading; with ``lengths`` the likeliest one of such a length, if there is one."""
    ways = readings(words, language)
    fitting = [way for way in ways if len(way) in lengths]
    return (fitting or ways or [""])[0]
