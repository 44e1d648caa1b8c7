"""The salience head: how much each sentence matters, from its states and how it looks."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from infinisum.model.config import InfinisumConfig
from infinisum.model.memory import state_dtype


class SalienceHead(nn.Module):
    """One score and one vector a sentence.

    The score says how likely a summary mentions what the sentence says; the vector places it
    among sentences of similar meaning (it is distilled from a sentence encoder).
    """

    def __init__(self, config: InfinisumConfig) -> None:
        super().__init__()
        self.vector = nn.Linear(config.d_model, config.sentence_dim)
        self.hidden = nn.Linear(
            config.d_model + config.sentence_dim + config.sentence_features, config.salience_hidden
        )
        self.score = nn.Linear(config.salience_hidden, 1)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, hidden: Tensor, sentence_ids: Tensor, features: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Score the sentences of a block.

        Args:
            hidden: encoder states `[B, S, N, D]`.
            sentence_ids: `[B, S, N]`, each token's sentence among `K`, -1 for none.
            features: surface features `[B, S, K, F]`.

        Returns:
            Scores `[B, S, K]` and vectors `[B, S, K, sentence_dim]`.
        """
        pooled = pool_sentences(hidden, sentence_ids, features.shape[2])  # [B, S, K, D]
        vector = self.vector(pooled)  # [B, S, K, E]
        seen = torch.cat([pooled, F.normalize(vector, dim=-1), features.to(pooled.dtype)], dim=-1)
        score = self.score(self.dropout(F.silu(self.hidden(seen))))
        return score.squeeze(-1), vector


def pool_sentences(hidden: Tensor, sentence_ids: Tensor, K: int) -> Tensor:
    """Mean state of each sentence `[B, S, K, D]`; zeros for sentences without tokens."""
    precise = hidden.to(state_dtype(hidden))
    slot = torch.where(sentence_ids < 0, K, sentence_ids)  # [B, S, N]; slot K is thrown away
    total = precise.new_zeros(*hidden.shape[:2], K + 1, hidden.shape[-1])
    total = total.scatter_add(2, slot[..., None].expand_as(precise), precise)
    count = precise.new_zeros(*hidden.shape[:2], K + 1).scatter_add(
        2, slot, torch.ones_like(slot, dtype=precise.dtype)
    )
    return (total / count.clamp(min=1)[..., None])[:, :, :K].to(hidden.dtype)
