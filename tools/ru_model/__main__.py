"""``python -m tools.ru_model make --work DIR --out models/ru-small``: everything, from texts to the model."""

from __future__ import annotations

import argparse
from pathlib import Path


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.ru_model", description=__doc__)
    steps = ["say", "prepare", "train", "graph", "evaluate", "make"]
    parser.add_argument("step", choices=steps, help="make: all steps but evaluate")
    parser.add_argument("--work", type=Path, required=True, help="folder for sound, features, weights")
    parser.add_argument("--out", type=Path, default=Path("models/ru-small"))
    parser.add_argument("--seed", type=int, default=1, help="another seed: another set of utterances")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the set of utterances")
    parser.add_argument("--copies", type=int, default=3, help="telephone channels for each utterance")
    parser.add_argument("--minutes", type=float, default=30, help="of training")
    parser.add_argument("--continue", dest="resume", action="store_true", help="train on from the weights")
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--human", type=Path, help="evaluate: folder of asterisk-core-sounds-ru-wav")
    parser.add_argument("--noise", type=float, help="evaluate: signal to noise, dB")
    parser.add_argument("--show", action="store_true", help="evaluate: print what went wrong")
    return parser.parse_args()


def main() -> None:
    given = _arguments()
    given.work.mkdir(parents=True, exist_ok=True)
    step = given.step
    if step in ("say", "make"):
        from tools.ru_model import corpus, voices

        lists = {
            given.work / f"training-{given.seed}.tsv": lambda: corpus.training(given.seed, given.scale),
            given.work / "testing.tsv": corpus.testing,
        }
        for file, make in lists.items():
            if not file.exists():
                corpus.save(make(), file)
            said = corpus.load(file)
            print(len(said), "utterances,", voices.synthesise(said, given.work / "sound"), "refused")
    if step in ("prepare", "make"):
        from tools.ru_model import dataset

        dataset.prepare(given.work, given.seed, given.copies)
    if step in ("train", "make"):
        from tools.ru_model import training

        training.train(given.work, given.minutes, given.rate, given.resume)
    if step in ("graph", "make"):
        from tools.ru_model import model

        model.write(given.work, given.out)
    if step == "evaluate":
        from tools.ru_model import evaluate

        evaluate.run(given.work, given.out, given.human, given.noise, given.show)


if __name__ == "__main__":
    main()
