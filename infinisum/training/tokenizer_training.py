"""Training of the vocabulary: byte-pair encoding with byte fallback, on a sample of the corpus."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infinisum.datasets.jsonl import read_json_lines
from infinisum.tokenizer import (
    BOS,
    EOS,
    LINE,
    MASK,
    PAD,
    PARAGRAPH,
    SEP,
    SPECIAL_TOKENS,
    TOKENIZER_FILE,
    UNK,
)

if TYPE_CHECKING:
    import tokenizers

BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))

# A space belongs to what follows it; digits stand alone; words, punctuation and line breaks do
# not mix. English endings after an apostrophe are pieces of their own.
PIECES = (
    r"['’](?:s|t|re|ve|m|ll|d)(?![\p{L}\p{M}])"
    r"| ?[\p{L}\p{M}]+"
    r"| ?\p{N}"
    r"| ?[^ \p{L}\p{M}\p{N}]+"
    r"| +(?= )"
    r"| "
)
ACCENTED = "àáâãäåæçèéêëìíîïñòóôõöøœùúûüýÀÁÂÄÆÇÈÉÊËÎÏÑÓÔÖØŒÙÛÜßāēīōūăčřšž"
ALPHABET = "".join(map(chr, range(32, 127))) + "‘’“”–—…£§°·½¼¾×€©®†‡•«»′″" + ACCENTED


def train_tokenizer(
    texts: Iterable[str], folder: Path, *, vocab_size: int = 16_384, alphabet: int = 320
) -> None:
    """Train a vocabulary and write it to `folder` in the layout of `transformers`.

    Args:
        texts: the sample.
        folder: where `tokenizer.json` and `tokenizer_config.json` go; made if missing.
        vocab_size: number of token ids, special tokens and the 256 bytes included.
        alphabet: most characters that get a token of their own; rarer ones are bytes.
    """
    import tokenizers
    from tokenizers import AddedToken
    from transformers import PreTrainedTokenizerFast

    backend = _untrained()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        limit_alphabet=alphabet,
        initial_alphabet=list(ALPHABET),
        special_tokens=[*SPECIAL_TOKENS, LINE, PARAGRAPH, *BYTES],
        show_progress=False,
    )
    lines = (line for text in texts for line in text.split("\n") if line)
    backend.train_from_iterator(lines, trainer=trainer)

    # The trainer makes every reserved token an added token. Bytes must not be, or "<0x41>" written
    # in a book would be read as the letter A; and only a model with bytes can fall back on them.
    state: dict[str, Any] = json.loads(backend.to_str())
    state["added_tokens"] = []
    state["model"]["byte_fallback"] = True
    backend = tokenizers.Tokenizer.from_str(json.dumps(state))
    backend.add_special_tokens([AddedToken(t, special=True) for t in SPECIAL_TOKENS])
    backend.add_tokens([AddedToken(t, normalized=False, special=False) for t in (LINE, PARAGRAPH)])

    wrapper: Any = PreTrainedTokenizerFast  # untyped in some versions
    wrapper(
        tokenizer_object=backend,
        bos_token=BOS,
        eos_token=EOS,
        unk_token=UNK,
        pad_token=PAD,
        mask_token=MASK,
        sep_token=SEP,
        clean_up_tokenization_spaces=False,
    ).save_pretrained(str(folder))
    backend.save(str(folder / TOKENIZER_FILE))


def _untrained() -> tokenizers.Tokenizer:
    """The rules: composed characters, a space before every line, pieces, byte-pair encoding."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    backend = Tokenizer(models.BPE(unk_token=UNK))
    backend.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Prepend(" ")])
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(PIECES), behavior="isolated")
    backend.decoder = decoders.Sequence(
        [
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Replace(LINE + " ", LINE),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return backend


def sample_texts(
    paths: Sequence[Path], *, share: float = 0.25, summary_weight: int = 3
) -> Iterator[str]:
    """Texts for the vocabulary from corpus files: part of every text, all summaries, several times.

    Args:
        paths: JSON-lines files with `text`, `summary` or `chapters` (each with a `text`).
        share: part of each text that is taken, from its start; a text occurring twice is taken
            once.
        summary_weight: how often each summary is given, so that its words weigh more.
    """
    seen: set[int] = set()
    for path in paths:
        for row in read_json_lines(path):
            if row.get("split", "train") != "train" or row.get("pg19_test"):
                continue
            chapters = row.get("chapters") or [row]
            for text in (chapter.get("text") or "" for chapter in chapters):
                if text and hash(text) not in seen:
                    seen.add(hash(text))
                    yield text[: max(1, int(share * len(text)))]
            for _ in range(summary_weight):
                yield row.get("summary") or ""
