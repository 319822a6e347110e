"""SNILS read out to the recogniser, without calls: right at once, and after a denied one was read again.
Dates of birth, too: right at once.

    nice python -m bench.speech.numbers [--numbers 110] [--dates 90] [--seed 3]

The shipped model with the grammar of numbers hears voices that it was never trained on (`bench.speech.said`),
8 kHz A-law, clean and with noise at 15 dB; each number in groups, then digit by digit. *Plain* is the
likeliest reading of eleven digits if its check digits are right, and the second reading by itself; *weighed*
is `ivr.dialog.understanding.dictated`, as the dialogue uses it, with all ways in which the recogniser heard a
reading, or (*one way*) with the likeliest only. Whoever is read back a wrong number says no.
One JSON object on standard output.
"""

from __future__ import annotations

import argparse
import json
import random
from array import array
from collections import Counter
from itertools import cycle, islice

import numpy as np

from bench.speech import said
from bench.speech.calls import NOISE_DB, PAUSES_S, singly, snils
from bench.speech.phrases import births
from dozvon.phones import sound
from dozvon.settings import ROOT
from ivr.dialog.hearings import MAX_HEARINGS as MOST
from ivr.dialog.identifiers import snils_is_valid
from ivr.dialog.understanding import dates, dictated
from ivr.dialog.understanding.dictated import Ways
from ivr.dialog.understanding.number_words import RUSSIAN
from ivr.dialog.understanding.spoken_numbers import digits
from ivr.dialog.understanding.text import words
from ivr.speech.contract import Expects
from ivr.speech.grammar import phrases_for
from ivr.speech.recogniser import VoskModel

AFTER_S = 2.0  # of silence or noise after the speech
_LEVELS = np.sort(np.array(sound.from_alaw(bytes(range(256))), np.int32))


def on_telephone(samples: array[int]) -> bytes:
    """Through A-law: each sample becomes the nearest of its 256 levels."""
    given = np.asarray(samples, np.int32)
    above = np.clip(np.searchsorted(_LEVELS, given), 1, 255)
    low, high = _LEVELS[above - 1], _LEVELS[above]
    return np.where(given - low <= high - given, low, high).astype("<i2").tobytes()


class Ear:
    def __init__(self) -> None:
        self._model = VoskModel(ROOT / "models" / "ru-small")

    def hear(self, speech: said.Sound, noisy: bool, seed: int, expects: Expects = "digits") -> Ways:
        samples, _ = said.on_line(speech, NOISE_DB if noisy else None, seed)
        if noisy:
            samples = samples[: len(samples) - int((said.TAIL_S - AFTER_S) * said.RATE)]
        else:
            samples = samples + array("h", bytes(2 * int(AFTER_S * said.RATE)))
        line = on_telephone(samples)
        recogniser = self._model.recogniser(phrases_for(expects, "ru", ()), others=True)
        for start in range(0, len(line), 3200):
            recogniser.feed(line[start : start + 3200])
        heard = recogniser.finish()
        return [(words(heard.words), 0.0), *((words(way.words), way.cost) for way in heard.others)]


def plain(heard: Ways) -> str:
    found = digits(heard[0][0], RUSSIAN, (11,))
    return found if snils_is_valid(found) else ""


def score(counts: Counter[str], where: str, number: str, first: Ways, second: Ways) -> None:
    counts[f"{where}: numbers"] += 1
    at_once = plain(first)
    counts[f"{where}: plain, at once"] += at_once == number
    counts[f"{where}: plain, after one confirmation"] += number in (at_once, plain(second))
    for name, most in (("weighed", MOST), ("weighed, one way", 1)):
        at_once = dictated.snils([first[:most]], "ru")
        again = dictated.snils([second[:most], first[:most]], "ru", [at_once] * bool(at_once))
        counts[f"{where}: {name}, at once"] += at_once == number
        counts[f"{where}: {name}, read back wrong at first"] += at_once not in (number, "")
        counts[f"{where}: {name}, read back wrong again"] += again != "" and number not in (at_once, again)
        counts[f"{where}: {name}, after one confirmation"] += number in (at_once, again)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--numbers", type=int, default=110)
    parser.add_argument("--dates", type=int, default=90)
    parser.add_argument("--seed", type=int, default=3)
    options = parser.parse_args()
    random.seed(options.seed)
    ear = Ear()
    counts: Counter[str] = Counter()
    for seed, voice in enumerate(islice(cycle(said.voices()), options.numbers)):
        number, parts = snils()
        grouped = said.groups(parts, voice, random.choice(PAUSES_S))
        single = said.groups(singly(number), voice, random.choice(PAUSES_S))
        for where, noisy in (("clean", False), ("noise", True)):
            heard = [ear.hear(speech, noisy, seed) for speech in (grouped, single)]
            score(counts, where, number, *heard)
        said.clean.cache_clear()
    for seed, (voice, birth) in enumerate(zip(cycle(said.voices()), births(options.dates), strict=False)):
        for where, noisy in (("clean", False), ("noise", True)):
            heard = ear.hear(said.clean(birth.text, voice), noisy, seed, "date")
            counts[f"{where}: dates"] += 1
            counts[f"{where}: dates, plain"] += birth.right(" ".join(heard[0][0]))
            day = dates.likeliest(heard, "ru")
            counts[f"{where}: dates, weighed"] += day is not None and birth.right(f"{day:%d.%m.%Y}")
        said.clean.cache_clear()
    print(json.dumps(dict(sorted(counts.items())), indent=2))


if __name__ == "__main__":
    main()
