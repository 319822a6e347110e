"""The trunk, the agents' phones and what passes between them, on a real Asterisk."""

from __future__ import annotations

import asyncio
import socket

import pytest

from dozvon.machine.asterisk import AsteriskChild
from dozvon.machine.children import free_port
from dozvon.phones import PhoneError, sound

pytestmark = pytest.mark.e2e


async def test_configuration_loads_without_a_fault(asterisk, settings):
    own = settings.asterisk.model_copy(
        update={"ami_port": free_port(), "sip_port": free_port(kind=socket.SOCK_DGRAM)}
    )
    home = settings.home / "fresh"
    fresh = AsteriskChild(settings.model_copy(update={"home": home, "asterisk": own}), asterisk.toolbox)
    await fresh.start()
    try:
        modules = await fresh.console("module show")
    finally:
        await fresh.stop()
    log = (fresh.folder / "log" / "messages.log").read_text("utf-8")
    assert " ERROR[" not in log
    assert " WARNING[" not in log
    assert "modules loaded" in modules
    assert "Not Running" not in modules
    for forbidden in ("app_system", "func_shell", "func_curl", "app_disa", "chan_iax2", "res_ari"):
        assert forbidden not in modules


async def test_conversation_of_two_phones_is_heard_on_both_sides(agent_phone, capture):
    async with capture() as wire:
        anna, boris = await agent_phone("2001"), await agent_phone("2002")
        await anna.set_microphone(sound.tone(800, 60))
        await boris.set_microphone(sound.tone(1200, 60))
        await anna.dial("2002")
        await boris.wait_for("CALL_INCOMING")
        await boris.answer()
        await anna.wait_for("CALL_ESTABLISHED")
        await asyncio.sleep(1.0)  # a second of conversation is what is measured
        await anna.press("7")
        await anna.hang_up()
        await boris.wait_for("CALL_CLOSED")
        invite = wire.messages(method="INVITE")[0]
        answers = wire.messages(status=200, of="INVITE")
        assert [m.call_id == invite.call_id for m in answers] == [False, True]  # the called leg answers first
        # Asterisk's own first packet may still carry its own SSRC before it passes on the other phone's.
        directions = {(stream.source, stream.destination) for stream in wire.streams()}
        assert len(directions) == 4
        assert ["7"] in [[key for _, key in stream.pressed()] for stream in wire.streams()]
        assert 0 < wire.first_sound_after(answers[1].at_s, invite.audio_port) - answers[1].at_s < 0.5
    assert sound.tone_seconds(anna.heard(), 1200) >= 0.7
    assert sound.tone_seconds(boris.heard(), 800) >= 0.7


async def test_a_wrong_password_does_not_register(agent_phone, asterisk):
    with pytest.raises(PhoneError, match="401"):
        await agent_phone("2003", password="guessed")
    assert "2003/sip" not in await asterisk.console("pjsip show contacts")
