"""Chats of a node, as the engine knows them."""

from __future__ import annotations

from acd.contract import CallQueued, ChatView, Event, OfferAccepted
from acd.core.engine import Engine
from acd.core.model import CHAT


def at_node(engine: Engine, node: str) -> tuple[ChatView, ...]:
    """Those that are not over and that this node looks after; looks at all calls."""
    mine = [call.call_id for call in engine.calls.values() if call.channel == CHAT and call.node == node]
    return tuple(view for chat_id in mine if (view := engine.chat(chat_id)) is not None)


def facts_of(engine: Engine, chat_id: str, node: str) -> list[Event]:
    """What a node that looks after a chat from now on has to know of it, and to tell should the journal be
    lost. Empty: there is no such chat."""
    call = engine.calls.get(chat_id)
    if call is None or call.channel != CHAT:
        return []
    queued = CallQueued(
        chat_id,
        node,
        call.queue,
        call.topic,
        call.language,
        call.priority,
        call.place_ms,
        call.caller_ref,
        call.min_level,
        call.flow_version,
        CHAT,
    )
    if call.state != "connected":
        return [queued]
    return [OfferAccepted("", chat_id, call.agent_id, CHAT), queued]
