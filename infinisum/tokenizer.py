"""Text to token ids and back, and the decoder's prompt: task and length tokens.

The vocabulary is `tokenizer.json` in the model folder: byte-pair encoding with byte fallback, so
every string can be encoded. We read it with the light `tokenizers` library alone; the same folder
loads as `transformers.PreTrainedTokenizerFast`, which gives the same ids for ordinary text.

White space: a text is encoded as if one space stood before it and after every line break, so a
word has the same token wherever it stands, and token ids of sentences encoded one by one can be
joined: decoded together they are the sentences with a single space between them. `decode` takes
these spaces away again. Decoding an encoded text gives the text back exactly, in Unicode's
composed form (NFC).

Special tokens written out in a book ("</s>") are ordinary characters here; they are only ever set
by id.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from infinisum.errors import InputError, NotFoundError

if TYPE_CHECKING:
    import tokenizers

Task = Literal["chapter", "book", "continue", "infill"]

TOKENIZER_FILE = "tokenizer.json"
TOKENIZER_CONFIG_FILE = "tokenizer_config.json"
PAD, EOS, BOS, UNK, MASK, SEP = "<pad>", "</s>", "<s>", "<unk>", "<mask>", "<sep>"
TASKS: tuple[Task, ...] = ("chapter", "book", "continue", "infill")
WORD_BUCKETS = (50, 100, 150, 200, 300, 400, 600, 800, 1200, 1600)
SENTINELS = 32
LINE, PARAGRAPH = "\n", "\n\n"
# Which token is what, in the words of `tokenizer_config.json`, in the order of the ids below.
ROLES: dict[str, str] = {
    "pad_token": PAD,
    "eos_token": EOS,
    "bos_token": BOS,
    "mask_token": MASK,
    "sep_token": SEP,
}

SPECIAL_TOKENS: tuple[str, ...] = (
    *(PAD, EOS, BOS, UNK, MASK),  # ids 0 to 4
    *(f"<{task}>" for task in TASKS),
    *(f"<words:{words}>" for words in WORD_BUCKETS),
    *(f"<extra_{index}>" for index in range(SENTINELS)),
    SEP,
)

_TYPEWRITER = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "—": "--", "―": "--", "…": "..."}
)


class Tokenizer:
    """The vocabulary of one model.

    Models made from others' weights call some tokens otherwise, T5 its placeholders
    `<extra_id_0>` … and what writing starts from `<pad>`.

    Attributes:
        vocab_size: number of token ids.
        pad_id, eos_id, bos_id, sep_id, mask_id: ids of the special tokens.
        paragraph_id: id of the token that stands between two paragraphs.
        line_id: id of the token for a line break inside a paragraph (verse).
        sentinel_ids: ids of the placeholders `<extra_0>` … of the infill objective.

    Args:
        backend: a vocabulary with all of `SPECIAL_TOKENS`.
        name: how messages call it, usually the file.
        roles: which token is what ("bos_token": "<pad>"), where that differs from ours.

    Raises:
        InputError: a special token is missing.
    """

    def __init__(
        self,
        backend: tokenizers.Tokenizer,
        name: str = TOKENIZER_FILE,
        roles: Mapping[str, str] | None = None,
    ) -> None:
        backend.encode_special_tokens = True  # "</s>" in a book is text
        self._backend = backend
        self._name = name
        self.vocab_size: int = backend.get_vocab_size()
        self._roles = {**ROLES, **(roles or {})}
        self.pad_id, self.eos_id, self.bos_id, self.mask_id, self.sep_id = (
            self.token_id(self._roles[role]) for role in ROLES
        )
        self.line_id = self.token_id(LINE)
        self.paragraph_id = self.token_id(PARAGRAPH)
        found = sentinel_ids(backend.token_to_id)
        self.sentinel_ids = (self.token_id("<extra_0>"),) if found is None else found
        self._task_ids = {task: self.token_id(f"<{task}>") for task in TASKS}
        self._words_ids = {words: self.token_id(f"<words:{words}>") for words in WORD_BUCKETS}

    def token_id(self, token: str) -> int:
        """Id of one token by its name.

        Raises:
            InputError: the vocabulary does not have it.
        """
        found: int | None = self._backend.token_to_id(token)
        if found is None:
            raise InputError(
                f"{self._name}: the vocabulary lacks the token {token!r}.",
                "Use the tokenizer that belongs to the model.",
            )
        return found

    @property
    def fingerprint(self) -> str:
        """Tells vocabularies apart: a hash of all that decides the ids of a text."""
        named = "" if self._roles == ROLES else str(sorted(self._roles.items()))
        content = self._backend.to_str() + named
        return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, without any special token."""
        ids: list[int] = self._backend.encode(text, add_special_tokens=False).ids
        return ids

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` of several texts, faster."""
        encodings = self._backend.encode_batch_fast(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids; special tokens are left out."""
        text: str = self._backend.decode(list(ids), skip_special_tokens=True)
        return text

    @cached_property
    def pieces(self) -> tuple[str, ...]:
        """The text of every token as it stands behind a word, with its own space if it has one.

        Special tokens are "", parts of a character's bytes U+FFFD.
        """
        before = self.encode("a")
        start = len(self.decode(before))
        return tuple(self.decode([*before, token])[start:] for token in range(self.vocab_size))

    def prompt(self, task: Task, words: int) -> list[int]:
        """What the decoder starts from: `<s>` or its like, the task, the length wanted.

        Args:
            task: what to write.
            words: length of the summary in words; the nearest of `WORD_BUCKETS` is used.
        """
        return [self.bos_id, self._task_ids[task], self._words_ids[word_bucket(words)]]


def sentinel_ids(token_to_id: Callable[[str], int | None]) -> tuple[int, ...] | None:
    """Ids of the placeholders `<extra_0>` …, or T5's `<extra_id_0>` …; None where some lack."""
    for name in ("<extra_{}>", "<extra_id_{}>"):
        ids = [token_to_id(name.format(i)) for i in range(SENTINELS)]
        known = tuple(number for number in ids if number is not None)
        if len(known) == SENTINELS:
            return known
    return None


def plain_typography(text: str) -> str:
    """Typewriter quotes, dashes and dots for typographic ones.

    The texts a model learns from come in both; what it reads should not depend on the edition.
    """
    return text.translate(_TYPEWRITER)


def word_bucket(words: int) -> int:
    """The length of `WORD_BUCKETS` nearest to `words`, by ratio."""
    return min(WORD_BUCKETS, key=lambda bucket: abs(math.log(bucket / max(1, words))))


def load_tokenizer(folder: str | Path) -> Tokenizer:
    """Load the tokenizer of a model folder.

    Args:
        folder: folder with a `tokenizer.json`.

    Raises:
        NotFoundError: there is no `tokenizer.json`.
        InputError: it cannot be read, or it is not a tokenizer of this project.
    """
    import tokenizers

    path = Path(folder) / TOKENIZER_FILE
    if not path.is_file():
        raise NotFoundError(
            f"{path}: no such file.", "A model folder needs a tokenizer.json; check the path."
        )
    try:
        backend = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception, whatever is wrong
        raise InputError(
            f"{path}: not a tokenizer ({' '.join(str(error).split())[:120]}).",
            "The file is damaged or of another kind; fetch the model again.",
        ) from error
    return Tokenizer(backend, str(path), _roles(path.parent / TOKENIZER_CONFIG_FILE))


def _roles(path: Path) -> dict[str, str]:
    """Which token is what, as far as `tokenizer_config.json` says it; it may be missing."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    named = content if isinstance(content, dict) else {}
    return {role: named[role] for role in ROLES if isinstance(named.get(role), str)}
