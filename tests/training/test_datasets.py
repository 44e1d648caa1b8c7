"""Training rows: what is refused and why, what an example holds, and that disk changes nothing."""

import json
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infinisum.errors import InputError, NotFoundError
from infinisum.tokenizer import load_tokenizer
from infinisum.training.datasets import (
    IGNORED,
    VECTOR_SIZE,
    Example,
    ReadReport,
    Row,
    make_example,
    read_rows,
    target_ids,
)
from infinisum.training.labels import split_paragraphs
from infinisum.training.overlap import HeldOut, held_out
from infinisum.training.preparing import prepare, prepared
from infinisum.training.shards import INDEX, ShardDataset

TOKENIZER = load_tokenizer(Path(__file__).parents[2] / "models" / "infinisum-base")
NAMES = ["Ilse", "Marn", "Tobias", "the keeper", "the pilot", "old Wenna", "the clerk"]
DEEDS = ["rowed out", "counted the nets", "wrote the tide down", "lost a key", "said nothing"]


def story(seed: int, sentences: int = 60) -> str:
    """A text of its own for each seed."""
    rng = np.random.default_rng(seed)
    lines = [
        f"{rng.choice(NAMES)} {rng.choice(DEEDS)} on day {rng.integers(9_999)}.".capitalize()
        for _ in range(sentences)
    ]
    return "\n\n".join(" ".join(lines[i : i + 4]) for i in range(0, sentences, 4))


def row(seed: int, **fields: Any) -> dict[str, Any]:
    base = {
        "id": f"row-{seed}",
        "title": f"Work {seed}",
        "level": "chapter",
        "text": story(seed),
        "summary": f"Somebody did something on day {seed}. It mattered later.",
        "split": "train",
        "qc": [],
    }
    return {**base, **fields}


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    content = "\n".join(json.dumps(r) for r in rows) + "\n"
    if path.suffix == ".xz":
        path.write_bytes(lzma.compress(content.encode()))
    else:
        path.write_text(content, encoding="utf-8")
    return path


def labelled(seed: int) -> dict[str, Any]:
    sentences, paragraph_of = split_paragraphs(story(seed))
    labels = [round(i / len(sentences), 4) for i in range(len(sentences))]
    return {
        "id": f"labels-{seed}",
        "title": f"Work {seed}",
        "sentences": sentences,
        "paragraph_of": paragraph_of,
        "labels": labels,
        "first": 0,
    }


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.xz"])
def test_good_rows_are_read(tmp_path: Path, name: str) -> None:
    report = ReadReport()
    path = write(tmp_path / name, [row(1), row(2, level="book")])
    rows = list(read_rows([path], report=report))
    assert [(r.id, r.level) for r in rows] == [("row-1", "chapter"), ("row-2", "book")]
    assert (report.read, report.used, report.refused.total()) == (2, 2, 0)
    assert [r.id for r in read_rows([tmp_path])] == ["row-1", "row-2"]  # a folder is its files


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"qc": ["wrong book"]}, "suspect (qc)"),
        ({"summary": " "}, "no summary"),
        ({"summary": None}, "no summary"),
        ({"text": ""}, "no text"),
        ({"summary_source": "shmoop"}, "summary by shmoop"),
        ({"text": "Too short a text."}, "summary longer than text"),
        ({"title": "The  Held Work!"}, "held-out title"),
        ({"id": "held-id"}, "held-out title"),
        ({"text": "A new opening. " + story(7)}, "shares its words with a held-out text"),
        ({"text": story(1), "summary": row(1)["summary"]}, "duplicate"),
    ],
)
def test_each_reason_to_refuse_a_row(tmp_path: Path, fields: dict[str, Any], reason: str) -> None:
    held_file = write(
        tmp_path / "held.jsonl", [row(7, title="Held Work", id="held-id", split="validation")]
    )
    path = write(tmp_path / "rows.jsonl", [row(1), row(2, **fields)])
    report = ReadReport()
    kept = list(read_rows([path], held=held_out([held_file]), report=report))
    assert [r.id for r in kept] == ["row-1"]
    assert dict(report.refused) == {reason: 1}
    assert reason in str(report)


def test_other_splits_are_counted_and_not_given(tmp_path: Path) -> None:
    report = ReadReport()
    path = write(tmp_path / "rows.jsonl", [row(1), row(2, split="validation", title="Work 1")])
    rows = read_rows([path], report=report, count_tokens=lambda text: len(text.split()))
    assert [r.id for r in rows] == ["row-1"]
    assert str(report) == "2 rows read, 1 used, 1 of other splits"
    told = report.as_dict()
    assert [(d["split"], d["level"], d["documents"]) for d in told["documents"]] == [
        ("train", "chapter", 1),
        ("validation", "chapter", 1),
    ]
    assert told["documents"][1]["tokens_median"] == len(story(2).split())
    assert told["works_in_several_splits"] == {"Work 1": ["train", "validation"]}
    everything = read_rows([path], split="")
    assert [r.id for r in everything] == ["row-1", "row-2"]


