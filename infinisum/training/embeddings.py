"""New weights that know words: token embeddings distilled from a small sentence encoder.

A network trained from nothing on two cores spends its first hour learning that words differ. The
sentence encoder that makes the salience labels knows that already: its vector of each token of our
vocabulary, reduced to the network's width by principal components, is where the embeddings start
(as in model2vec, https://github.com/MinishLab/model2vec).
"""

from __future__ import annotations

import numpy as np
import torch

from infinisum.model.modeling import InfinisumForConditionalGeneration
from infinisum.tokenizer import Tokenizer
from infinisum.training.labels import SentenceEncoder


@torch.no_grad()
def distill_embeddings(model: InfinisumForConditionalGeneration, tokenizer: Tokenizer) -> None:
    """Set token embeddings, and the word vectors that sentence vectors are made of.

    Tokens without letters or digits keep their random embeddings and no word vector. Frequent
    tokens, which have low ids in a byte-pair vocabulary, get shorter vectors, so that a mean over
    a sentence says what is particular about it.

    Raises:
        NotFoundError: the package with the sentence encoder is not installed.
    """
    texts = [tokenizer.decode([token]) for token in range(tokenizer.vocab_size)]
    known = np.array([token for token, text in enumerate(texts) if any(map(str.isalnum, text))])
    vectors = SentenceEncoder().encode([texts[token] for token in known])  # [n, E]
    centre = vectors.mean(0)
    _, _, components = np.linalg.svd(vectors - centre, full_matrices=False)
    width = min(model.config.d_model, vectors.shape[1])
    projection = components[:width]  # [width, E]
    reduced = (vectors - centre) @ projection.T  # [n, width]
    reduced /= np.sqrt(np.mean(reduced**2))
    reduced *= (np.log1p(known) / np.log(tokenizer.vocab_size))[:, None]
    table = model.shared.weight
    rows = torch.from_numpy(known)
    table[rows, :width] = torch.from_numpy(reduced * model.config.embedding_range).to(table)
    head = model.salience
    width = min(width, model.config.sentence_words)
    if model.config.sentence_dim == vectors.shape[1]:
        head.words.weight.zero_()
        head.words.weight[rows, :width] = torch.from_numpy(reduced[:, :width]).to(table)
        head.vector.weight.zero_()
        head.vector.weight[:, :width] = torch.from_numpy(projection[:width].T).to(table)
