"""Sentences of running text: syntok, and what nineteenth-century novels need beyond it."""

from __future__ import annotations

import re
from collections.abc import Iterator

_PARAGRAPH_END = re.compile(r"\n[^\S\n]*\n\s*")
# A sentence can only end inside a paragraph where a stop is followed by a space. Paragraphs
# without one are whole sentences, and syntok, which is slow, need not see them.
_INNER_STOP = re.compile(r"[.!?…][^\w\s]*\s")
_CJK_STOP = re.compile(r"[。！？｡]+[”’」』）》〉\"')]*")
_ENDS_IN_TITLE = re.compile(
    r"(?:^|[\s(\[“‘\"'—-])(?:Mr|Mrs|Ms|Mme|Mlle|Mmes|Messrs|MM|Dr|Drs|St|Ste|Rev|Revd|Hon|Prof|Capt"
    r"|Col|Gen|Lieut|Lt|Sergt|Sgt|Serg|Corp|Cpl|Maj|Adm|Gov|Sen|Rep|Pres|Supt|Insp|Esqs|Monsr|Mons"
    r"|Mgr|Fr|Sr|Sra|Srta|Hr|Fr|Frl|Bros|No|Nos|Vol|Chap|Fig|Figs|viz|cf|e\.g|i\.e"
    r"|[A-Z])\.$"
)
_MONTHS = re.compile(
    r"(?:Januar|Jänner|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember)\b"
)
_ENDS_IN_DAY = re.compile(r"(?:^|\s)\d{1,2}\.$")
_ONLY_NUMERAL = re.compile(r"(?:[IVXLC]+|\d{1,3})\.")
_STARTS_LOWER = re.compile(r"[^\w\s]*[a-zà-öø-ÿ]")
_HAS_WORD = re.compile(r"\w")
_OPENING = "“‘«„\"'([—–-"


def _cuts(paragraph: str) -> Iterator[int]:
    """Where syntok and the CJK stops see a sentence begin, first one included."""
    from syntok import segmenter

    starts = {0}
    if _INNER_STOP.search(paragraph):
        for block in segmenter.analyze(paragraph):
            for sentence in block:
                starts.add(sentence[0].offset)
    starts.update(match.end() for match in _CJK_STOP.finditer(paragraph))
    yield from sorted(start for start in starts if start < len(paragraph))


def _belongs_on(sentence: str, following: str) -> bool:
    """Whether what syntok took for the next sentence goes on with this one."""
    if not _HAS_WORD.search(following) or sentence.endswith((";", ",", ":")):
        return True
    if _ENDS_IN_TITLE.search(sentence):
        # "said I. He went" ends a sentence, "J. Smith" and "No. 5" do not.
        if sentence.endswith((" I.", "No.")) and not _ONLY_NUMERAL.fullmatch(sentence):
            return sentence.endswith("No.") and following[0].isdigit()
        return not _ONLY_NUMERAL.fullmatch(sentence)
    if _ENDS_IN_DAY.search(sentence) and _MONTHS.match(following):
        return True
    return bool(sentence[-1] not in _CLOSED and _STARTS_LOWER.match(following))


_CLOSED = frozenset("。！？｡")


def _sentences_of(paragraph: str) -> Iterator[str]:
    cuts = list(_cuts(paragraph)) or [0]
    pieces = [
        " ".join(paragraph[start:end].split())
        for start, end in zip(cuts, [*cuts[1:], len(paragraph)], strict=True)
    ]
    current = ""
    for piece in pieces:
        if not piece:
            continue
        if not current:
            current = piece
        elif _belongs_on(current, piece) or not _HAS_WORD.search(current):
            # No space where there was none: "etc.)" cut before its bracket.
            glue = "" if not _HAS_WORD.search(piece) and piece[0] not in _OPENING else " "
            current = f"{current}{glue}{piece}"
        else:
            yield current
            current = piece
    if current:
        yield current


def split_sentences(text: str) -> list[str]:
    """Sentences of a text in order, white space in them made single spaces.

    Titles ("Mr."), initials and abbreviations do not end a sentence, a closing quotation mark
    stays with the sentence it closes, and what follows direct speech ("he said") stays with it.
    A blank line always ends a sentence. Every character of the text but white space is in exactly
    one sentence.

    >>> split_sentences("“Come in!” said Mr. B. Smith. “It is late.”")
    ['“Come in!” said Mr. B. Smith.', '“It is late.”']
    """
    return [
        sentence
        for paragraph in _PARAGRAPH_END.split(text)
        for sentence in _sentences_of(paragraph)
    ]
