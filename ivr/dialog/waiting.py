"""Nodes around waiting: queue, in_queue.

While a caller holds a place the flow may lead him anywhere (answers, a guided talk): the place is kept,
``Hold`` is the way back, and a conversation may begin at any moment. What he hears about his place is
news: the first time everything, later only what has changed, and never the same words twice running.
"""

from __future__ import annotations

from ivr.dialog import giving
from ivr.dialog.asking import (
    ACCEPT,
    ACCEPT_ANSWER,
    CONFIRM,
    find_by_intent,
    find_option,
    fits,
)
from ivr.dialog.contract import (
    ConversationEnded,
    Digits,
    Enqueue,
    Hold,
    Input,
    Prompt,
    QueueReleased,
    Utterance,
    Waited,
)
from ivr.dialog.model import REPEAT_KEY, InQueue, Option, Prompts, Queue, RecordNode
from ivr.dialog.turn import Turn, topic_prompt

HINTED = "hint"  # in Session.heard
UNCLEAR = "unclear"
MAX_UNCLEAR = 2
HINT_EVERY = 4  # announcements between two mentions of what one can do while waiting


# ----------------------------------------------------------------------------------------------- queue
def enter_queue(turn: Turn, node: Queue) -> None:
    turn.set(step="hold", menus=())
    if turn.s.queued:
        if node.options and turn.s.announced and HINTED not in turn.s.heard:
            _give_hint(turn, node, heard=turn.s.speech)  # a talk came before the first hint
        _hold(turn, node.announce_s)
        return
    first = turn.s.first_queued_ms or turn.now_ms
    topic = turn.s.topic or node.topic
    whisper = tuple(Prompt(prompt) for prompt in node.whisper)
    if topic and node.whisper:
        whisper = (*whisper, Prompt(topic_prompt(topic)))
    turn.do(
        Enqueue(
            queue=node.queue,
            topic=topic,
            language=turn.s.language,
            priority=node.priority,
            min_level=node.min_level,
            first_queued_ms=first,
            announce_every_ms=node.first_announce_s * 1000,
            whisper=whisper,
            notes=dict(turn.s.matter),
        )
    )
    turn.set(
        queued=True,
        queue_node=node.id,
        first_queued_ms=first,
        announced=0,
        place=0,
        wait=(0, 0),
        typed_ahead="",
    )
    if node.prompts:
        # Said when the place is taken already: a specialist who is free rings meanwhile.
        turn.say(node.prompts)
    _hold(turn, node.first_announce_s)


def _hold(turn: Turn, announce_s: int) -> None:
    if not turn.s.speech:
        turn.do(Hold(announce_s * 1000))
        return
    news, turn.pending = tuple(turn.pending), []
    turn.do(Hold(announce_s * 1000, news, speech=True))  # heard and answered in one breath


def receive_queue(turn: Turn, node: Queue, input: Input) -> None:
    """An input while the caller listens to the music."""
    option: Option | None = None
    way: tuple[str, str] | None = None
    if isinstance(input, Waited):
        talk = _talk(turn, node, input)
        announce(turn, node, input, hint=not talk)
        if talk:
            turn.set(heard=(*turn.s.heard, f"talk.{turn.s.topic}"))
            turn.go(f"talks.{turn.s.topic}", talk)
            return
    elif isinstance(input, Digits):
        option = next((o for o in node.options if input.keys[:1] == o.key), None)
        if option is not None:
            turn.keep_keys(input.keys[1:])
        elif input.keys[:1] == REPEAT_KEY:
            _tell_again(turn, node)
    elif isinstance(input, Utterance):
        way = _spoken(turn, node, input)
    if option is not None:
        way = (option.key, option.go)
    if way is not None:
        turn.go(*way)
    else:
        _hold(turn, node.announce_s)


def _spoken(turn: Turn, node: Queue, said: Utterance) -> tuple[str, str] | None:
    """The edge that was meant. Nobody asked him, so it may not have been for us: doubtful words do nothing,
    words that were heard well but mean nothing here are answered ``MAX_UNCLEAR`` times."""
    option = find_option(node.options, said.text, turn.s.language)
    if option is not None and said.confidence >= CONFIRM:
        return option.key, option.go
    meaning = turn.meaning(said, "sentence")
    is_answer = meaning.intent.startswith("answer.")
    if meaning.confidence >= (ACCEPT_ANSWER if is_answer else ACCEPT):
        pattern = next((p for p in node.intents if meaning.intent and fits(meaning.intent, p)), "")
        if pattern:
            if is_answer:
                turn.slot("answer", meaning.intent.removeprefix("answer."))
            return f"intents.{pattern}", node.intents[pattern]
        option = find_by_intent(node.options, meaning)
        if option is not None:
            return option.key, option.go
        if meaning.intent in ("person", "repeat"):
            _tell_again(turn, node)
            return None
    if said.confidence >= CONFIRM and turn.s.heard.count(UNCLEAR) < MAX_UNCLEAR:
        turn.set(heard=(*turn.s.heard, UNCLEAR))
        turn.say(node.unclear)
    return None


