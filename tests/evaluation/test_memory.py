"""What memory is worth: places, names, losses, conditions, planted facts, gates."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from infinisum.config import EvaluateOptions
from infinisum.errors import NotFoundError, UsageError
from infinisum.evaluation import continuation, recall
from infinisum.evaluation.evaluate import evaluate
from infinisum.evaluation.gates import gates_of, kinds
from infinisum.evaluation.tables import tables
from infinisum.evaluation.texts import load_texts
from infinisum.evaluation.tokenbook import TokenBook
from infinisum.loading import LoadedModel, load_model
from tests.tiny_model import paragraph

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="module")
def loaded(tiny_model: Path) -> LoadedModel:
    return load_model(tiny_model, "cpu", "float32")


def text_of(start: int, paragraphs: int) -> str:
    return "\n\n".join(paragraph(start + n) for n in range(paragraphs))


def test_places_are_those_of_the_tokens_read(loaded: LoadedModel) -> None:
    book = TokenBook(text_of(0, 8), loaded.tokenizer)
    chapter = book.stretch(0, len(book.sentences), 64)
    whole = np.concatenate([segment.token_ids for segment in chapter.segments])
    assert book.tokens == len(whole)
    for sentence in (0, 1, 5, 9):
        target = book.target(sentence, 20)
        assert target.ids.tolist() == whole[target.start :][: len(target.ids)].tolist()
        assert target.text_bytes == len(loaded.tokenizer.decode(target.ids.tolist()).encode())


def test_gaps_of_names_by_hand(loaded: LoadedModel) -> None:
    text = (
        "Once came Penrose to the quay. The rain went on and on.\n\nNobody knew. "
        "Then spoke Penrose to Hale's boy."
    )
    book = TokenBook(text, loaded.tokenizer)
    target = book.target(3, 100)
    # Penrose was last named in sentence 0, so the gap is the distance of the two sentences.
    assert {int(gap) for gap in target.gaps} == {0, book.starts[3]}
    said = loaded.tokenizer.decode(target.ids[target.gaps > 0].tolist())
    assert said.strip() == "Penrose"
    assert book.target(0, 8).gaps.sum() == 0  # never named before


def test_a_word_that_also_occurs_in_small_letters_is_no_name(loaded: LoadedModel) -> None:
    text = "They saw Light there. The light went out.\n\nThen came Light again."
    assert TokenBook(text, loaded.tokenizer).target(2, 50).gaps.sum() == 0


def test_losses_are_those_of_the_network(loaded: LoadedModel) -> None:
    """One token after the other, without teacher forcing, gives the same."""
    book = TokenBook(text_of(0, 6), loaded.tokenizer)
    state = continuation._read(loaded, None, book, 0, 6)
    target = book.target(6, 7)
    found = continuation.continue_with(loaded, state, target)
    ids = loaded.tokenizer.prompt("continue", 1)[:2]
    with torch.no_grad():
        seen = loaded.model.visible(state)
        for place, token in enumerate(target.ids.tolist()):
            output = loaded.model(
                encoder_outputs=seen, decoder_input_ids=torch.tensor([ids]), use_cache=False
            )
            assert output.logits is not None
            loss = -output.logits[0, -1].log_softmax(-1)[token]
            assert found[place] == pytest.approx(float(loss), abs=1e-4)
            ids.append(token)


def test_conditions_differ_where_they_should(loaded: LoadedModel) -> None:
    config = loaded.model.config
    window = config.segment_length * config.window_segments
    contexts = (0, window // 2, 2 * window)
    book = TokenBook(text_of(0, 200), loaded.tokenizer)
    other = TokenBook(text_of(500, 200), loaded.tokenizer)
    passages = continuation.measure_text(loaded, book, other, contexts)
    assert len(passages) == continuation.PASSAGES
    losses = {name: np.array(values) for name, values in passages[0]["losses"].items()}
    assert set(losses) == {
        *("0/own", f"{window // 2}/own"),
        *(f"{2 * window}/{condition}" for condition in continuation.CONDITIONS),
    }
    own, none, theirs = (losses[f"{2 * window}/{c}"] for c in continuation.CONDITIONS)
    assert len(own) == len(passages[0]["gaps"])
    assert np.abs(own - none).max() > 1e-4  # the memory changes what is expected
    assert np.abs(own - theirs).max() > 1e-4  # and so does whose it is


def test_none_is_what_the_window_alone_gives(loaded: LoadedModel) -> None:
    config = loaded.model.config
    window = config.segment_length * config.window_segments
    book = TokenBook(text_of(0, 200), loaded.tokenizer)
    passages = continuation.measure_text(loaded, book, book, (0, window, 2 * window))
    assert passages[0]["losses"][f"{2 * window}/none"] == pytest.approx(
        passages[0]["losses"][f"{window}/own"], abs=1e-4
    )


def passage(own: list[float], none: list[float], gaps: list[int], size: int) -> dict[str, object]:
    return {"bytes": size, "gaps": gaps, "losses": {"16384/own": own, "16384/none": none}}


def test_bits_and_gains_by_hand() -> None:
    ln2 = math.log(2)
    texts = {
        "a": [passage([ln2, ln2], [2 * ln2, 3 * ln2], [0, 9_000], 4)],
        "b": [passage([2 * ln2, 4 * ln2], [2 * ln2, 3 * ln2], [8_000, 20_000], 4)],
    }
    (row,) = continuation.aggregate(texts, "m", 0)
    assert row["own"]["bits_per_byte"]["mean"] == pytest.approx(8 / 8)
    assert row["own"]["perplexity"] == pytest.approx(2 ** (8 / 4))
    assert row["none"]["bits_per_byte"]["mean"] == pytest.approx(10 / 8)
    assert row["other"] is None
    assert row["gain_over_none"]["mean"] == pytest.approx((3 - 1) / 4)
    # Only the second token of "a": 8,000 is not far, 20,000 is outside what was read.
    assert row["name_gain_over_none"]["tokens"] == 1
    assert row["name_gain_over_none"]["mean"] == pytest.approx(2.0)


def test_a_text_too_short_has_no_passage(loaded: LoadedModel) -> None:
    assert continuation.passage_starts(TokenBook(text_of(0, 3), loaded.tokenizer)) == []


def test_texts_in_their_layouts(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "10.txt").write_text("A tale.")
    (tmp_path / "other.txt").write_text("Not of the split.")
    assert [t.text for t in load_texts("pg19", tmp_path, "test")] == ["A tale."]
    row = json.dumps({"id": "m", "title": "Sheaves", "text": "\\title{Sheaves}"})
    (tmp_path / "eval-math.jsonl").write_text(row)
    (found,) = load_texts("arxiv-math", tmp_path, "test")
    assert (found.id, found.title) == ("m", "Sheaves")
    with pytest.raises(NotFoundError, match="train, validation, test"):
        load_texts("pg19", tmp_path / "missing", "test")


def test_planted_facts_are_needed_later(loaded: LoadedModel) -> None:
    facts = recall.load_facts(DATA)
    assert len(facts) == 10
    for fact in facts:
        assert fact.answer.lower() in fact.before[fact.planted].lower()
        assert not fact.opening.lower().endswith(fact.answer.lower())
    fact = facts[0]
    short = recall.Fact(fact.what, fact.answer, fact.before[-3:], fact.opening, 0)
    (row,) = recall.measure_facts(loaded, [short])
    assert row["told"]["bits"] > 0
    assert row["tokens"] >= row["told"]["right"]
    with pytest.raises(NotFoundError):
        recall.load_facts(Path("no/such"))


def test_recall_by_hand() -> None:
    def row(told: float, untold: float, right: int, far: bool = True) -> dict[str, object]:
        score = {"bits": told, "right": right, "exact": right == 2}
        other = {"bits": untold, "right": 0, "exact": False}
        places = {"tokens": 2, "beyond_window": far, "answer": f"{told}"}
        return {**places, "told": score, "untold": other, "none": other}

    found = recall.summarise([row(4, 9, 2), row(6, 7, 1), row(1, 99, 2, far=False)], "m", 0)
    assert (found["facts"], found["beyond_window"]) == (3, 2)
    assert found["told"] == {"exact": 0.5, "per_token": 0.75, "bits": 5.0}
    assert found["bits_gained_by_being_told"]["mean"] == 3.0


def test_gates(loaded: LoadedModel) -> None:
    rows = gates_of(loaded.model, "m")
    config = loaded.model.config
    assert len(rows) == config.encoder_layers + config.decoder_layers
    assert all(g == 0.5 for row in rows for g in row["gates"])  # β = 0
    assert kinds([0.02, 0.5, 0.95, 0.99]) == {"local": 1, "memory": 2, "mixed": 1}


def test_evaluate_dispatches(tiny_model: Path, tmp_path: Path) -> None:
    found = evaluate(EvaluateOptions(dataset="gates", models=(str(tiny_model),))).results
    assert [table.name for table in tables(found)] == ["gates"]
    with pytest.raises(UsageError):
        evaluate(EvaluateOptions(dataset="gates", models=()))


def test_passkey(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from infinisum.evaluation import memory

    monkeypatch.setattr(memory, "PASSKEY_LENGTHS", (512,))
    options = EvaluateOptions(dataset="passkey", models=(str(tiny_model),), limit=2)
    found = evaluate(options).results
    assert found["settings"]["trials"] == 2
    assert all(row["trials"] == 2 and 0 <= row["exact"] <= 1 for row in found["passkey"])
    assert [table.name for table in tables(found)] == ["passkey", "gates"]
    cells = {(row["filler"], row["position"]) for row in found["passkey"]}
    assert len(cells) == len(found["passkey"]) >= 3


def test_a_run_over_texts_goes_on_and_repeats(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load_model(tiny_model, "cpu").model.config
    window = config.segment_length * config.window_segments
    monkeypatch.setattr(continuation, "CONTEXTS", (0, 2 * window))
    measured: list[str] = []
    real = continuation.measure_text

    def measure(loaded: LoadedModel, book: TokenBook, other: TokenBook) -> object:
        if len(measured) == 1 and not (tmp_path / "resumed").exists():
            raise KeyboardInterrupt
        measured.append(book.sentences[0])
        return real(loaded, book, other, (0, 2 * window))

    monkeypatch.setattr(continuation, "measure_text", measure)
    rows = [{"id": str(n), "title": f"T{n}", "text": text_of(100 * n, 120)} for n in range(3)]
    data = tmp_path / "pg19.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = EvaluateOptions(dataset="pg19", data=data, models=(str(tiny_model),))
    journal = tmp_path / "journal.jsonl"
    with pytest.raises(KeyboardInterrupt):
        evaluate(options, journal=journal)
    (tmp_path / "resumed").touch()
    resumed = evaluate(options, journal=journal).results
    assert len(measured) == 3
    assert not journal.exists()
    assert json.dumps(evaluate(options).results) == json.dumps(resumed)
    names = [table.name for table in tables(resumed)]
    assert names == ["continuation", "gates"]
    assert [row["context_tokens"] for row in resumed["continuation"]] == [0, 2 * window]
