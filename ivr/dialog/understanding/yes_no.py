"""Yes or no, as people say it after a question: «да-да, верно», «да нет, не помогло», «no, that's wrong».

Who has not heard or understood the question («не слышу», "I don't understand") has answered neither way,
however many negations he needs to say so: it has to be asked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ivr.dialog.understanding.text import words

LONGEST = 8  # words; a longer utterance is not an answer to a yes-no question alone
_SURE = 0.97


@dataclass(frozen=True, slots=True)
class _Words:
    yes: frozenset[str]
    no: frozenset[str]
    negations: frozenset[str]  # turn what follows: «не верно»
    doubts: frozenset[str]
    hardly: frozenset[str]  # negations of the next words only: «плохо слышно»
    grasps: frozenset[str]  # negated, they are about the question and no answer to it
    again: frozenset[str]  # by themselves, too
    leaning: frozenset[str]  # negations that nobody ends with: of «не понял» not all was heard


_LANGUAGES: Mapping[str, _Words] = {
    "ru": _Words(
        frozenset(
            "да ага угу верно правильно точно конечно именно подтверждаю согласен согласна хорошо ладно "
            "давайте "
            "давай помогло помогли естественно разумеется ок безусловно хочу можно надо нужно буду".split()
        ),
        frozenset(
            "нет неа нету неверно неправильно ошибка отнюдь отказываюсь нельзя никак против ненадо".split()
        ),
        frozenset({"не", "ни"}),
        frozenset("может возможно наверное наверно вроде кажется знаю знаем".split()),
        frozenset("плохо трудно еле".split()),
        frozenset(
            "понял поняла поняли понимаю понимаем понять понятно слышу слышим слышно слышал слышала слышать "
            "расслышал расслышала расслышали расслышать разобрал разобрала разобрать".split()
        ),
        frozenset("непонятно неслышно повторите повтори повторить".split()),
        frozenset({"не", "ни"}),
    ),
    "en": _Words(
        frozenset(
            "yes yeah yep yup right correct exactly sure ok okay indeed absolutely fine helped true "
            "certainly".split()
        ),
        frozenset("no nope nah wrong incorrect false never".split()),
        frozenset("not don't didn't isn't doesn't wasn't won't".split()),
        frozenset("maybe perhaps possibly probably".split()),
        frozenset("can't cannot couldn't hardly barely".split()),
        frozenset("understand understood hear heard catch caught follow get got".split()),
        frozenset("repeat pardon".split()),
        frozenset(),
    ),
}


def yes_or_no(text: str, language: str) -> tuple[Literal["yes", "no", "repeat", ""], float]:
    """What was answered and how sure that is; ("", 0.0) when neither."""
    known = _LANGUAGES.get(language)
    said = words(text)
    if known is None or not said or len(said) > LONGEST:
        return "", 0.0
    votes: list[bool] = []
    turned = hardly = False
    for word in said:
        hardly = hardly or word in known.hardly
        if word in known.again or (word in known.grasps and (turned or hardly)):
            return "repeat", _SURE
        if word in known.negations:
            turned = True
        elif word in known.no:
            votes.append(False)
            turned = False
        elif word in known.yes:
            votes.append(not turned)
            turned = False
    if turned and (votes or said[-1] not in known.leaning):  # «не помню», «it did not»
        votes.append(False)
    if not votes:
        return "", 0.0
    doubtful = any(word in known.doubts for word in said)
    # «Да нет» is a no, in both languages the last word has it; a mixture is asked about once more.
    answer: Literal["yes", "no"] = "yes" if votes[-1] else "no"
    mixed = len(set(votes)) > 1 and said[:2] != ["да", "нет"]
    sure = 0.45 if doubtful else 0.6 if mixed else _SURE
    return answer, sure if len(votes) * 3 >= len(said) else min(sure, 0.75)
