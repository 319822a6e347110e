"""Puts the model folder together: network, features, decoding graphs, word list."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from tools.speech_model import graph, lexicon, vocabulary
from tools.speech_model import language as pairs
from tools.speech_model.features import MFCC_CONF
from tools.speech_model.kaldi_files import POSITIONS, Units, write_model
from tools.speech_model.languages import Language

# Debian puts OpenFst's lookahead type (libfst22-plugins-base) where the loader does not look by itself.
PLUGINS = "/usr/lib/x86_64-linux-gnu/fst/22"
PRIOR_POWER = 0.4  # 1 divides by the full prior, 0 not at all
MODEL_CONF = """--min-active=200
--max-active=3000
--beam=13.0
--lattice-beam=6.0
--acoustic-scale=1.0
--frame-subsampling-factor=3
--endpoint.silence-phones=1
--endpoint.rule2.min-trailing-silence=0.5
--endpoint.rule3.min-trailing-silence=0.75
--endpoint.rule4.min-trailing-silence=1.0
"""


def _fst(command: str, folder: Path) -> None:
    environment = {**os.environ, "LD_LIBRARY_PATH": PLUGINS}
    subprocess.run(["bash", "-ec", command], cwd=folder, env=environment, check=True, timeout=600)


def _pronunciations(phones: tuple[str, ...], language: Language) -> list[tuple[str, lexicon.Phones]]:
    known = lexicon.build(vocabulary.words(language), language)
    found: list[tuple[str, lexicon.Phones]] = []
    for word, many in known.items():
        for said in many:
            usable = tuple(phone for phone in said if phone in phones)
            if usable and (word, usable) not in found[-4:]:
                found.append((word, usable))
                # People write both «еще» and «ещё» in a menu's phrases: the model takes either.
                if "ё" in word and word.replace("ё", "е") not in known:
                    found.append((word.replace("ё", "е"), usable))
    return found


def _any_words(units: Units, language: Language) -> list[lexicon.Phones]:
    """How words of the language sound, ours and others: what an unknown word is likely to be made of."""
    words = [*vocabulary.words(language), *vocabulary.foreign_words(language)]
    known = lexicon.pronounce(words, language).values()
    return [phones for phones in known if phones and set(phones) <= set(units.phones)]


def _graphs(scratch: Path, target: Path, units: Units, language: Language) -> None:
    said = _pronunciations(units.phones, language)
    number = graph.word_numbers(dict.fromkeys(word for word, _ in said))
    sounds = graph.SoundGraph(units, graph.Costs())
    sounds.add_words((number[word], phones) for word, phones in said)
    sounds.add_unknown(number[pairs.UNKNOWN], graph.phone_model(_any_words(units, language), units.phones))
    (scratch / "hcl.txt").write_text(sounds.text())
    _fst(
        "fstcompile hcl.txt | fstarcsort --sort_type=olabel > hcl.fst\n"
        "fstconvert --fst_type=olabel_lookahead --save_relabel_opairs=relabel hcl.fst HCLr.fst",
        scratch,
    )
    # Lookahead composition wants words renumbered; words.txt has to follow.
    lines = (line.split() for line in (scratch / "relabel").read_text().splitlines())
    moved = {int(old): int(new) for old, new in lines}
    free = max(moved.values()) + 1
    for word, old in number.items():
        if old and old not in moved:
            moved[old], free = free, free + 1
        number[word] = moved[old] if old else 0
    phrases, examples = vocabulary.phrases(language), vocabulary.examples(language)
    words = vocabulary.words(language)
    known = [word for word in words if word in number]
    texts = [[t for t in many if all(w in number for w in t.split())] for many in (phrases, examples)]
    arcs = pairs.arcs(texts[0], texts[1], known, language.numbers.loop_words())
    text = pairs.as_text(arcs, pairs.endings(texts[0], texts[1]), number)
    (scratch / "g.txt").write_text(text)
    _fst("fstcompile g.txt | fstarcsort --sort_type=ilabel | fstconvert --fst_type=const > Gr.fst", scratch)
    for name in ("HCLr.fst", "Gr.fst"):
        shutil.copy(scratch / name, target / name)
    ordered = sorted(number.items(), key=lambda item: item[1])
    (target / "words.txt").write_text("".join(f"{word} {index}\n" for word, index in ordered), "utf-8")
    print(len(known), "words,", len(said), "pronunciations")


def _phone_files(target: Path, units: Units) -> None:
    (target / "phones").mkdir(parents=True, exist_ok=True)
    boundaries = [
        f"{index} {'nonword' if name == 'SIL' else POSITIONS[name[-1]]}\n" for name, index in units.id.items()
    ]
    (target / "phones/word_boundary.int").write_text("".join(boundaries))
    names = "".join(f"{name} {index}\n" for name, index in units.id.items())
    (target / "phones.txt").write_text("<eps> 0\n" + names, "utf-8")
    (target / "disambig_tid.int").write_text(f"{len(units.transition) + 1}\n")


def _known_phones(folder: Path) -> tuple[str, ...]:
    names = (line.split()[0] for line in (folder / "graph/phones.txt").read_text("utf-8").splitlines())
    return tuple(dict.fromkeys(name.rsplit("_", 1)[0] for name in names if name not in ("<eps>", "SIL")))


def write_network(work: Path, out: Path) -> None:
    """Network, features and phones of ``out``, from ``work``'s weights.npz and phones.txt."""
    phones = tuple((work / "phones.txt").read_text("utf-8").split())
    units = Units(phones)
    for part in ("am", "conf", "graph"):
        (out / part).mkdir(parents=True, exist_ok=True)
    with np.load(work / "weights.npz") as layers, (out / "am/final.mdl").open("wb") as file:
        priors = np.maximum(layers["prior"], 1e-5) ** PRIOR_POWER
        write_model(file, units, layers, priors)
    (out / "conf/mfcc.conf").write_text(MFCC_CONF)
    (out / "conf/model.conf").write_text(MODEL_CONF)
    _phone_files(out / "graph", units)


def write_words(out: Path, language: Language) -> None:
    """The graphs of an existing model folder anew, with today's words: seconds, no training."""
    units = Units(_known_phones(out))
    with tempfile.TemporaryDirectory() as scratch:
        _graphs(Path(scratch), out / "graph", units, language)
