"""Options of the commands as dataclasses, and presets as data.

The command line and the Python API take the same options under the same names; every option is
checked here once, so a wrong value is one clear line wherever it came from.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Final, Literal, get_args

from infinisum.errors import UsageError

Level = Literal["book", "chapters", "both"]
LengthName = Literal["short", "medium", "long"]
Method = Literal["abstractive", "extractive", "hybrid"]
Strategy = Literal["memory", "merge"]
Embeddings = Literal["random", "distilled"]
EvalLevel = Literal["book", "chapter"]
Convention = Literal["scrolls", "stemmed"]
References = Literal["pairs", "mean", "best"]
Train = Literal["all", "head", "memory", "lora"]
Optimizer = Literal["adamw", "adafactor"]
Parallel = Literal["ddp", "fsdp"]

DEFAULT_MODEL: Final = "infinisum-base"
# What the decoder sees exactly, unless a model says otherwise: segments, and salient states.
WINDOW_SEGMENTS, RESERVOIR_LENGTH = 4, 2_048
DEFAULT_OBJECTIVE: Final = "summarize,salience"  # of these, what the data have something for
# Of new memories; `infinisum.model.rules.add_memory_rule` adds to them.
MEMORY_RULES: Final = ["delta_net", "delta", "delta_paper", "linear"]
PASSKEY_MODEL: Final = "passkey"  # the toy of `bench passkey`
BUNDLED_MODELS: Final = (DEFAULT_MODEL, PASSKEY_MODEL)
CHAPTERS_AT_ONCE: Final = 8  # chapter contexts held and decoded together; bounds memory
BLOCK_SEGMENTS: Final = 4  # segments the encoder takes at a time; more is faster and needs more
DRAFT_SHARE: Final = 1 / 3  # of a hybrid summary's words, the part that is asked of the writer
TEXT_SHARE: Final = 1 / 4  # no preset asks for more than this share of the text itself
TOKENS_PER_WORD: Final = 1.3  # of English prose; only for how full the bar is
TENTHS: Final = 10  # parts of the book that coverage is counted in
PARTS: Final = 20  # parts of the book that mentions of people and places are counted in


@dataclass(frozen=True, slots=True)
class Length:
    """How many words a summary has."""

    book: int  # words of the summary of the whole book
    chapter_share: float  # of the chapter's words
    chapter_least: int  # words of the summary of a very short chapter
    chapter_most: int  # words of the summary of a very long one

    def chapter(self, chapter_words: int) -> int:
        """Words of the summary of a chapter of `chapter_words` words."""
        wanted = round(self.chapter_share * chapter_words)
        return min(max(wanted, self.chapter_least), self.chapter_most)


# Reference summaries of BookSum, the measure of this task, have about 1,214 words for a book and
# 338 for a chapter (validation): "long" is as detailed as a study guide. "medium" is half of that,
# about four minutes of reading; "short" fits on one page.
LENGTHS: Final[dict[LengthName, Length]] = {
    "short": Length(book=250, chapter_share=0.025, chapter_least=30, chapter_most=100),
    "medium": Length(book=600, chapter_share=0.05, chapter_least=50, chapter_most=200),
    "long": Length(book=1_200, chapter_share=0.10, chapter_least=80, chapter_most=400),
}


@dataclass(frozen=True, slots=True)
class DecodingOptions:
    """How the decoder writes. Temperature 0 is greedy, or beam search with several beams."""

    num_beams: int = 1
    temperature: float = 0.0  # above 0: sampling; 0.5 with top_p 0.95 is the paper's setting
    top_p: float = 0.95  # share of the probability that sampling draws from
    seed: int = 0
    any_names: bool = False  # names and numbers too that the book does not have

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            UsageError: a value that makes no sense.
        """
        _at_least("--num-beams", self.num_beams, 1)
        _at_least("--temperature", self.temperature, 0)
        if not 0 < self.top_p <= 1:
            raise UsageError(f"--top-p {self.top_p}: must be above 0 and at most 1.")
        if self.temperature > 0 and self.num_beams > 1:
            raise UsageError(
                "--num-beams and --temperature exclude each other.",
                "Beam search is for temperature 0, sampling for one beam.",
            )


