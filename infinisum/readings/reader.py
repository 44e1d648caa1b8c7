"""Reading a book, or reading on in it: chapters through the engine, a `Reading` out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from infinisum.ahead import one_ahead
from infinisum.config import BLOCK_SEGMENTS, CHAPTERS_AT_ONCE
from infinisum.readings.reading import Draft, DraftKey, ReadChapter, Reading, Settled

if TYPE_CHECKING:
    from infinisum.engine import ChapterReading
    from infinisum.loading import LoadedModel
    from infinisum.segments import ChapterSegments

# Writes about chapters that were just read, while what the decoder sees of them is at hand.
Write = Callable[[list["ChapterReading"]], Mapping[DraftKey, tuple[Draft, ...]]]
OnBlock = Callable[[int, str, int], None]  # tokens, title of the chapter, bytes of the state
Keep = Callable[[Reading], None]


def read_on(
    reading: Reading,
    loaded: LoadedModel,
    *,
    write: Write | None = None,
    on_block: OnBlock | None = None,
    keep: Keep | None = None,
) -> Reading:
    """Read the chapters of `reading.book` that were not read yet.

    With `write`, chapters are read in groups: what the decoder sees of each is kept until the
    group is written about, and no longer.

    Args:
        reading: with no chapters yet, or with the first ones and the state after them.
        loaded: the model, the same that read the first ones.
        write: makes the drafts of a group of chapters.
        on_block: told of every block.
        keep: given the reading so far after every group.
    """
    from infinisum.engine import Engine, state_bytes

    title = ""

    def blocks(tokens: int) -> None:
        if on_block is not None:
            on_block(tokens, title, state_bytes(engine.state))

    engine = Engine(
        loaded.reader if write is None else loaded.model,
        pad_id=loaded.tokenizer.pad_id,
        block_segments=BLOCK_SEGMENTS,
        on_block=blocks,
        state=reading.state if reading.chapters else None,
    )
    size = 1 if write is None else CHAPTERS_AT_ONCE
    chapters = one_ahead(_segments(reading, loaded))
    while len(reading.chapters) < len(reading.book.chapters):
        start, before = len(reading.chapters), engine.state
        group: list[ChapterReading] = []  # the contexts of the group before are gone by now
        for chapter in chapters:
            title = chapter.title
            group += engine.read([chapter], contexts=write is not None)
            if len(group) == size:
                break
        complete = len(group) == size
        reading = replace(
            reading,
            chapters=(*reading.chapters, *map(_kept, group)),
            drafts={**reading.drafts, **(write(group) if write is not None else {})},
            state=engine.state,
            state_bytes=state_bytes(engine.state),
            settled=None if complete else Settled(start, before if start else None),
        )
        if keep is not None and (complete or len(reading.chapters) == len(reading.book.chapters)):
            keep(reading)
    return reading


def _segments(reading: Reading, loaded: LoadedModel) -> Iterator[ChapterSegments]:
    """Chapters that were not read yet, one at a time."""
    from infinisum.segments import split_chapter

    length = loaded.reader.config.segment_length
    for index in range(len(reading.chapters), len(reading.book.chapters)):
        yield split_chapter(reading.book.chapters[index], index, loaded.tokenizer, length)


def _kept(chapter: ChapterReading) -> ReadChapter:
    return ReadChapter(
        sentences=tuple(sentence.text for sentence in chapter.sentences),
        paragraph_of=tuple(sentence.paragraph for sentence in chapter.sentences),
        scores=tuple(chapter.scores),
        tokens=chapter.tokens,
    )
