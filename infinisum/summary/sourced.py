"""While the decoder writes: names and numbers that the book does not have cannot be written.

A name is here what it is in `grounding`: a word that begins with a capital, unless a sentence
begins there and the book has it in small letters. Words are made of tokens, so a token is allowed
while the word it begins or continues can still become one of the book's, and a word may end where
it is one. Words in small letters are free; so is all else. It is a check of words, as in
`grounding`: which of the book's people did something remains for the model to get right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import torch
from torch import Tensor
from transformers import LogitsProcessor

from infinisum.summary.grounding import OPENERS, TOO_COMMON, BookWords, starts_sentence
from infinisum.summary.words import NUMBER_WORDS
from infinisum.tokenizer import Tokenizer

LOOKED_BACK: Final = 24  # tokens: more than any word has, and what stands before it
TRIED: Final = 256  # likeliest tokens that are looked at inside a name, before all are

_PARTIAL = "\ufffd"  # how a token reads that is a part of a letter's bytes
_LAST = re.compile(r"[^\W_]*\Z")  # the word a text breaks off in, if it does
_RUN = re.compile(r"[^\W_]+")
_DIGITS = re.compile(r"\d+")


class Spellings:
    """The words with a capital or a digit that may be written, and what they may begin with.

    Args:
        book: words and numbers of all that may be known.
    """

    def __init__(self, book: BookWords) -> None:
        values = {int(number) for number in book.numbers if len(number) < 3}
        compound = [value for value in values if value > 20]  # twenty-two: twenty, two
        values |= {part for value in compound for part in (value % 10, value // 10 * 10)}
        self._unknown = {word for word, value in NUMBER_WORDS.items() if value not in values}
        self._unknown -= TOO_COMMON
        words = {part for word in book.words for part in word.split("'") if part}
        names = {word for word in words if word[0].isupper()}
        # What stands in capitals in the book, a heading or a speaker, may be written like a name.
        names |= {word.capitalize() for word in names if word.isupper()}
        names |= {word.capitalize() for word in OPENERS - self._unknown}
        opening = names | {word.capitalize() for word in words if word.islower()}
        self._numbers = book.numbers
        self._words = {False: names, True: opening}
        self._begun = {start: _beginnings(words) for start, words in self._words.items()}
        self._beyond_ascii = {
            start: {word[:-1] for word in words if not word[-1].isascii()}
            for start, words in self._begun.items()
        }
        self._numbers_begun = _beginnings(self._numbers)

    def may_begin(self, word: str, starts: bool) -> bool:
        """Whether a word may begin with these letters or digits.

        Args:
            word: one character or more.
            starts: whether a sentence begins with it.
        """
        if digits := _DIGITS.match(word):
            whole = digits[0] == word
            return digits[0] in (self._numbers_begun if whole else self._numbers)
        return word in self._begun[starts] if word[0].isupper() else self.is_free(word)

    def may_end(self, word: str, starts: bool) -> bool:
        """Whether a word may be these letters or digits, and nothing more."""
        if digits := _DIGITS.match(word):
            return digits[0] in self._numbers
        known = word in self._words[starts] if word[0].isupper() else self.is_free(word)
        return known and not self.is_unknown_number(word)

    def is_free(self, letters: str) -> bool:
        """Whether a word in small letters may have these: any but digits."""
        return not _DIGITS.search(letters)

    def is_unknown_number(self, word: str) -> bool:
        """Whether a word is a number that the book has neither in words nor in digits."""
        return word.lower() in self._unknown

    def may_continue_beyond_ascii(self, word: str, starts: bool) -> bool:
        """Whether a letter may follow that is no ASCII, such as the "ó" of "Rostóv"."""
        return word in self._beyond_ascii[starts]


class SourcedNames(LogitsProcessor):
    """Takes away the tokens that would make a name or number the book does not have.

    Where no token at all would be left, a row stays as it is: better an unknown name, which
    `grounding` reports, than no text.

    Args:
        tokenizer: the vocabulary.
        book: words and numbers of all that may be known.
    """

    def __init__(self, tokenizer: Tokenizer, book: BookWords) -> None:
        self._tokenizer = tokenizer
        self._spellings = Spellings(book)
        self._pieces = tokenizer.pieces
        self._refused: dict[tuple[bool, bool], Tensor] = {}

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Scores `[rows, vocab_size]` after the tokens `[rows, T]`, refused ones at -inf."""
        kept = scores.clone()
        for row, ids in enumerate(input_ids[:, -LOOKED_BACK:].tolist()):
            self._refuse(self._tokenizer.decode(ids), kept[row])
            if torch.isneginf(kept[row]).all():
                kept[row] = scores[row]
        return kept

    def _refuse(self, text: str, scores: Tensor) -> None:
        """Set the scores `[vocab_size]` of what may not follow a text to -inf."""
        word = _LAST.search(text)[0]  # type: ignore[index]  # it matches nothing at the least
        before = text[: len(text) - len(word)]
        if not word or not (word[0].isupper() or word[0].isdigit()):
            starts = not word and starts_sentence(before.rstrip() + " ")
            refused = self._refused_after(bool(word), starts).to(scores.device)
            scores[: len(refused)].masked_fill_(refused, -torch.inf)
            return
        starts = starts_sentence(before)
        known = len(self._pieces)
        likeliest = scores[:known].topk(min(TRIED, known)).indices.tolist()
        for candidates in (likeliest, range(known)):
            allowed = [n for n in candidates if self._continues(word, starts, n)]
            values = scores[allowed].clone()
            if not torch.isneginf(values).all():
                break
        scores.fill_(-torch.inf)
        scores[allowed] = values

    def _continues(self, word: str, starts: bool, token: int) -> bool:
        """Whether a token may follow a word with a capital or a digit."""
        piece = self._pieces[token]
        run = _RUN.match(piece)
        if run is None:  # the word ends before it
            if _PARTIAL in piece:
                return self._spellings.may_continue_beyond_ascii(word, starts)
            return self._spellings.may_end(word, starts) and self._fits(piece, False, False)
        word += run[0]
        if run.end() == len(piece):
            return self._spellings.may_begin(word, starts)
        return self._spellings.may_end(word, starts) and self._fits(piece[run.end() :], False, True)

    def _refused_after(self, inside: bool, starts: bool) -> Tensor:
        """Which tokens `[vocab_size]` may not follow a free word, or what is no word."""
        found = self._refused.get((inside, starts))
        if found is None:
            fits = [self._fits(piece, starts, inside) for piece in self._pieces]
            found = self._refused[inside, starts] = ~torch.tensor(fits)
        return found

    def _fits(self, piece: str, starts: bool, inside: bool) -> bool:
        """Whether every word that begins in a piece may stand where it does.

        Args:
            piece: text of a token.
            starts: whether a sentence begins with it.
            inside: whether it continues a word in small letters, which is free.
        """
        for run in _RUN.finditer(piece):
            if run.start() == 0 and inside:
                if not self._spellings.is_free(run[0]):
                    return False
                continue
            begins = starts_sentence(("" if starts else "word") + piece[: run.start()])
            last = run.end() == len(piece)
            if not (self._spellings.may_begin if last else self._spellings.may_end)(run[0], begins):
                return False
            # A number in words is nearly always one token, and a longer word that begins like it
            # ("ten", "tender") has one of its own.
            if last and self._spellings.is_unknown_number(run[0]):
                return False
        return True


def _beginnings(words: Iterable[str]) -> set[str]:
    """All that any of the words begins with, itself included."""
    return {word[:end] for word in words for end in range(1, len(word) + 1)}
