"""The engine: chapters in, what the decoder may see of them out, in constant memory.

Knows segments and states; knows nothing of files, formats or summaries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from infinisum.blocks import make_block
from infinisum.segments import ChapterSegments, Segment, Sentence

if TYPE_CHECKING:
    from infinisum.model.network import Context, Network, Reader, State


@dataclass(frozen=True, slots=True)
class ChapterReading:
    """A chapter right after it was read."""

    index: int
    title: str
    tokens: int
    sentences: tuple[Sentence, ...]
    scores: list[float]  # salience of each sentence
    context: Context | None  # what the decoder sees when it writes about this chapter


class Engine:
    """Reads one book, chapter by chapter, block by block.

    What it keeps between blocks is one `State`, whose size does not depend on the book.

    Args:
        model: what reads; a `Network` where contexts are asked for.
        pad_id: token id that fills segments.
        block_segments: segments that go through the network at once: more is faster and takes
            more working memory; the result is the same to rounding.
        on_block: called after every block with the number of tokens read in it.
        state: where an earlier engine stopped; None: the beginning of a book.
    """

    def __init__(
        self,
        model: Reader,
        *,
        pad_id: int = 0,
        block_segments: int = 4,
        on_block: Callable[[int], None] | None = None,
        state: State | None = None,
    ) -> None:
        self.model = model
        self.pad_id = pad_id
        self.block_segments = block_segments
        self.on_block = on_block
        self.state: State = model.initial_state(1) if state is None else state
        self.segments = int(self.state.segments)  # read so far

    def read(
        self, chapters: Iterable[ChapterSegments], *, contexts: bool = True
    ) -> Iterator[ChapterReading]:
        """Read on; yields each chapter when it is finished.

        Args:
            chapters: in the order of the book.
            contexts: whether somebody will write about them; without, `context` is None.
        """
        for chapter in chapters:
            start = self.segments
            scores = self._read_chapter(chapter)
            context = self._chapter_context(start) if contexts else None
            yield ChapterReading(
                chapter.index, chapter.title, chapter.tokens, chapter.sentences, scores, context
            )

    def book_context(self) -> Context:
        """What the decoder sees of all that was read so far."""
        with torch.no_grad():
            context: Context = cast("Network", self.model).visible(self.state)
        return context

    def state_bytes(self) -> int:
        """Bytes of the state, counted on its tensors."""
        return state_bytes(self.state)

    def _chapter_context(self, start: int) -> Context:
        """What the decoder sees of the chapter that began with segment `start`."""
        with torch.no_grad():
            before = torch.full((1,), start, device=self.model.device)
            context: Context = cast("Network", self.model).visible(self.state, before)
        return context

    def _read_chapter(self, chapter: ChapterSegments) -> list[float]:
        """Read a chapter; a sentence cut by a segment's end gets the mean score of its pieces."""
        total = [0.0] * len(chapter.sentences)
        tokens = [0] * len(chapter.sentences)
        at = 0
        while at < len(chapter.segments):
            segments, block_scores = self._read_what_fits(chapter, at)
            at += len(segments)
            for segment, scores in zip(segments, block_scores, strict=True):
                for span, score in zip(segment.spans, scores, strict=False):
                    total[span.sentence] += score * (span.end - span.start)
                    tokens[span.sentence] += span.end - span.start
            if self.on_block is not None:
                self.on_block(sum(len(segment.token_ids) for segment in segments))
        return [score / max(count, 1) for score, count in zip(total, tokens, strict=True)]

    def _read_what_fits(
        self, chapter: ChapterSegments, at: int
    ) -> tuple[Sequence[Segment], list[list[float]]]:
        """Read the block from `at` on; where the GPU's memory is full, smaller ones from now on."""
        while True:
            segments = chapter.segments[at : at + self.block_segments]
            try:
                return segments, self._read_block(chapter, at)
            except torch.OutOfMemoryError:
                # The state was not changed: it is what a block returns when it is done.
                if self.block_segments == 1:
                    raise
                self.block_segments //= 2
            torch.cuda.empty_cache()

    def _read_block(self, chapter: ChapterSegments, at: int) -> list[list[float]]:
        """Read the block of segments from `at` on; the scores of each segment's sentences."""
        segments = chapter.segments[at : at + self.block_segments]
        block = make_block(
            [(segments, chapter.sentences)], self.model.config.segment_length, self.pad_id
        )
        with torch.no_grad():
            ids, mask, sentence_ids, features = (part.to(self.model.device) for part in block)
            output, self.state = self.model.read_block(
                ids, mask, self.state, sentence_ids, features.to(self.model.dtype)
            )
        self.segments += len(segments)
        if output.salience is None:
            return [[] for _ in segments]
        scores: list[list[float]] = output.salience[0].float().tolist()  # [S][K]
        return scores


def state_tensors(state: State) -> dict[str, Tensor]:
    """Every tensor of a state under the name of its place: "context.window.states"."""
    return dict(_named("", state))


def state_bytes(state: State) -> int:
    """Bytes of a state, counted on its tensors."""
    return sum(t.numel() * t.element_size() for t in state_tensors(state).values())


def restore_state(model: Reader, tensors: Mapping[str, Tensor]) -> State:
    """The state whose `state_tensors` these are.

    Raises:
        ValueError: names, dtypes or shapes are not those of this network's states.
    """
    start = model.initial_state(1)
    expected = state_tensors(start)
    if expected.keys() != tensors.keys():
        raise ValueError("the state has other parts than this network's")
    for name, tensor in tensors.items():
        like = expected[name]
        # Exact keys, where a memory rule keeps them, grow with the text along one axis.
        grows = name.rpartition(".")[2] in {"keys", "values", "kept"}
        axis = (1 if name.endswith("kept") else 2) if grows else None
        shapes = [[length for n, length in enumerate(t.shape) if n != axis] for t in (tensor, like)]
        if tensor.dtype != like.dtype or tensor.dim() != like.dim() or shapes[0] != shapes[1]:
            raise ValueError(f"{name} has not the form of this network's states")
    moved = {name: tensor.to(model.device) for name, tensor in tensors.items()}
    state: State = _rebuilt("", start, moved)
    return state


def _named(name: str, part: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(part, Tensor):
        yield name.removeprefix("."), part
        return
    names = getattr(part, "_fields", range(len(part)))
    for field, value in zip(names, part, strict=True):
        yield from _named(f"{name}.{field}", value)


def _rebuilt(name: str, like: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(like, Tensor):
        return tensors[name.removeprefix(".")]
    names = getattr(like, "_fields", range(len(like)))
    parts = [
        _rebuilt(f"{name}.{field}", value, tensors)
        for field, value in zip(names, like, strict=True)
    ]
    return type(like)(*parts) if hasattr(like, "_fields") else tuple(parts)
