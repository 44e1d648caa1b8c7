"""The passkey test: a five-digit number, said once, hidden in text of any length.

The wording is that of Landmark Attention's test (arXiv 2305.16300) and of the Infini-attention
paper, appendix B. No torch in here: what is built is text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Final, Literal

from infinisum.generated_prose import paragraphs

Filler = Literal["repeated", "prose"]
Position = Literal["start", "middle", "end"]

FILLERS: Final[tuple[Filler, ...]] = ("repeated", "prose")
POSITIONS: Final[tuple[Position, ...]] = ("start", "middle", "end")

INTRODUCTION: Final = (
    "There is an important info hidden inside a lot of irrelevant text. Find it and memorize "
    "them. I will quiz you about the important information there."
)
REPEATED: Final = (
    "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again."
)
QUESTION: Final = "What is the pass key? The pass key is"
LEAST_KEY, MOST_KEY = 10_000, 99_999  # five digits


def key_line(key: int) -> str:
    """The line that says the key, twice."""
    return f"The pass key is {key}. Remember it. {key} is the pass key."


def filler_sentences(
    filler: Filler, seed: int = 0, book: Sequence[Sequence[str]] = ()
) -> Iterator[Sequence[str]]:
    """Paragraphs of the filler without end, each as its sentences.

    Args:
        filler: the paper's sentences, or prose.
        seed: of the generated prose.
        book: paragraphs of a real text; with them every other paragraph is the book's, from its
            start again after its end.
    """
    if filler == "repeated":
        yield from cycle(((REPEATED,),))
        return
    real = cycle(book)
    for paragraph in paragraphs(seed):
        yield paragraph
        if book:
            yield next(real)