def announce(turn: Turn, node: Queue, waited: Waited, *, hint: bool = True) -> None:
    """Say what is news about place and wait, now and then with a ``hint`` of what one can do meanwhile."""
    s = turn.s
    wait = (waited.low_ms, waited.high_ms)
    news_of_wait = wait != s.wait and waited.high_ms > 0
    if waited.place <= 0:
        turn.say(node.unknown)
    elif s.place == 0:  # never told
        turn.say(node.next_one if waited.place == 1 else node.first, place=waited.place)
        if waited.high_ms > 0:
            turn.say(node.wait, wait=wait)
    elif waited.place < s.place:
        turn.say(node.moved_next if waited.place == 1 else node.moved, place=waited.place)
        if news_of_wait:
            turn.say(node.wait, wait=wait)
    else:
        # A place that got worse (somebody urgent came) is not told: it helps nobody.
        turn.say((node.still[s.announced % len(node.still)],))
    if hint and node.options and (s.announced % HINT_EVERY == 0 or HINTED not in s.heard):
        _give_hint(turn, node, heard=waited.heard)
    better = waited.place if s.place == 0 else min(s.place, waited.place or s.place)
    told = wait if waited.place > 0 and (s.place == 0 or waited.place < s.place) else s.wait
    turn.set(announced=s.announced + 1, place=better, wait=told)


def _tell_again(turn: Turn, node: Queue) -> None:
    if turn.s.place <= 0:
        turn.say(node.unknown)
    else:
        turn.say(node.next_one if turn.s.place == 1 else node.first, place=turn.s.place)
        if turn.s.wait[1] > 0:
            turn.say(node.wait, wait=turn.s.wait)
    turn.say(_hint(turn, node, heard=turn.s.speech))


def _give_hint(turn: Turn, node: Queue, *, heard: bool) -> None:
    turn.say(_hint(turn, node, heard=heard))
    turn.set(heard=(*(mark for mark in turn.s.heard if mark != HINTED), HINTED))


def _hint(turn: Turn, node: Queue, *, heard: bool) -> Prompts:
    """Who is not listened to over the music just now is told of the keys only."""
    return node.hint_spoken if turn.s.speech and heard and node.hint_spoken else node.hint


def _talk(turn: Turn, node: Queue, waited: Waited) -> str:
    """The guided talk of the topic, once a call and when the wait is long enough for it; "" for none."""
    target = node.talks.get(turn.s.topic, "")
    short = waited.low_ms < node.talk_min_wait_s * 1000
    return "" if short or f"talk.{turn.s.topic}" in turn.s.heard else target


def queue_event(turn: Turn, input: Input) -> bool:
    """What the distributor says to a waiting caller, wherever in the flow he is just now."""
    node = turn.flow.nodes.get(turn.s.queue_node)
    if not turn.s.queued or not isinstance(node, Queue):
        return False
    if isinstance(input, ConversationEnded):
        turn.set(node=node.id, queued=False, first_queued_ms=0, typed_ahead="", recording="")
        turn.note("talk_ms", input.talk_ms)
        turn.go("next", node.next)
        return True
    if isinstance(input, QueueReleased):
        recorder = turn.node()
        if isinstance(recorder, RecordNode) and turn.s.recording:
            # What he said must not be lost to a question; it is what he would be offered now.
            turn.set(queued=False, typed_ahead="")
            giving.open_ticket(turn, recorder)
            return True
        turn.set(node=node.id, queued=False, typed_ahead="")
        label = f"released.{input.reason}" if input.reason in node.released else "else"
        turn.go(label, node.released.get(input.reason, node.otherwise))
        return True
    return False


def enter_in_queue(turn: Turn, node: InQueue) -> None:
    turn.go("yes", node.yes) if turn.s.queued else turn.go("no", node.no)


__all__ = [
    "announce", "enter_in_queue", "enter_queue", "queue_event", "receive_queue",
]  # fmt: skip
