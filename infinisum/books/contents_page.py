"""The printed table of contents of a book that is one run of paragraphs: found, so it can go."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import repeat

from infinisum.books.headings import is_heading, letters, parse_heading
from infinisum.books.matter import matter_of

_EARLY = 0.3  # share of the paragraphs within which a table of contents stands
_EARLY_AT_LEAST = 40
_LINE_WORDS = 30  # words a line of contents may have; old ones are long
_PAGE_NUMBER = re.compile(r"[\s.·•…_-]*(?:\b\d{1,4}|\b[ivxlc]{1,6})\s*$")
_LEADERS = re.compile(r"(?:\s*[.·…]\s*){3,}")
_MISSES = 2  # lines in a row that need not look like contents: parts, notes
_TELLING = 6  # letters of a title that are no accident
_BARE = 2  # bare numbers above a chapter's title: of the part, of the chapter
_FEWEST = 3  # lines of contents; fewer are something else


def find_contents(texts: Sequence[str]) -> tuple[int, int] | None:
    """Where the printed table of contents is: first paragraph and the one after its last.

    It begins with a line "Contents" and goes on as long as lines are short and end in a page
    number, read as headings, or come again later as headings of the text.

    Args:
        texts: paragraphs of the book, lines of one paragraph separated by "\\n".
    """
    early = max(_EARLY_AT_LEAST, int(_EARLY * len(texts)))
    for start, text in enumerate(texts[:early]):
        first, _, rest = text.partition("\n")
        if len(first.split()) <= 4 and matter_of(first, "") == "contents":
            end, lines = _end_of(texts, start + 1, rest.splitlines())
            if lines >= _FEWEST:
                return start, end
    return None


def _end_of(texts: Sequence[str], start: int, seen_lines: Sequence[str]) -> tuple[int, int]:
    """The paragraph after the last line of contents, and the number of lines there are."""
    last = {
        letters(text): at
        for at, text in enumerate(texts[start:], start)
        if len(text.split()) <= _LINE_WORDS
    }
    seen = [letters(_PAGE_NUMBER.sub("", line)) for line in seen_lines]
    lines, end = len(seen), start
    misses = 0
    for at in range(start, len(texts)):
        entries = [_LEADERS.sub(" … ", line) for line in texts[at].split("\n") if line.strip()]
        keys = [letters(_PAGE_NUMBER.sub("", line)) for line in entries]
        dotted = any(" … " in line for line in entries)  # "Prologue … 35" stands in each act
        if not dotted and any(map(_is_repeated, entries, keys, repeat(seen))):
            return _before_bare(texts, start, end, entries), lines
        looks = [
            _looks_like_contents(line) or last.get(key, at) > at
            for line, key in zip(entries, keys, strict=True)
        ]
        if entries and sum(looks) >= len(looks) / 2:
            end, misses = at + 1, 0
            lines += len(entries)
        else:
            misses += 1
            if misses > _MISSES or any(len(line.split()) > _LINE_WORDS for line in entries):
                break
        seen += keys
    return end, lines


def _before_bare(texts: Sequence[str], start: int, end: int, entries: Sequence[str]) -> int:
    """The end of the contents, before the bare number of the chapter whose title came again."""
    first = parse_heading(entries[0])
    if first is not None and first.kind not in ("capitals", "named"):
        return end
    for _ in range(_BARE):
        last = parse_heading(texts[end - 1]) if end - 1 > start else None
        if last is None or last.title or last.kind not in ("part", "chapter", "numeral"):
            break
        end -= 1
    return end


def _is_repeated(line: str, key: str, seen: Sequence[str]) -> bool:
    """Whether a line, or a heading that is half of one, has stood in the contents already."""
    if len(key) < 2 or key in seen:
        return len(key) > 1
    heading = parse_heading(line)
    if heading is None:
        return False
    if heading.kind == "capitals":
        return len(key) > _TELLING and any(old.endswith(key) for old in seen)
    return heading.kind in ("chapter", "part") and any(old.startswith(key) for old in seen)


def _looks_like_contents(line: str) -> bool:
    if len(line.split()) > _LINE_WORDS:
        return False
    return bool(" … " in line or is_heading(line)) or bool(
        _PAGE_NUMBER.search(line) and not line.rstrip().endswith(".")
    )
