"""Queues by name: the flows put callers into them, the rules say who may help there."""

from __future__ import annotations

from collections.abc import Iterator

from dozvon import hotline
from dozvon.settings import Settings


def strangers(settings: Settings) -> Iterator[tuple[str, str]]:
    """(``warning``, text) of each queue that only the flows or only the rules know. Raises
    RulesFileError, FlowError.

    Rules that name no queue speak of all; who overflows into a queue needs no flow that leads there.
    """
    from acd.core.rules import parse
    from acd.rules_file import where
    from ivr.dialog.flow import load
    from ivr.dialog.model import Queue

    loaded = hotline.rules(settings)
    named = parse(loaded.rules).queues if loaded else {}
    if not named:
        return
    nodes = [node for node in load(settings.config / "flows").nodes.values() if isinstance(node, Queue)]
    file = settings.config / "rules.yaml"
    for node in nodes:
        if node.queue not in named:
            at = f"{node.file}:{node.line}"
            yield "warning", f"{at}: {file.name} has no queue '{node.queue}', it has {', '.join(named)}"
    used = {node.queue for node in nodes} | {rule.overflow for rule in named.values()}
    for name in named:
        if name not in used:
            yield "warning", f"{where(file, f'queues.{name}')}: no flow leads to queue '{name}'"
