"""``python -m tools.speech_model make --lang en --work DIR``: from texts to a speech model."""

from __future__ import annotations

import argparse
from pathlib import Path

from tools.speech_model.languages import LANGUAGES, Language

_STEPS = {
    "say": "the texts, by the synthesisers",
    "prepare": "telephone lines and features",
    "train": "the network",
    "graph": "the model's folder",
    "words": "new words for an existing folder, without training",
    "evaluate": "the figures of the model card",
    "make": "say, prepare, train and graph",
}


def _arguments() -> argparse.Namespace:
    steps = "; ".join(f"{name}: {what}" for name, what in _STEPS.items())
    parser = argparse.ArgumentParser(prog="python -m tools.speech_model", description=__doc__, epilog=steps)
    parser.add_argument("step", choices=list(_STEPS))
    parser.add_argument("--lang", choices=list(LANGUAGES), default="ru")
    parser.add_argument("--work", type=Path, help="folder for sound, features, weights")
    parser.add_argument("--out", type=Path, help="the model's folder; models/LANG-small when left out")
    parser.add_argument("--seed", type=int, default=1, help="another seed: another set of utterances")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the set of utterances")
    parser.add_argument("--copies", type=int, default=3, help="telephone channels for each utterance")
    parser.add_argument("--minutes", type=float, default=30, help="of training")
    parser.add_argument("--continue", dest="resume", action="store_true", help="train on from the weights")
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--human", type=Path, help="evaluate: folder of asterisk-core-sounds-LANG-wav")
    parser.add_argument("--noise", type=float, help="evaluate: signal to noise, dB")
    parser.add_argument("--show", action="store_true", help="evaluate: print what went wrong")
    given = parser.parse_args()
    if given.work is None and given.step != "words":
        parser.error("--work is needed")
    return given


def _say(given: argparse.Namespace, language: Language) -> None:
    from tools.speech_model import corpus, voices

    lists = {
        given.work / f"training-{given.seed}.tsv": lambda: corpus.training(language, given.seed, given.scale),
        given.work / "testing.tsv": lambda: corpus.testing(language),
    }
    for file, make in lists.items():
        if not file.exists():
            corpus.save(make(), file)
        said = corpus.load(file)
        print(len(said), "utterances,", voices.synthesise(said, given.work / "sound"), "refused")


def main() -> None:
    given = _arguments()
    language = LANGUAGES[given.lang]
    out = given.out or Path("models") / f"{language.code}-small"
    step = given.step
    if given.work:
        given.work.mkdir(parents=True, exist_ok=True)
    if step in ("say", "make"):
        _say(given, language)
    if step in ("prepare", "make"):
        from tools.speech_model import dataset

        dataset.prepare(given.work, language, given.seed, given.copies)
    if step in ("train", "make"):
        from tools.speech_model import training

        training.train(given.work, given.minutes, given.rate, given.resume)
    if step in ("graph", "words", "make"):
        from tools.speech_model import model

        if step != "words":
            model.write_network(given.work, out)
        model.write_words(out, language)
    if step == "evaluate":
        from tools.speech_model import evaluate

        evaluate.run(language, given.work, out, given.human, given.noise, given.show)


if __name__ == "__main__":
    main()
