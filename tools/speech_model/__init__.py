"""The small speech models: made here from synthesised speech, in Vosk's format, for 8 kHz telephony.

``python -m tools.speech_model --help`` lists the steps; ``README.md`` here names packages, voices and
licences. Nothing of this is needed to run Dozvon: it made ``models/ru-small``.
"""
