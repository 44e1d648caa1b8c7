"""`spiece.model`, SentencePiece's own file, as a tokenizer of the `tokenizers` library."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from infinisum.errors import InputError
from infinisum.hub import FETCH_HINT

if TYPE_CHECKING:
    import tokenizers

UNIGRAM = 1  # kind of model, in SentencePiece's numbering
SPACE = "▁"


def read_spiece(path: Path, sentinels: int) -> tokenizers.Tokenizer:
    """Read a unigram vocabulary of SentencePiece.

    Args:
        path: the file.
        sentinels: `<extra_id_…>` that T5 puts behind the vocabulary, the last one first.

    Raises:
        InputError: it is no such file, or holds another kind of model.
    """
    from google.protobuf.message import DecodeError
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from transformers.convert_slow_tokenizer import import_protobuf

    model: Any = import_protobuf().ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except (OSError, DecodeError) as error:
        raise InputError(f"{path}: no SentencePiece vocabulary.", FETCH_HINT) from error
    trained = model.trainer_spec
    if trained.model_type != UNIGRAM or not model.pieces:
        raise InputError(
            f"{path}: no unigram vocabulary.", "Put the model's tokenizer.json into its folder."
        )
    extra = [f"<extra_id_{i}>" for i in reversed(range(sentinels))]
    pieces = [(piece.piece, piece.score) for piece in model.pieces] + [(e, 0.0) for e in extra]
    backend = Tokenizer(models.Unigram(pieces, trained.unk_id, trained.byte_fallback))
    if model.normalizer_spec.precompiled_charsmap:
        backend.normalizer = normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap)
    words = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="always")
    backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), words])
    spaces = decoders.Metaspace(replacement=SPACE, prepend_scheme="always")
    backend.decoder = decoders.Sequence([decoders.ByteFallback(), spaces])
    control = [piece.piece for piece in model.pieces if piece.type == piece.CONTROL]
    unknown = pieces[trained.unk_id][0]
    backend.add_special_tokens([AddedToken(t, special=True) for t in (*control, unknown, *extra)])
    return backend
