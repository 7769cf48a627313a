"""What ties the book to the package: chapters and their four contracts.

A chapter imports `number`, `word`, `equation`, `figure`, `claim` and `answer` from here, a reader
who solves its exercises `check`. The rest of `nmm` does not know that there is a book.
"""

from nmm.companion.exercises import check
from nmm.companion.record import answer, claim, equation, figure, number, word

__all__ = ["answer", "check", "claim", "equation", "figure", "number", "word"]
