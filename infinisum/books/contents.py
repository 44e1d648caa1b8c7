"""From a table of contents to chapters: which entries are parts, chapters, sections of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from infinisum.books.headings import letters, parse_heading
from infinisum.books.matter import matter_of

_OWN_WORDS = 30  # a part's page up to this many words is its title page, not text
_OWN_TEXT = 300  # an entry with this much text before its first sub-entry may be a chapter
_KID_WORDS = 1000  # mean words of untitled kinds of sub-entries that are chapters, not sections


@dataclass(slots=True)
class Entry:
    """One line of a table of contents, and where in the text it points."""

    title: str
    level: int  # 1 at the top
    start: int  # index of its first block


@dataclass(frozen=True, slots=True)
class Section:
    """A run of blocks that is one chapter, or one piece of front or back matter."""

    title: str
    start: int
    end: int
    parts: tuple[str, ...] = ()  # titles of the entries above it
    is_part: bool = False  # the part's own page, before its first chapter


@dataclass(slots=True)
class _Node:
    entry: Entry
    end: int = 0  # end of everything under it
    own_end: int = 0  # end of the text before its first sub-entry
    children: list[_Node] = field(default_factory=list)


def _rank(title: str) -> str:
    heading = parse_heading(title)
    if heading is None or heading.kind in ("capitals", "named"):
        return ""
    return heading.kind if heading.kind in ("part", "section") else "chapter"


def _tree(entries: Sequence[Entry], end: int) -> list[_Node]:
    nodes = [_Node(entry) for entry in entries]
    roots: list[_Node] = []
    above: list[_Node] = []
    for node in nodes:
        while above and above[-1].entry.level >= node.entry.level:
            above.pop()
        (above[-1].children if above else roots).append(node)
        above.append(node)

    def close(siblings: list[_Node], last: int) -> None:
        for node, following in zip(siblings, [*siblings[1:], None], strict=False):
            node.end = after = following.entry.start if following else last
            node.own_end = node.children[0].entry.start if node.children else after
            close(node.children, after)

    close(roots, end)
    return roots


def _nested(entries: Sequence[Entry], words: Sequence[int]) -> list[Entry]:
    """Entries with the chapters after a bare "Part I" below it, where the contents are flat."""
    nested: list[Entry] = []
    inside = 0  # level of the part the next entries are in, 0 outside
    for index, entry in enumerate(entries):
        after = entries[index + 1] if index + 1 < len(entries) else None
        part = _rank(entry.title) == "part"
        if entry.level < inside or part or matter_of(entry.title, ""):
            inside = 0
        nested.append(replace(entry, level=entry.level + bool(inside)))
        if part and after and after.level == entry.level and _rank(after.title) != "part":
            empty = words[after.start] - words[entry.start] <= _OWN_WORDS
            inside = entry.level if empty else 0
    return nested


def _is_part(node: _Node, words: Sequence[int]) -> bool:
    """Whether an entry with sub-entries is a part over chapters, rather than one chapter."""
    own = words[node.own_end] - words[node.entry.start]
    ranks = [_rank(child.entry.title) for child in node.children]
    common = max(sorted(set(ranks)), key=ranks.count)
    rank = _rank(node.entry.title)
    if rank != "part" and common == "section":
        return False
    if rank == "chapter":
        return common in ("chapter", "part") and own <= _OWN_WORDS and len(node.children) > 1
    if rank == "part":
        return common != "section" and (bool(common) or own < _OWN_TEXT)
    if common:
        return True
    below = words[node.end] - words[node.own_end]
    return below / len(node.children) >= _KID_WORDS or (
        own <= _OWN_WORDS and len(node.children) > 1
    )


def divide(
    entries: Sequence[Entry], words: Sequence[int], *, not_parts: frozenset[str] = frozenset()
) -> list[Section]:
    """Sections of a text by its table of contents, in order and without a gap.

    An entry without sub-entries is a section. One with sub-entries is a part over them ("Part I"),
    or a chapter whose scenes or sections they are ("Act I"), by its words and by how much text is
    its own.

    Args:
        entries: of the contents, in order of `start`.
        words: running number of words before each block, one more than there are blocks.
        not_parts: `letters` of titles that never become parts: the book's own title.
    """
    total = len(words) - 1
    sections: list[Section] = []
    if not entries or entries[0].start > 0:
        sections.append(Section("", 0, entries[0].start if entries else total))

    def emit(node: _Node, parts: tuple[str, ...]) -> None:
        title, start = node.entry.title, node.entry.start
        if not (node.children and _is_part(node, words)):
            sections.append(Section(title, start, node.end, parts))
            return
        if node.own_end > start:
            page = words[node.own_end] - words[start] <= _OWN_WORDS
            sections.append(Section(title, start, node.own_end, parts, is_part=page))
        inner = parts if letters(title) in not_parts else (*parts, title)
        for child in node.children:
            emit(child, inner)

    roots = _tree(_nested(entries, words), total)
    if len(roots) == 1:  # one heading over everything is the book's title, not a part
        not_parts |= {letters(roots[0].entry.title)}
    for root in roots:
        emit(root, ())
    return [section for section in sections if section.end > section.start]


def without_title(texts: Sequence[str], levels: Sequence[int], titles: Sequence[str]) -> int:
    """How many leading blocks of a section only repeat its title, or those of the parts above.

    Args:
        texts: the section's blocks.
        levels: 1 to 6 where a block is marked as a heading, 0 where it is not.
        titles: its own title and those above it, the book's included.
    """
    wanted = [letters(title) for title in titles if letters(title)]
    left = list(wanted)
    for count, (text, level) in enumerate(zip(texts, levels, strict=True)):
        said = letters(text)
        label = parse_heading(text) if level else None
        if label is not None and letters(label.title) in left:
            said = letters(
                label.title
            )  # the contents say "The Mail", the page "Chapter II The Mail"
        hit = next((i for i, title in enumerate(left) if said and title.startswith(said)), None)
        if hit is not None and (level or len(text.split()) <= 20):
            left[hit] = left[hit][len(said) :]
        elif not (level and said and any(said in title for title in wanted)):
            return count
    return len(texts)
