"""A donor's vocabulary comes along, with the tokens of our tasks behind it.

Every text gives the ids it gave before, with two exceptions: a line break is a token instead of a
space, and a special token written out in a text ("</s>") is ordinary characters.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from infinisum.convert.donor import Donor
from infinisum.errors import InputError, NotFoundError
from infinisum.hub import FETCH_HINT
from infinisum.tokenizer import (
    LINE,
    MASK,
    PARAGRAPH,
    SENTINELS,
    SEP,
    TOKENIZER_CONFIG_FILE,
    TOKENIZER_FILE,
    WORD_BUCKETS,
    sentinel_ids,
)

if TYPE_CHECKING:
    import tokenizers

SPIECE_FILE: Final = "spiece.model"
SPIECE_SENTINELS: Final = 100  # that T5's tokenizer adds to its SentencePiece vocabulary
# What a new token stands for: its row is the mean of the rows of these words, so that it begins
# as something the donor understands. A mean is never the largest, so greedy decoding does not
# prefer a new token to the donor's own before it was trained.
MEANINGS: Final[dict[str, str]] = {
    "<chapter>": "summarize the chapter:",
    "<book>": "summarize the book:",
    "<continue>": "continue the text:",
    "<infill>": "fill in the text:",
    **{f"<words:{words}>": f"{words} words" for words in WORD_BUCKETS},
    SEP: ";",
    LINE: ",",
    PARAGRAPH: ".",
}
# Pieces that stand for something else than their characters; SentencePiece never finds them in a
# text, `tokenizers` does. A cut behind the "<" keeps them apart.
CONTROL: Final = r"<(?=(?:/?s|pad|unk|extra_id_\d+|0x[0-9A-F]{2})>)"


@dataclass(frozen=True)
class Vocabulary:
    """A donor's tokenizer with our tokens, and what becomes of rows of its embeddings.

    Attributes:
        backend: the tokenizer.
        roles: which token is what, as `tokenizer_config.json` says it.
        donor_rows: of the donor's embeddings.
        rows: of ours.
        added: of each new id the ids whose mean its row is.
        pad_id: fills up.
        eos_id: ends a text.
    """

    backend: tokenizers.Tokenizer
    roles: dict[str, str]
    donor_rows: int
    rows: int
    added: dict[int, tuple[int, ...]]
    pad_id: int
    eos_id: int

    def extend_rows(self, donor: Tensor) -> Tensor:
        """Rows `[rows, D]` for our tokens from the donor's `[donor_rows, D]`.

        A donor may have more rows than tokens; new tokens take these first.
        """
        more = self.rows - self.donor_rows
        rows = torch.cat([donor, donor.new_zeros(more, donor.shape[1])]) if more else donor.clone()
        for new, old in self.added.items():
            rows[new] = donor[list(old)].double().mean(0).to(donor.dtype)
        return rows

    def files(self) -> dict[str, str]:
        """What belongs into the model's folder, by name."""
        config = {"tokenizer_class": "PreTrainedTokenizerFast", **self.roles}
        return {
            TOKENIZER_FILE: self.backend.to_str(),
            TOKENIZER_CONFIG_FILE: json.dumps(config, indent=2, ensure_ascii=False) + "\n",
        }


def carry_vocabulary(
    donor: Donor, start_id: int, pad_id: int | None = None, eos_id: int | None = None
) -> Vocabulary:
    """The donor's tokenizer with task, length and paragraph tokens behind its own.

    Args:
        donor: with `tokenizer.json` or `spiece.model` in its folder.
        start_id: what the donor's decoder starts from.
        pad_id, eos_id: what fills up and what ends a text; None: as its config says.

    Raises:
        NotFoundError: there is no tokenizer.
        InputError: it cannot be read, or does not belong to the weights.
    """
    backend = read_tokenizer(donor)
    rows = donor.setting("vocab_size", 0)
    known = backend.get_vocab_size()
    if not 0 < known <= rows:
        raise InputError(
            f"{donor.folder}: the tokenizer knows {known} tokens, the model {rows}.",
            "They do not belong together.",
        )
    pad_id = donor.setting("pad_token_id", 0) if pad_id is None else pad_id
    eos_id = donor.setting("eos_token_id", 1) if eos_id is None else eos_id
    roles = {
        "pad_token": _token(donor, backend, pad_id),
        "eos_token": _token(donor, backend, eos_id),
        "bos_token": _token(donor, backend, start_id),  # what writing starts from
        "unk_token": _saved(donor, "unk_token") or "<unk>",
        "mask_token": MASK,
        "sep_token": SEP,
    }
    added = _add_tokens(backend)
    all_rows = max(rows, backend.get_vocab_size())
    return Vocabulary(backend, roles, rows, all_rows, added, pad_id, eos_id)


