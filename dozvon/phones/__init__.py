"""Real telephones for tests, for the demonstration and for ``dozvon call``.

baresip and sipp are SIP programs that we did not write; they are driven here, not imitated:

* ``AgentPhone``   registers as 2001 …, answers, rejects, is busy, speaks, listens
* ``CallerPhone``  calls the hotline through the trunk, presses keys, speaks, listens
* ``sipp``         load, and messages that a decent phone would never send
* ``capture``      what really went over the wire: SIP messages and audio, with times
"""

from dozvon.phones.baresip import AgentPhone, CallerPhone, PhoneError, PhoneEvent

__all__ = ["AgentPhone", "CallerPhone", "PhoneError", "PhoneEvent"]
