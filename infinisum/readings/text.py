"""The text of a book as bytes: every character, paragraphs and sentences told apart, compressed.

bzip2 keeps English prose in 26 to 29 % of its size, where lzma needs 27 to 33 % and zlib 36 %
(`LOG.md`), and its decompression needs the same few megabytes whatever it is fed.
"""

from __future__ import annotations

import bz2
import json
from collections.abc import Sequence
from typing import Any, Final

from infinisum.books.book import Paragraph

MOST_TEXT_BYTES: Final = 1 << 28  # of one reading, before compression; a book has a few million

Sentences = list[list[str]]  # of each paragraph of a chapter


def pack_text(chapters: Sequence[tuple[Sequence[Paragraph], Sentences]]) -> bytes:
    """Paragraphs and sentences of chapters, compressed."""
    content = [
        {
            "paragraphs": [
                _pieces(paragraph.text, its)
                for paragraph, its in zip(paragraphs, sentences, strict=True)
            ],
            "pages": _pages(paragraphs),
        }
        for paragraphs, sentences in chapters
    ]
    data = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return bz2.compress(data.encode("utf-8", "surrogatepass"), 9)


def unpack_text(data: bytes) -> list[tuple[tuple[Paragraph, ...], Sentences]]:
    """What `pack_text` was given.

    Raises:
        ValueError: these are no such bytes, or far more text than any book has.
    """
    unpacker = bz2.BZ2Decompressor()
    try:
        plain = unpacker.decompress(data, MOST_TEXT_BYTES + 1)
        if len(plain) > MOST_TEXT_BYTES or not unpacker.eof or unpacker.unused_data:
            raise ValueError("the text is cut off or too long")
        content = json.loads(plain.decode("utf-8", "surrogatepass"))
    except (OSError, EOFError, RecursionError) as error:
        raise ValueError(str(error)) from error
    if not isinstance(content, list):
        raise ValueError("no list of chapters")
    return [_chapter(entry) for entry in content]


def _chapter(entry: Any) -> tuple[tuple[Paragraph, ...], Sentences]:
    if not isinstance(entry, dict) or not isinstance(entry.get("paragraphs"), list):
        raise ValueError("no chapter")
    pages = entry.get("pages") or [None] * len(entry["paragraphs"])
    paragraphs, sentences = [], []
    for pieces, page in zip(entry["paragraphs"], pages, strict=True):
        if not (page is None or type(page) is int):
            raise ValueError("no page")
        text, its = _joined(pieces)
        paragraphs.append(Paragraph(text, page))
        sentences.append(its)
    return tuple(paragraphs), sentences


def _pieces(text: str, sentences: Sequence[str]) -> Any:
    """A paragraph cut where its sentences begin, or both apart where that says too little."""
    pieces, at = [], 0
    for sentence in sentences:
        start, left = at, len("".join(sentence.split()))
        while left and at < len(text):
            left -= not text[at].isspace()
            at += 1
        while at < len(text) and text[at].isspace():
            at += 1
        pieces.append(text[start:at])
    if pieces and at == len(text) and [_sentence(piece) for piece in pieces] == list(sentences):
        return pieces
    return {"text": text, "sentences": list(sentences)}


def _joined(pieces: Any) -> tuple[str, list[str]]:
    if isinstance(pieces, list) and all(isinstance(piece, str) for piece in pieces):
        return "".join(pieces), [_sentence(piece) for piece in pieces]
    if not isinstance(pieces, dict):
        raise ValueError("no paragraph")
    text, sentences = pieces.get("text"), pieces.get("sentences")
    if not isinstance(text, str) or not isinstance(sentences, list):
        raise ValueError("no paragraph")
    if not all(isinstance(sentence, str) for sentence in sentences):
        raise ValueError("no sentence")
    return text, list(sentences)


def _sentence(piece: str) -> str:
    return " ".join(piece.split())


def _pages(paragraphs: Sequence[Paragraph]) -> list[int | None] | None:
    pages = [paragraph.page for paragraph in paragraphs]
    return pages if any(page is not None for page in pages) else None
