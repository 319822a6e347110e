"""Wiring: the speech server of this installation, for the daemon and for ``dozvon speech``."""

from __future__ import annotations

import structlog

from dozvon.settings import Settings
from ivr.speech import models
from ivr.speech.recogniser import Model
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
