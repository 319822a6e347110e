"""Facts on their way: order, bounds, repeats."""

from __future__ import annotations

from acd.service.outbox import BATCH, BATCH_BYTES, KEPT_MS, Outbox


def test_facts_leave_in_order_and_stay_until_confirmed() -> None:
    outbox = Outbox()
    for number in range(3):
        outbox.put(b"%d" % number)
    assert outbox.batch() == (1, [b"0", b"1", b"2"])
    assert outbox.batch() == (1, [b"0", b"1", b"2"])
    outbox.confirm(1, 2, 0)
    assert outbox.batch() == (3, [b"2"])
    outbox.confirm(3, 1, 0)
    assert len(outbox) == 0


def test_when_full_the_oldest_goes() -> None:
    outbox = Outbox(limit=2)
    for number in range(4):
        outbox.put(b"%d" % number)
    assert outbox.batch() == (3, [b"2", b"3"])
    assert outbox.dropped == 2 and outbox.overflowed


def test_a_batch_under_way_whose_facts_were_dropped() -> None:
    outbox = Outbox(limit=2)
    outbox.put(b"a")
    outbox.put(b"b")
    first, records = outbox.batch()
    outbox.put(b"c")
    outbox.confirm(first, len(records), 0)
    assert outbox.batch() == (3, [b"c"])


def test_batches_are_bounded_in_number_and_size() -> None:
    outbox = Outbox()
    for _ in range(BATCH + 5):
        outbox.put(b"x")
    assert len(outbox.batch()[1]) == BATCH
    large = Outbox()
    for _ in range(3):
        large.put(b"x" * (BATCH_BYTES // 2 + 1))
    assert len(large.batch()[1]) == 1


def test_after_a_lost_end_the_last_facts_go_again_under_their_numbers() -> None:
    outbox = Outbox()
    for number in range(4):
        outbox.put(b"%d" % number)
    outbox.confirm(1, 2, 1_000)
    outbox.confirm(3, 1, 1_000 + KEPT_MS + 1)
    assert outbox.rewind() == 1
    assert outbox.batch() == (3, [b"2", b"3"])
    assert outbox.rewind() == 0
