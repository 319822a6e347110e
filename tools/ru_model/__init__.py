"""The small Russian speech model: made here from synthesised speech, in Vosk's format, for 8 kHz telephony.

``python -m tools.ru_model --help`` lists the steps; ``tools/ru_model/README.md`` names packages, voices and
licences. Nothing of this is needed to run Dozvon: it made ``models/ru-small``.
"""