def test_other_sources_can_be_refused_or_none(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [row(1, summary_source="shmoop"), row(2)])
    assert len(list(read_rows([path], refused_sources=()))) == 2


def test_a_text_alone_can_be_of_use(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [row(1, summary=""), row(2)])
    assert [r.id for r in read_rows([path])] == ["row-2"]
    assert [r.id for r in read_rows([path], bare=True)] == ["row-1", "row-2"]
    both = prepared([path], TOKENIZER, 64, tmp_path / "cache", bare=True)
    assert sorted(both.target_tokens) == [0, both.target_tokens[0]]
    assert len(prepared([path], TOKENIZER, 64, tmp_path / "cache")) == 1


def test_a_shared_quotation_is_no_overlap(tmp_path: Path) -> None:
    held = held_out([write(tmp_path / "held.jsonl", [row(7)])])
    quotation = " ".join(story(7).split()[:14])
    assert not held.overlaps(story(8, 200) + " " + quotation)
    assert held.overlaps(story(7).upper().replace(".", " !"))
    assert not HeldOut().overlaps(story(7))


def test_missing_files_are_all_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"a\.jsonl.*b\.jsonl"):
        list(read_rows([tmp_path / "a.jsonl", tmp_path / "b.jsonl"]))


def test_nothing_usable_says_why(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [row(1, qc=["x"]), row(2, text="")])
    with pytest.raises(NotFoundError, match=r"rows\.jsonl.*suspect \(qc\) 1"):
        list(read_rows([path]))
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFoundError, match="empty"):
        list(read_rows([tmp_path / "empty"]))


@pytest.mark.parametrize(
    "content",
    [
        b"{not json}\n",
        b"[1, 2]\n",
        b"\xff\xfe\n",
        b'{"text": 5, "summary": "a"}\n',
        b'{"text": "a", "sentences": ["a"], "paragraph_of": [0], "labels": [0.1, 0.2]}\n',
    ],
)
def test_bad_lines_are_input_errors(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"rows\.jsonl"):
        list(read_rows([path]))


