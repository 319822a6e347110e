"""Chats through a real journal: two nodes, lost nodes, an emptied Redis."""

from __future__ import annotations

import asyncio

from acd.contract import AgentStatusDeclared, CallQueued, OfferAccepted, RulesLoaded
from acd.service import DistributorService
from dozvon.chat_office import ChatOffice
from dozvon.settings import Chats
from web.chat_schemas import ChatIn
from web.ports import Conflict

from .conftest import Making, RedisServer, eventually, next_offer, roster_of

RULES = RulesLoaded("chats", {"chat_capacity": 2, "wrap_up_s": 0})


def office_of(service: DistributorService) -> ChatOffice:
    return ChatOffice(
        Chats(),
        service.node,
        service,
        topics=lambda: {"t"},
        languages=("ru",),
        queue=lambda: "hotline",
        reference=lambda name: f"ref-{name}",
    )


def wish(number: int) -> ChatIn:
    return ChatIn(request_id=f"r{number}", topic="t")


async def test_chats_and_calls_through_the_journal(making: Making) -> None:
    node = making(node="n1", leads=True, roster=roster_of(1), rules=RULES)
    await node.start()
    assert await node.synchronised(10)
    office, orders = office_of(node), node.commands("n1")
    await eventually(lambda: "a1" in node.endpoints())
    chats = [await office.request(wish(number)) for number in range(3)]
    for chat in chats[:2]:
        await eventually(lambda chat=chat: node.chat(chat.chat_id).state == "offered")
        assert (await office.accept(chat.chat_id, "a1")).state == "connected"
    assert not node.is_working("a1"), "his telephone is not ours while he chats"
    await node.report(CallQueued("c1", "n1", "hotline", "t"))
    await eventually(lambda: len(node.snapshot().calls) == 4)
    await office.leave(chats[2].chat_id)
    for chat in chats[:2]:
        assert (await office.end(chat.chat_id, "a1")).state == "ended"
    offer = await next_offer(orders)
    assert (offer.call_id, offer.channel) == ("c1", "voice"), "no order tells a node of a chat"
    await eventually(lambda: node.is_working("a1"))


async def test_two_agents_do_not_take_up_the_same_chat(making: Making) -> None:
    """Each through a node of his own."""
    first = making(node="n1", leads=True, roster=roster_of(2), rules=RULES)
    second = making(node="n2")
    await first.start()
    await second.start()
    assert await first.synchronised(10) and await second.synchronised(10)
    here, there = office_of(first), office_of(second)
    await eventually(lambda: len(first.endpoints()) == 2)
    chat = await here.request(wish(1))
    await eventually(lambda: second.chat(chat.chat_id) and second.chat(chat.chat_id).state == "offered")
    holder = second.chat(chat.chat_id).agent_id

    async def take(office: ChatOffice, agent: str) -> str:
        try:
            return (await office.accept(chat.chat_id, agent)).agent_id
        except Conflict:
            return ""

    answers = await asyncio.gather(take(here, "a1"), take(there, "a2"))
    assert sorted(answers) == ["", holder]


async def test_a_lost_nodes_chats_go_on_at_the_other(making: Making) -> None:
    first = making(node="n1", leads=False)
    second = making(node="n2", leads=True, roster=roster_of(1), rules=RULES)
    await second.start()
    assert await second.synchronised(10)
    await first.start()
    assert await first.synchronised(10)
    await eventually(lambda: "a1" in first.endpoints() and "a1" in second.endpoints())
    here, there = office_of(first), office_of(second)
    other = await there.request(wish(0))
    await eventually(lambda: first.chat(other.chat_id))
    await there.leave(other.chat_id)
    chat = await here.request(wish(1))
    await eventually(lambda: first.chat(chat.chat_id).state == "offered")
    await here.accept(chat.chat_id, "a1")
    await first._cancel_all()  # as if killed: no word, no sign of life
    await eventually(lambda: second.chat(chat.chat_id).node == "n2", 20)
    await there.review()
    assert second.chat(chat.chat_id).state == "connected"
    assert (await there.end(chat.chat_id, "a1")).outcome == "answered"


async def test_an_emptied_journal_loses_no_chat(making: Making, redis_server: RedisServer) -> None:
    node = making(node="n1", leads=True, roster=roster_of(1), rules=RULES)
    await node.start()
    assert await node.synchronised(10)
    office = office_of(node)
    await eventually(lambda: "a1" in node.endpoints())
    chats = [await office.request(wish(number)) for number in range(3)]
    for chat in chats[:2]:
        await eventually(lambda chat=chat: node.chat(chat.chat_id).state == "offered")
        await office.accept(chat.chat_id, "a1")
    places = [node.chat(chat.chat_id).first_queued_ms for chat in chats]
    with redis_server.client() as client:
        client.flushall()
    generation = node._follower.replica
    await eventually(lambda: node._follower.replica is not generation, 15)
    await eventually(lambda: all(node.chat(chat.chat_id) for chat in chats), 15)
    await eventually(
        lambda: [node.chat(each.chat_id).state for each in chats] == ["connected"] * 2 + ["queued"]
    )
    assert node.chat(chats[2].chat_id).first_queued_ms == places[2]


async def test_what_was_given_back_is_not_taken_up_again(making: Making, redis_server: RedisServer) -> None:
    node = making(node="n1", leads=True, roster=roster_of(1), rules=RULES)
    await node.start()
    assert await node.synchronised(10)
    office = office_of(node)
    await eventually(lambda: "a1" in node.endpoints())
    chat = await office.request(wish(1))
    await eventually(lambda: node.chat(chat.chat_id).state == "offered")
    await office.accept(chat.chat_id, "a1")
    await node.report(AgentStatusDeclared("a1", "logged_out"))
    await eventually(lambda: node.chat(chat.chat_id).state == "queued")
    assert not any(
        isinstance(fact, OfferAccepted) for fact in node._facts.unknown_to(node._follower.replica.engine)
    )
    await office.leave(chat.chat_id)
    await eventually(lambda: not node._facts.is_live(chat.chat_id))
