"""Segments as the tensors the network reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from infinisum.features import FEATURE_NAMES
from infinisum.segments import Segment, Sentence


class Block(NamedTuple):
    """A batch of texts, each a row of segments; rows may differ in length."""

    input_ids: Tensor  # [B, S, N]
    mask: Tensor  # [B, S, N] bool
    sentence_ids: Tensor  # [B, S, N], each token's sentence among K of its segment, -1 for none
    features: Tensor  # [B, S, K, F]


def make_block(
    texts: Sequence[tuple[Sequence[Segment], Sequence[Sentence]]],
    segment_length: int,
    pad_id: int,
    least_segments: int = 1,
) -> Block:
    """Lay out texts side by side.

    Args:
        texts: for each row its segments, and the sentences their spans refer to.
        segment_length: N.
        pad_id: fills what is not text.
        least_segments: rows are filled up to so many, even where no text has them.
    """
    B, N = len(texts), segment_length
    S = max(least_segments, *(len(segments) for segments, _ in texts))
    K = max((len(segment.spans) for segments, _ in texts for segment in segments), default=0)
    F = max(
        (len(sentences[0].features) for _, sentences in texts if sentences),
        default=len(FEATURE_NAMES),
    )
    ids = torch.full((B, S, N), pad_id, dtype=torch.long)
    mask = torch.zeros(B, S, N, dtype=torch.bool)
    sentence_ids = torch.full((B, S, N), -1, dtype=torch.long)
    features = torch.zeros(B, S, max(K, 1), F)
    for b, (segments, sentences) in enumerate(texts):
        for s, segment in enumerate(segments):
            length = len(segment.token_ids)
            ids[b, s, :length] = torch.as_tensor(segment.token_ids, dtype=torch.long)
            mask[b, s, :length] = True
            for k, span in enumerate(segment.spans):
                sentence_ids[b, s, span.start : span.end] = k
            if segment.spans:
                rows = [sentences[span.sentence].features for span in segment.spans]
                features[b, s, : len(rows)] = torch.tensor(rows)
    return Block(ids, mask, sentence_ids, features)
