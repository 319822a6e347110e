"""From words to meaning: subjects, commands, yes and no, numbers, dates, answers to questions.

Rules of this package: what a caller said is never an error; confidence is calibrated (of all guesses with
0.8 eight in ten are right); nothing is written to logs. Examples live in config/understanding.
"""

from ivr.dialog.understanding.answers import Question
from ivr.dialog.understanding.examples import ExamplesFaulty
from ivr.dialog.understanding.understander import Understander, load

__all__ = ["ExamplesFaulty", "Question", "Understander", "load"]
