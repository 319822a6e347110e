"""Numbers with a meaning of their own: SNILS, telephone and application numbers."""

from __future__ import annotations

SNILS_DIGITS = 11
_FIRST_CHECKED = 1_001_998  # numbers up to 001-001-998 were given out without check digits
APPLICATION_DIGITS = range(4, 21)
MAX_CALLING = 20
ABROAD = ("810", "00")  # dialled before a country code; no Russian number begins so


def snils_is_valid(digits: str) -> bool:
    """Eleven digits, the last two check the first nine.

    Rule of the Russian Pension Fund: multiply the nine digits by 9, 8, … 1, add up, take the remainder of
    division by 101; 100 is written 00.
    """
    if len(digits) != SNILS_DIGITS or not (digits.isascii() and digits.isdigit()):
        return False
    if int(digits[:9]) <= _FIRST_CHECKED:
        return True
    total = sum(int(digit) * weight for digit, weight in zip(digits[:9], range(9, 0, -1), strict=True))
    return total % 101 % 100 == int(digits[9:])


def in_groups(digits: str) -> list[str]:
    """As a number is read back: by threes from the left, the last four as two and two, so that no group is
    longer than three and none stands alone after a three. A SNILS comes out as it is printed."""
    parts = []
    while digits:
        size = 2 if len(digits) == 4 else 3
        parts.append(digits[:size])
        digits = digits[size:]
    return parts


def phone_number(digits: str) -> str:
    """A Russian number as 7XXXXXXXXXX, "" when it cannot be one."""
    if len(digits) == 11 and digits[0] in "78" and digits[1] in "34589":
        return "7" + digits[1:]
    return "7" + digits if len(digits) == 10 and digits[0] in "34589" else ""


def application_number(digits: str) -> str:
    return digits if len(digits) in APPLICATION_DIGITS else ""


def calling_number(shown: str) -> str:
    """Who calls: a Russian number as 7XXXXXXXXXX however it was written, another country's as +XXX.

    What is shown with its country code is of that country: +84 991 234 567 (Vietnam) is not 8 499 123-45-67.
    """
    digits = "".join(c for c in shown if c in "0123456789")[:MAX_CALLING]
    for prefix in ABROAD:
        if digits.startswith(prefix) and len(digits) > len(prefix) + 6:
            return "+" + digits[len(prefix) :]
    if digits and shown.lstrip().startswith("+"):
        return digits if digits[0] == "7" and phone_number(digits) else "+" + digits
    return phone_number(digits) or digits
