"""Wiring: the speech server of this installation, for the daemon and for ``dozvon speech``."""

from __future__ import annotations

from collections.abc import Iterator

import structlog

from dozvon.settings import Settings
from ivr.dialog.model import Flow, Menu
from ivr.speech import models
from ivr.speech.recogniser import Model, ModelFaulty
from ivr.speech.server import SpeechServer

log = structlog.get_logger()


def server(settings: Settings, token: str) -> SpeechServer:
    """Loads the models (tens of milliseconds for the small one, seconds for a large one); not started yet.

    ``speech.model`` of the settings is for the hotline's own language. A language without a model goes on
    with keys. Raises ivr.speech.recogniser.ModelFaulty.
    """
    found: dict[str, Model] = {}
    for language in settings.hotline.languages:
        configured = settings.speech.model if language == settings.hotline.language else ""
        model = models.load(language, settings.home / "models", configured)
        if model is None:
            log.warning(
                "a language has no speech model: keys only", action="speech_no_model", language=language
            )
            continue
        found[language] = model
    return SpeechServer(found, token=token, max_turns=settings.speech.max_turns)


def unheard(settings: Settings, flow: Flow) -> Iterator[tuple[str, str]]:
    """What the chosen models cannot hear of the flow's phrases, as ``warning`` with file and line; a model
    that cannot be used is an ``error``. A phrase with a word that the model lacks is never listened for."""
    if not settings.speech.enabled:
        return
    for language in settings.hotline.languages:
        configured = settings.speech.model if language == settings.hotline.language else ""
        try:
            model = models.load(language, settings.home / "models", configured)
        except ModelFaulty as error:
            yield "error", f"speech, {language}: {error}"
            continue
        if model is None:
            yield "warning", f"speech: no model for {language}: its callers use keys"
            continue
        for node in flow.nodes.values():
            # A free menu listens for any words; what it lacks is still worth knowing.
            for option in getattr(node, "options", ()):
                for phrase in option.phrases.get(language, ()):
                    if lacking := model.missing([phrase.lower().replace("-", " ")]):
                        free = isinstance(node, Menu) and node.free
                        what = "is heard badly" if free else "is not listened for"
                        where = f"{node.file}:{option.line or node.line}"
                        lacks = f"the {language} model lacks {', '.join(lacking)}"
                        yield "warning", f"{where}: '{phrase}' {what}: {lacks}"
