"""A SNILS whose words were lost or misheard, found by its check digits and by a second reading."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.dialog.identifiers import snils_is_valid
from ivr.dialog.understanding import dictated
from ivr.dialog.understanding.number_words import ENGLISH, RUSSIAN

NUMBER = "11223344595"
GROUPS = "сто двенадцать двести тридцать три четыреста сорок пять девяносто пять"
SINGLY = "один один два два три три четыре четыре пять девять пять"


def found(*heard: str, denied: tuple[str, ...] = (), language: str = "ru") -> str:
    return dictated.snils([[(text.split(), 0.0)] for text in heard], language, denied)


def ways(*heard: tuple[str, float]) -> dictated.Ways:
    return [(text.split(), cost) for text, cost in heard]


def test_a_reading_without_mistakes_is_itself() -> None:
    assert found(GROUPS) == found(SINGLY) == NUMBER
    english = "one twelve two thirty three four forty five ninety five"
    assert found("one one two two three three four four five nine five", language="en") == NUMBER
    assert found(english.replace("one twelve", "one one two"), language="en") in (NUMBER, "")


def test_a_word_that_is_wrong_lost_or_added_is_put_right() -> None:
    assert found(GROUPS.replace("двенадцать", "двести")) == NUMBER
    assert found(GROUPS.replace("двести тридцать", "тридцать")) == NUMBER
    assert found(SINGLY.replace("девять", "семь")) == NUMBER
    assert found(SINGLY.removesuffix(" пять")) == NUMBER
    assert found(GROUPS.replace("четыреста", "живой четыреста")) == NUMBER


def test_another_way_to_hear_it_is_believed_before_a_mistake_is_looked_for() -> None:
    """Three words are wrong: too much for a guess, nothing for a recogniser that was unsure of them."""
    bad = "сто двенадцать две пять тридцать три четыреста со пять девять пять"
    assert found(bad) == ""
    assert (
        dictated.snils([ways((bad, 0.0), (GROUPS.replace("сорок", "со"), 1.0), (GROUPS, 2.5))], "ru")
        == NUMBER
    )
    # One word less and another one more are likelier than what the recogniser nearly excludes.
    slip, far = GROUPS.replace("двести тридцать", "тридцать"), "сто сто двадцать три сто сто девяносто пять"
    assert dictated.snils([ways((slip, 0.0), (far, 9.0))], "ru") == NUMBER


def test_ways_of_two_readings_are_weighed_together() -> None:
    """What fits both is surer than what fits one of them better."""
    other = "11223344090"  # valid, too
    assert snils_is_valid(other)
    heard = GROUPS.replace("девяносто пять", "пять")
    first = ways(
        (heard, 0.0), (GROUPS, 2.0), (GROUPS.replace("сорок пять девяносто пять", "сорок девяносто"), 1.8)
    )
    second = ways((SINGLY.replace("девять", "семь"), 0.0), (SINGLY, 0.5))
    assert dictated.snils([second, first], "ru") == NUMBER


def test_two_bad_readings_are_weighed_together() -> None:
    first = GROUPS.replace("двенадцать", "девяносто").replace("сорок", "четыре")
    second = "один один два два три четыре четыре пять девять пять"
    assert found(second, first) == NUMBER


def test_what_the_caller_denied_is_not_offered_unless_he_reads_it_again() -> None:
    bad = GROUPS.replace("двенадцать", "двести")
    assert found(bad) == NUMBER != found(bad, denied=(NUMBER,))
    assert found(GROUPS, denied=(NUMBER,)) != NUMBER
    assert found(SINGLY, GROUPS, denied=(NUMBER,)) == NUMBER


def test_what_is_no_number_is_none() -> None:
    assert found("") == found("не знаю") == found() == ""
    assert found("пять") == ""
    assert found(" ".join(["пять"] * 40)) == ""
    assert found(GROUPS, language="tt") == ""


@settings(max_examples=40)
@given(
    st.lists(st.lists(st.sampled_from(sorted(RUSSIAN.values)), max_size=20), max_size=3),
    st.sampled_from(["ru", "en"]),
)
def test_whatever_was_heard_the_answer_is_valid_or_none(heard: list[list[str]], language: str) -> None:
    number = dictated.snils([[(words, 0.0), (words[1:], 1.0)] for words in heard], language)
    assert number == "" or snils_is_valid(number)


@settings(max_examples=40)
@given(st.lists(st.sampled_from(sorted(ENGLISH.values)), max_size=20))
def test_english_too(heard: list[str]) -> None:
    number = dictated.snils([[(heard, 0.0)], [(heard, 0.0)]], "en", ("11223344595",))
    assert number == "" or snils_is_valid(number)


def test_it_takes_no_time_that_a_caller_would_notice() -> None:
    first = "четыреста пятьдесят пять двести сорок четыре двести двадцать один шестьдесят один"
    began = time.process_time()
    found("четыре пять пять два четыре четыре два один", first)
    assert time.process_time() - began < 0.5
