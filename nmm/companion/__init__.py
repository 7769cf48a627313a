"""What ties the book to the package: chapters and their four contracts.

A chapter imports `number`, `word`, `equation`, `figure` and `claim` from here. The rest of `nmm`
does not know that there is a book.
"""

from nmm.companion.record import claim, equation, figure, number, word

__all__ = ["claim", "equation", "figure", "number", "word"]
