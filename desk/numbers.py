"""Numbers that people say aloud: tickets' own numbers, and telephone numbers as one form.

A ticket's number is six random digits and one check digit after H. M. Damm ("Total anti-symmetric
quasigroups", 2004), which finds every single wrong digit and every swap of two neighbours, the two
mistakes that people make most. No number begins with 0 and none has three equal digits in a row: such
numbers are easily misheard.
"""

from __future__ import annotations

import re
import secrets

_QUASIGROUP = (
    (0, 3, 1, 7, 5, 9, 8, 6, 4, 2),
    (7, 0, 9, 2, 1, 5, 4, 8, 6, 3),
    (4, 2, 0, 6, 8, 7, 1, 3, 5, 9),
    (1, 7, 5, 0, 9, 8, 3, 4, 2, 6),
    (6, 1, 2, 3, 0, 4, 5, 9, 7, 8),
    (3, 6, 7, 4, 2, 0, 9, 5, 8, 1),
    (5, 8, 6, 9, 7, 2, 0, 1, 3, 4),
    (8, 9, 4, 5, 3, 6, 2, 0, 1, 7),
    (9, 4, 3, 8, 6, 1, 7, 2, 0, 5),
    (2, 5, 8, 1, 4, 3, 6, 7, 9, 0),
)
_TRIPLE = re.compile(r"(\d)\1\1")
_TELEPHONE = re.compile(r"\+?[\d\s().\-]{1,40}")
_MAX_TELEPHONE_DIGITS = 20
_PAYLOAD_DIGITS = 6


def check_digit(digits: str) -> str:
    """The digit that makes ``digits`` a valid number when written after it."""
    interim = 0
    for digit in digits:
        interim = _QUASIGROUP[interim][int(digit)]
    return str(interim)


def is_ticket_number(text: str) -> bool:
    """Whether ``text`` could be a ticket's number: digits with a right check digit."""
    return text.isascii() and text.isdigit() and 4 <= len(text) <= 12 and check_digit(text) == "0"


def draw_ticket_number(payload_digits: int = _PAYLOAD_DIGITS) -> str:
    """A random number with its check digit; whether it is free only the database knows."""
    low = 10 ** (payload_digits - 1)
    while True:
        payload = str(low + secrets.randbelow(9 * low))
        number = payload + check_digit(payload)
        if not _TRIPLE.search(number):
            return number


def normal_telephone(number: str) -> str:
    """One form of a telephone number, digits only; "" for a withheld or senseless one.

    The Russian trunk prefix is folded: 8 800 … and +7 800 … are the same subscriber. A number with its
    country code is not: +84 991 234 567 (Vietnam) is nobody in Moscow.
    """
    if not _TELEPHONE.fullmatch(number.strip()):
        return ""
    digits = "".join(sign for sign in number if sign in "0123456789")
    if not digits or len(digits) > _MAX_TELEPHONE_DIGITS:
        return ""
    if number.strip().startswith("+"):
        return digits
    if len(digits) == 11 and digits[0] == "8":
        return "7" + digits[1:]
    if len(digits) == 10 and digits[0] == "9":
        return "7" + digits
    return digits


def masked_telephone(number: str) -> str:
    """What a list shows of a number: the last two digits."""
    digits = normal_telephone(number)
    return f"•••{digits[-2:]}" if len(digits) > 4 else ("•••" if number else "")
