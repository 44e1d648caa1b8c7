"""New weights that know words: token embeddings distilled from a small sentence encoder.

A network trained from nothing on two cores spends its first hour learning that words differ. The
sentence encoder that makes the salience labels knows that already: its vector of each token of our
vocabulary, reduced to the network's width by principal components, is where the embeddings start
(as in model2vec, https://github.com/MinishLab/model2vec).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from infinisum.model.modeling import InfinisumForConditionalGeneration
from infinisum.model.salience import SalienceHead
from infinisum.tokenizer import Tokenizer
from infinisum.training.labels import SentenceEncoder


class TokenVectors(NamedTuple):
    """The teacher's vectors of a vocabulary, in fewer dimensions."""

    tokens: Tensor  # [n], those with letters or digits
    reduced: Tensor  # [n, width], mean square 1, frequent tokens shorter
    projection: Tensor  # [width, E], from reduced to the teacher's vectors


def token_vectors(tokenizer: Tokenizer, width: int) -> TokenVectors:
    """The sentence encoder's vector of each token, reduced by principal components.

    Frequent tokens, which have low ids in a byte-pair vocabulary, get shorter vectors, so that a
    mean over a sentence says what is particular about it.

    Raises:
        NotFoundError: the package with the sentence encoder is not installed.
    """
    texts = [tokenizer.decode([token]) for token in range(tokenizer.vocab_size)]
    known = np.array([token for token, text in enumerate(texts) if any(map(str.isalnum, text))])
    vectors = SentenceEncoder().encode([texts[token] for token in known])  # [n, E]
    centre = vectors.mean(0)
    _, _, components = np.linalg.svd(vectors - centre, full_matrices=False)
    projection = components[: min(width, vectors.shape[1])]  # [width, E]
    reduced = (vectors - centre) @ projection.T  # [n, width]
    reduced /= np.sqrt(np.mean(reduced**2))
    reduced *= (np.log1p(known) / np.log(tokenizer.vocab_size))[:, None]
    return TokenVectors(*map(torch.from_numpy, (known, reduced, projection)))


@torch.no_grad()
def distill_embeddings(model: InfinisumForConditionalGeneration, tokenizer: Tokenizer) -> None:
    """Set token embeddings, and the word vectors that sentence vectors are made of.

    Tokens without letters or digits keep their random embeddings and no word vector.

    Raises:
        NotFoundError: the package with the sentence encoder is not installed.
    """
    config, table = model.config, model.shared.weight
    given = token_vectors(tokenizer, max(config.d_model, config.sentence_words))
    reduced = given.reduced[:, : config.d_model]
    table[given.tokens, : reduced.shape[1]] = (reduced * config.embedding_range).to(table)
    _set_words(model.salience, given)


@torch.no_grad()
def distill_words(head: SalienceHead, tokenizer: Tokenizer) -> None:
    """Set a head's word vectors alone; nothing happens where its sentence vectors do not fit.

    Raises:
        NotFoundError: the package with the sentence encoder is not installed.
    """
    _set_words(head, token_vectors(tokenizer, head.words.embedding_dim))


def _set_words(head: SalienceHead, given: TokenVectors) -> None:
    reduced = given.reduced[:, : head.words.embedding_dim]
    width = reduced.shape[1]
    if head.vector.out_features == given.projection.shape[1]:
        head.words.weight.zero_()
        head.words.weight[given.tokens, :width] = reduced.to(head.words.weight)
        head.vector.weight.zero_()
        head.vector.weight[:, :width] = given.projection[:width].T.to(head.vector.weight)