@dataclass(frozen=True, slots=True)
class SummarizeOptions:
    """What to summarise and how: the options of `infinisum summarize`."""

    level: Level = "both"
    length: LengthName = "medium"
    words: int | None = None  # of the book's summary; of each chapter's with level "chapters"
    chapters: str = ""  # "3-7,12": only these are read
    until: str = ""  # "40%", "12", "Chapter 12", "page:210": reading stops there
    method: Method = "hybrid"
    strategy: Strategy = "memory"  # book summary from the state, or from the chapter summaries
    evidence: bool = True  # look for the passage that supports each written sentence
    decoding: DecodingOptions = field(default_factory=DecodingOptions)

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            UsageError: a value that makes no sense.
        """
        _one_of("--level", self.level, get_args(Level))
        _one_of("--length", self.length, get_args(LengthName))
        _one_of("--method", self.method, get_args(Method))
        _one_of("--strategy", self.strategy, get_args(Strategy))
        if self.words is not None:
            _at_least("--words", self.words, 1)

    def book_words(self, text_words: int) -> int:
        """Words of the summary of a book of `text_words` words."""
        if self.words is not None:
            return self.words
        return min(LENGTHS[self.length].book, max(1, round(TEXT_SHARE * text_words)))

    def chapter_words(self, text_words: int) -> int:
        """Words of the summary of a chapter of `text_words` words.

        With `words`, chapters keep the proportion they have to the book's summary in the preset.
        """
        length = LENGTHS[self.length]
        if self.words is None:
            return min(length.chapter(text_words), max(1, round(TEXT_SHARE * text_words)))
        if self.level == "chapters":
            return self.words
        return max(1, round(length.chapter(text_words) * self.words / length.book))


@dataclass(frozen=True, slots=True)
class FinetuneOptions:
    """What to train on and how: the options of `infinisum finetune`."""

    data: tuple[Path, ...]  # JSONL files, or folders of them
    output: Path  # folder of the trained model
    model: Path | None = None  # folder to start from; None: new weights of `preset`
    preset: str = "base"  # sizes of a model that starts from new weights
    memory_rule: str | None = None  # of new weights, in all layers; None: the preset's
    encoder_rule: str | None = None  # of new weights, in the encoder's layers alone; may be "none"
    embeddings: Embeddings = "random"  # of new weights, or a head's; distilled from an encoder
    train: Train = "all"  # every weight, the salience head alone, memories and gates, LoRA
    objective: str = DEFAULT_OBJECTIVE  # names, each with an optional weight: "summarize:2,…"
    max_steps: int = 1_000
    time_limit_minutes: float | None = None  # ends cleanly, with a loadable model
    batch_size: int = 8
    learning_rate: float = 3e-4
    gate_learning_rate: float = 0.01  # gates hardly move at the rate of the other weights
    write_cost: float = 0.0  # weight of what is written to memory, in the loss
    write_free: int = 8  # tokens of a text that each head may write at no cost
    batch_tokens: int = 32_768  # most tokens a batch, padding included
    accumulate: int = 1  # batches a step of each process
    min_segments: int = 2  # longest text of a step, in segments, when training begins
    max_segments: int = 32  # and once the curriculum is over
    curriculum_share: float = 0.3  # of the steps, over which it grows
    fixed_window: bool = False  # every step has the largest window; else each draws one
    held_out: tuple[Path, ...] = ()  # works that must stay out of training, in any layout
    optimizer: Optimizer = "adamw"
    recompute: bool = False  # activations in the backward pass: slower, far less memory
    parallel: Parallel = "ddp"  # with several processes: whole copies, or sharded weights (FSDP2)
    workers: int = 0  # processes that load data
    save_minutes: float = 5.0  # between two checkpoints
    log_steps: int = 10  # between two lines of the log
    probe_steps: int = 100  # between two looks at what the memory is worth
    seed: int = 0
    resume: bool = False  # go on from the newest checkpoint in `output`
    device: str = "auto"
    dtype: str = "auto"

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            UsageError: a value that makes no sense.
        """
        _one_of("--embeddings", self.embeddings, get_args(Embeddings))
        _one_of("--train", self.train, get_args(Train))
        if not self.data:
            raise UsageError("--data is missing.", "Name a JSONL file or a folder of them.")
        _one_of("--optimizer", self.optimizer, get_args(Optimizer))
        _one_of("--parallel", self.parallel, get_args(Parallel))
        _at_least("--workers", self.workers, 0)
        for name in (
            *("max_steps", "batch_size", "batch_tokens", "accumulate", "min_segments"),
            *("max_segments", "log_steps", "probe_steps", "write_free"),
        ):
            _at_least(option_name(name), getattr(self, name), 1)
        _at_least("--write-cost", self.write_cost, 0)
        if self.memory_rule is not None:
            _one_of("--memory-rule", self.memory_rule, tuple(MEMORY_RULES))
        if self.encoder_rule is not None:
            _one_of("--encoder-rule", self.encoder_rule, (*MEMORY_RULES, "none"))
        if not 0 <= self.curriculum_share <= 1:
            raise UsageError(f"--curriculum-share {self.curriculum_share}: must be 0 to 1.")
        for name in ("learning_rate", "gate_learning_rate", "save_minutes", "time_limit_minutes"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UsageError(f"{option_name(name)} {value}: must be above 0.")
        self.weights()

    def weights(self) -> dict[str, float]:
        """Objectives with their weights: "summarize:2,salience" is {"summarize": 2, "salience": 1}.

        Raises:
            UsageError: a weight that is no number above 0, or no objective at all.
        """
        weights: dict[str, float] = {}
        for part in filter(None, (part.strip() for part in self.objective.split(","))):
            name, _, weight = part.partition(":")
            try:
                weights[name.strip()] = float(weight or 1)
            except ValueError:
                raise UsageError(
                    f"--objective {part!r}: {weight!r} is no number.", "Write summarize:2,salience."
                ) from None
        if not weights or not all(weight > 0 for weight in weights.values()):
            raise UsageError(
                f"--objective {self.objective!r}: no objective with a weight above 0.",
                "Write summarize,salience, or summarize:2,salience.",
            )
        return weights


@dataclass(frozen=True, slots=True)
class EvaluateOptions:
    """What to measure and how: the options of `infinisum eval`."""

    dataset: str = "booksum"  # or pg19, arxiv-math, passkey, planted, gates, a JSONL file
    data: Path | None = None  # file or folder; None: the folder of the data set's name right here
    split: str = "validation"
    level: EvalLevel = "book"
    limit: int | None = None  # texts, drawn by a fixed seed
    words: int | None = None  # of every row; None: the mean length of the references
    models: tuple[str, ...] = (DEFAULT_MODEL,)  # none: only the rows without a model
    methods: tuple[Method, ...] = ("extractive", "hybrid", "abstractive")
    predictions: tuple[Path, ...] = ()  # JSONL files of id and text, a row each
    rouge: Convention = "scrolls"
    references: References = "pairs"  # how several references of a text count
    jobs: int | None = None  # processes; None: one for each core
    device: str = "auto"
    dtype: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            UsageError: a value that makes no sense.
        """
        _one_of("--level", self.level, get_args(EvalLevel))
        _one_of("--rouge", self.rouge, get_args(Convention))
        _one_of("--references", self.references, get_args(References))
        _one_of("--split", self.split, ("train", "validation", "test"))
        for method in self.methods:
            _one_of("--method", method, get_args(Method))
        for name in ("limit", "words", "jobs"):
            value = getattr(self, name)
            if value is not None:
                _at_least(option_name(name), value, 1)


@dataclass(frozen=True, slots=True)
class LabelOptions:
    """What to label and how: the options of `infinisum label`."""

    data: tuple[Path, ...]  # JSONL files with text and summary, or folders of them
    output: Path  # folder of the labels
    held_out: tuple[Path, ...] = ()  # works that must stay out, in any layout
    meaning: bool = True  # labels by meaning too, with vectors of the sentences; else by words
    limit: int | None = None  # most chapters; None: all
    skip: int = 0  # chapters passed over first, in the same order
    seed: int = 0  # of the order

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            UsageError: a value that makes no sense.
        """
        if not self.data:
            raise UsageError("--data is missing.", "Name a JSONL file or a folder of them.")
        _at_least("--skip", self.skip, 0)
        if self.limit is not None:
            _at_least("--limit", self.limit, 1)


@dataclass(frozen=True, slots=True)
class ConvertOptions:
    """What to convert and how: the options of `infinisum convert`."""

    donor: str  # folder or hub id of a pretrained model
    output: Path  # folder of the converted model
    segment_length: int | None = None  # tokens; None: what the donor was trained on
    # Whole segments, and states of salient sentences, that the decoder sees exactly; None:
    # WINDOW_SEGMENTS and RESERVOIR_LENGTH. A donor that is a decoder alone has neither.
    window_segments: int | None = None
    reservoir_length: int | None = None
    memory_rule: str = "delta_net"  # of all layers
    gate: float = -2.0  # beta of every mixing gate at the start; sigmoid(-2) is 0.12
    dtype: str = "auto"  # of the weights that are written; auto: as the donor has them
    shard_gb: float = 2.0  # most of one file of weights, and what is held in memory of them
    seed: int = 0  # of the weights that the donor has nothing for

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            UsageError: a value that makes no sense.
        """
        _one_of("--memory-rule", self.memory_rule, tuple(MEMORY_RULES))
        _one_of("--dtype", self.dtype, ("auto", "float32", "bfloat16", "float16"))
        if self.segment_length is not None:
            _at_least("--segment-length", self.segment_length, 2)
        if self.window_segments is not None:
            _at_least("--window-segments", self.window_segments, 0)
        if self.reservoir_length is not None:
            _at_least("--reservoir-length", self.reservoir_length, 0)
        if not self.shard_gb > 0:
            raise UsageError(f"--shard-gb {self.shard_gb}: must be above 0.")


def option_name(field_name: str) -> str:
    """How the command line calls a field: `max_steps` is `--max-steps`."""
    return "--" + field_name.replace("_", "-")


def field_names(options: type) -> tuple[str, ...]:
    """Names of the fields of an options class, in order."""
    return tuple(field.name for field in fields(options))


def _one_of(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(f"{option} {value!r}: must be one of {', '.join(choices)}.")


def _at_least(option: str, value: float, least: float) -> None:
    if not value >= least:  # NaN fails too
        raise UsageError(f"{option} {value}: must be at least {least}.")