def read_tokenizer(donor: Donor) -> tokenizers.Tokenizer:
    """The donor's own tokenizer.

    Raises:
        NotFoundError: there is none.
        InputError: it cannot be read.
    """
    import tokenizers

    path = donor.folder / TOKENIZER_FILE
    if path.is_file():
        try:
            return tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises bare Exception, whatever is wrong
            reason = " ".join(str(error).split())[:120]
            raise InputError(f"{path}: not a tokenizer ({reason}).", FETCH_HINT) from error
    path = donor.folder / SPIECE_FILE
    if path.is_file():
        from infinisum.convert.spiece import read_spiece

        extra = donor.read_json(TOKENIZER_CONFIG_FILE).get("extra_ids", SPIECE_SENTINELS)
        return read_spiece(path, int(extra))
    raise NotFoundError(
        f"{donor.folder}: there is no {TOKENIZER_FILE} and no {SPIECE_FILE}.",
        "Fetch the tokenizer of the model into its folder.",
    )


def _add_tokens(backend: tokenizers.Tokenizer) -> dict[int, tuple[int, ...]]:
    """Add our tokens that are not there; each new id with the ids that stand for its meaning."""
    from tokenizers import AddedToken, Regex, decoders, pre_tokenizers

    meanings = {
        name: tuple(backend.encode(text, add_special_tokens=False).ids)
        for name, text in MEANINGS.items()
    }
    sentinels = sentinel_ids(backend.token_to_id)
    if sentinels is None:
        meanings |= {f"<extra_{i}>": meanings[SEP] for i in range(SENTINELS)}
        sentinels = meanings[SEP]
    meanings[MASK] = sentinels[:2]  # what stands for a hidden part of the text
    new = {name: ids for name, ids in meanings.items() if backend.token_to_id(name) is None}
    lines = (LINE, PARAGRAPH)
    backend.add_special_tokens([AddedToken(n, special=True) for n in new if n not in lines])
    backend.add_tokens([AddedToken(n, normalized=False) for n in lines if n in new])
    if backend.pre_tokenizer is not None:
        apart = pre_tokenizers.Split(Regex(CONTROL), behavior="isolated")
        backend.pre_tokenizer = pre_tokenizers.Sequence([backend.pre_tokenizer, apart])
    if backend.decoder is not None:
        after = [decoders.Fuse(), decoders.Replace(LINE + " ", LINE)]
        backend.decoder = decoders.Sequence([backend.decoder, *after])
    numbers = {name: backend.token_to_id(name) for name in new}
    return {number: new[name] for name, number in numbers.items() if number is not None}


def _token(donor: Donor, backend: tokenizers.Tokenizer, number: int) -> str:
    """The name of a token.

    Raises:
        InputError: the tokenizer does not have it.
    """
    token: str | None = backend.id_to_token(number)
    if token is None:
        raise InputError(
            f"{donor.folder}: the tokenizer has no token {number}, which config.json names.",
            "They do not belong together.",
        )
    return token


def _saved(donor: Donor, role: str) -> str:
    """The token of a role by the donor's tokenizer_config.json; "" where it does not say."""
    value = donor.read_json(TOKENIZER_CONFIG_FILE).get(role)
    value = value.get("content") if isinstance(value, dict) else value
    return value if isinstance(value, str) else ""
