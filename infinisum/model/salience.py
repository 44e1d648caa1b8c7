"""The salience head: how much each sentence matters, from its words, its states and its looks."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from infinisum.model.layers import Embedding
from infinisum.model.memory import state_dtype
from infinisum.model.shape import Shape

MOST_DEVIATION = 4.0  # features further out, in standard deviations, are clipped


class SalienceHead(nn.Module):
    """One score and one vector a sentence.

    The score says how likely a summary mentions what the sentence says. It is made from three
    things: the sentence's vector, a mean of word vectors distilled from a sentence encoder (the
    length of a word's vector is its weight, so nothing normalises them before the mean); the mean
    of the encoder's states, which know the context; and surface features.
    """

    feature_mean: Tensor
    feature_scale: Tensor

    def __init__(self, config: Shape) -> None:
        super().__init__()
        self.words = Embedding(config.vocab_size, config.sentence_words)
        self.vector = nn.Linear(config.sentence_words, config.sentence_dim, bias=False)
        self.hidden = nn.Linear(
            config.d_model + config.sentence_dim + config.sentence_features, config.salience_hidden
        )
        self.score = nn.Linear(config.salience_hidden, 1)
        self.dropout = nn.Dropout(config.dropout)
        self.register_buffer("feature_mean", torch.zeros(config.sentence_features))
        self.register_buffer("feature_scale", torch.ones(config.sentence_features))

    def forward(
        self, input_ids: Tensor, hidden: Tensor, sentence_ids: Tensor, features: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Score the sentences of a block.

        Args:
            input_ids: `[B, S, N]`.
            hidden: encoder states `[B, S, N, D]`.
            sentence_ids: `[B, S, N]`, each token's sentence among `K`, -1 for none.
            features: surface features `[B, S, K, F]`.

        Returns:
            Scores `[B, S, K]` and vectors of length 1 `[B, S, K, sentence_dim]`.
        """
        K = features.shape[2]
        words = pool_sentences(self.words(input_ids), sentence_ids, K)  # [B, S, K, words]
        vector = F.normalize(self.vector(words), dim=-1)  # [B, S, K, E]
        states = pool_sentences(hidden, sentence_ids, K)  # [B, S, K, D]
        seen = torch.cat([states, vector, self.looks(features).to(states.dtype)], dim=-1)
        score = self.score(self.dropout(F.silu(self.hidden(seen))))
        return score.squeeze(-1), vector

    def looks(self, features: Tensor) -> Tensor:
        """Surface features `[..., F]` in standard deviations from their mean, clipped."""
        looks = (features - self.feature_mean) / self.feature_scale
        return looks.clamp(-MOST_DEVIATION, MOST_DEVIATION)


def pool_sentences(hidden: Tensor, sentence_ids: Tensor, K: int) -> Tensor:
    """Mean over the tokens of each sentence `[B, S, K, D]`; zeros for sentences without tokens."""
    precise = hidden.to(state_dtype(hidden))
    slot = torch.where(sentence_ids < 0, K, sentence_ids)  # [B, S, N]; slot K is thrown away
    total = precise.new_zeros(*hidden.shape[:2], K + 1, hidden.shape[-1])
    total = total.scatter_add(2, slot[..., None].expand_as(precise), precise)
    count = precise.new_zeros(*hidden.shape[:2], K + 1).scatter_add(
        2, slot, torch.ones_like(slot, dtype=precise.dtype)
    )
    return (total / count.clamp(min=1)[..., None])[:, :, :K].to(hidden.dtype)
