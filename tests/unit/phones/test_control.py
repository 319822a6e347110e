"""baresip's control port: netstrings in any pieces, and what is no netstring."""

from __future__ import annotations

import asyncio
import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dozvon.phones.control import ControlError, pack, unpack

MESSAGES = st.lists(
    st.dictionaries(st.text(max_size=8), st.one_of(st.text(max_size=30), st.booleans()), max_size=4),
    max_size=5,
)


async def read_all(data: bytes, cuts: list[int]) -> list[dict]:
    reader = asyncio.StreamReader()
    edges = sorted({0, len(data), *(c % (len(data) + 1) for c in cuts)})
    for start, end in itertools.pairwise(edges):
        reader.feed_data(data[start:end])
    reader.feed_eof()
    messages = []
    try:
        while True:
            messages.append(await unpack(reader))
    except asyncio.IncompleteReadError:
        return messages


@settings(max_examples=60)
@given(MESSAGES, st.lists(st.integers(0, 1000), max_size=8))
def test_messages_survive_any_chunking(messages, cuts):
    data = b"".join(pack(message) for message in messages)
    assert asyncio.run(read_all(data, cuts)) == messages


@settings(max_examples=60)
@given(st.binary(max_size=60))
def test_anything_else_is_an_error_not_a_crash(data):
    async def read() -> None:
        with pytest.raises((ControlError, asyncio.IncompleteReadError, json.JSONDecodeError)):
            reader = asyncio.StreamReader()
            reader.feed_data(data)
            reader.feed_eof()
            while True:
                await unpack(reader)

    asyncio.run(read())


def test_a_message_of_a_gigabyte_is_refused():
    async def read() -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(b"999999999:")
        with pytest.raises(ControlError):
            await unpack(reader)

    asyncio.run(read())
