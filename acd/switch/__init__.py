"""Asterisk's manager: what the distributor learns of phones, and what it asks beside a caller's session."""

from acd.switch.link import BadValue, SwitchDown, SwitchError, SwitchRefused, SwitchTimeout
from acd.switch.switch import Originated, Switch

__all__ = [
    "BadValue",
    "Originated",
    "Switch",
    "SwitchDown",
    "SwitchError",
    "SwitchRefused",
    "SwitchTimeout",
]