def test_a_cut_off_archive_is_an_input_error(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl.xz", [row(1)])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"rows\.jsonl\.xz"):
        list(read_rows([path]))


def test_an_example_holds_the_text_and_what_to_write() -> None:
    source = Row("r", "T", "chapter", "Ilse ran. Marn sat.\n\nNobody came.", "Ilse ran away.")
    example = make_example(source, TOKENIZER, 8)
    ids = [i for segment in example.segments for i in segment.token_ids.tolist()]
    assert TOKENIZER.decode(ids) == source.text
    assert [s.text for s in example.sentences] == ["Ilse ran.", "Marn sat.", "Nobody came."]
    prompt = TOKENIZER.prompt("chapter", 3)
    summary = TOKENIZER.encode("Ilse ran away.")
    assert example.decoder_ids.tolist() == [*prompt, *summary, TOKENIZER.eos_id]
    assert example.labels.tolist() == [IGNORED] * 3 + [*summary, TOKENIZER.eos_id]
    assert len(example.salience) == 0
    assert example.vectors.shape == (0, VECTOR_SIZE)


def test_a_long_summary_ends_at_a_sentence_and_asks_for_what_is_left() -> None:
    sentences = [f"Number {i} of the boats came home." for i in range(30)]
    source = Row("r", "T", "book", "x", "\n\n".join(sentences))
    whole, _ = target_ids(source, TOKENIZER, 1_000)
    assert TOKENIZER.decode(whole) == source.summary
    assert whole[:3] == TOKENIZER.prompt("book", 210)
    cut, prompt = target_ids(source, TOKENIZER, len(whole) // 2)
    assert len(cut) <= len(whole) // 2
    assert cut[-1] == TOKENIZER.eos_id
    kept = TOKENIZER.decode(cut).split("\n\n")
    assert kept == sentences[: len(kept)]
    assert cut[:prompt] == TOKENIZER.prompt("book", 7 * len(kept))
    tiny, _ = target_ids(source, TOKENIZER, 8)
    assert len(tiny) == 8


def test_given_sentences_are_not_split_again() -> None:
    source = Row("r", "T", "chapter", "", "", ("Two parts. In one.", "End."), (0, 1), (0.5, 1.0))
    example = make_example(source, TOKENIZER, 64)
    assert [s.text for s in example.sentences] == ["Two parts. In one.", "End."]
    assert example.salience.tolist() == [0.5, 1.0]
    assert len(example.decoder_ids) == len(example.labels) == 0


def same(a: Example, b: Example, *, text: bool) -> None:
    assert (a.id, a.title, len(a.segments)) == (b.id, b.title, len(b.segments))
    for one, other in zip(a.segments, b.segments, strict=True):
        assert one.token_ids.tolist() == other.token_ids.tolist()
        assert one.spans == other.spans
    for one, other in zip(a.sentences, b.sentences, strict=True):
        assert (one.paragraph, one.words) == (other.paragraph, other.words)
        assert np.allclose(one.features, other.features, atol=2e-3)
        assert other.text == (one.text if text else "")
    for name in ("decoder_ids", "labels", "salience", "vectors"):
        assert np.array_equal(getattr(a, name), getattr(b, name))


@pytest.fixture
def files(tmp_path: Path) -> Iterator[list[Path]]:
    rng = np.random.default_rng(0)
    count = len(labelled(2)["sentences"]) + len(labelled(3)["sentences"])
    (tmp_path / "labels").mkdir()
    np.save(
        tmp_path / "labels" / "embeddings.npy",
        rng.random((count, VECTOR_SIZE), np.float32).astype(np.float16),
    )
    second = {**labelled(3), "first": len(labelled(2)["sentences"])}
    yield [
        write(
            tmp_path / "rows.jsonl", [row(1), row(2), row(2, id="again", summary="Another one.")]
        ),
        write(tmp_path / "labels" / "chapters.jsonl", [labelled(2), second]),
    ]


def test_shards_give_back_the_examples(tmp_path: Path, files: list[Path]) -> None:
    rows = list(read_rows(files))
    shards = prepare(rows, TOKENIZER, tmp_path / "shards", 64)
    assert len(shards) == 4  # three summaries, and one text with labels alone
    assert shards.target_tokens[3] == 0
    same(make_example(rows[0], TOKENIZER, 64), shards[0], text=False)
    # Labels of a text belong to all its summaries, whichever row brought them.
    vectors = np.load(files[1].parent / "embeddings.npy")
    n = len(rows[3].salience)
    for number in (1, 2):
        assert np.allclose(shards[number].salience, rows[3].salience)
        assert np.array_equal(shards[number].vectors, vectors[:n])
    assert np.array_equal(shards[3].vectors, vectors[n:])
    assert [shards.labelled(i) for i in range(4)] == [False, True, True, True]
    assert shards.segments == [len(shards[i].segments) for i in range(4)]
    assert shards.target_tokens == [len(shards[i].decoder_ids) for i in range(4)]
    assert shards.level(0) == "chapter"


def test_label_order_does_not_matter_and_preparing_is_deterministic(
    tmp_path: Path, files: list[Path]
) -> None:
    first = prepare(read_rows(files), TOKENIZER, tmp_path / "a", 64)
    again = prepare(read_rows(files), TOKENIZER, tmp_path / "b", 64)
    for path in sorted((tmp_path / "a").iterdir()):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    turned = prepare(read_rows(files[::-1]), TOKENIZER, tmp_path / "c", 64)
    for number in range(len(first)):
        there = [i for i in range(len(turned)) if turned[i].id == again[number].id]
        same(first[number], turned[there[0]], text=True)


def test_prepared_is_made_once_and_again_when_the_data_change(
    tmp_path: Path, files: list[Path]
) -> None:
    cache = tmp_path / "cache"
    assert len(prepared(files, TOKENIZER, 64, cache)) == 4
    assert len(prepared(files, TOKENIZER, 64, cache)) == 4
    assert len(list(cache.iterdir())) == 1
    write(files[0], [row(1), row(5), row(6), row(8)])
    assert len(prepared(files, TOKENIZER, 64, cache)) == 6
    assert len(list(cache.iterdir())) == 2
    held = HeldOut(titles=frozenset({"work 6"}))
    assert len(prepared(files, TOKENIZER, 64, cache, held=held)) == 5


def test_a_folder_of_shards_is_opened_if_it_fits_the_model(
    tmp_path: Path, files: list[Path]
) -> None:
    prepare(read_rows(files), TOKENIZER, tmp_path / "shards", 64)
    assert len(prepared([tmp_path / "shards"], TOKENIZER, 64, tmp_path / "cache")) == 4
    with pytest.raises(InputError, match="64 tokens a segment instead of 128"):
        prepared([tmp_path / "shards"], TOKENIZER, 128, tmp_path / "cache")


def test_damaged_shards_are_input_errors(tmp_path: Path, files: list[Path]) -> None:
    folder = tmp_path / "shards"
    with pytest.raises(NotFoundError, match=INDEX):
        ShardDataset(folder)
    prepare(read_rows(files), TOKENIZER, folder, 64)
    tokens = folder / "tokens.bin"
    tokens.write_bytes(tokens.read_bytes()[:-4])
    with pytest.raises(InputError, match=r"tokens\.bin"):
        ShardDataset(folder)
    (folder / INDEX).write_text("{")
    with pytest.raises(InputError, match="shards"):
        ShardDataset(folder)


def test_a_failure_leaves_no_half_folder(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [row(1)])
    with path.open("a") as file:
        file.write("{broken\n")
    with pytest.raises(InputError):
        prepare(read_rows([path]), TOKENIZER, tmp_path / "shards", 64)
    assert not (tmp_path / "shards").exists()
