from __future__ import annotations

import json
from pathlib import Path

import pytest

from infinisum.config import EvaluateOptions
from infinisum.errors import InputError, NotFoundError, UsageError
from infinisum.evaluation import runner
from infinisum.evaluation.cases import Case
from infinisum.evaluation.compare import compare
from infinisum.evaluation.evaluate import evaluate
from tests.evaluation.samples import write_rows


def options(data: Path, **more: object) -> EvaluateOptions:
    given = {"data": data, "level": "chapter", "words": 30, "models": (), "jobs": 1} | more
    return EvaluateOptions(**given)  # type: ignore[arg-type]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "rows.jsonl")


def test_everything_that_decides_the_figures_is_said(data: Path, tiny_model: Path) -> None:
    given = options(data, models=(str(tiny_model),), methods=("extractive",), rouge="stemmed")
    found = evaluate(given).results
    assert found["dataset"]["pairs"] == 7
    assert found["dataset"]["works"] == 4
    assert sum(map(len, found["dataset"]["halves"].values())) == 4
    assert found["settings"]["rouge"] == "stemmed"
    assert found["settings"]["seed"] == 0
    assert len(found["models"][0]["fingerprint"]) == 16
    assert {"infinisum", "numpy", "torch", "rouge-score"} <= set(found["versions"])
    names = [row["row"] for row in found["rows"] if row["kind"] != "published"]
    assert names[:5] == ["lead", "tail", "lead and tail", "random", "TF-IDF centroid"]
    assert names[-3:] == ["surface features", "greedy oracle", "extractive"]
    extractive = next(row for row in found["rows"] if row["row"] == "extractive")
    assert extractive["items"] == 7
    assert extractive["against_best_trivial"]["p"] > 0
    assert set(found["documents"][0]["scores"]) == set(names)


def test_two_runs_give_the_same_and_another_seed_another(data: Path) -> None:
    first, second, other = (evaluate(options(data, seed=seed)) for seed in (3, 3, 4))
    assert json.dumps(first.results) == json.dumps(second.results)
    assert first.predictions == second.predictions
    assert first.predictions != other.predictions


def test_an_interrupted_run_goes_on(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = evaluate(options(data))
    journal = tmp_path / "journal.jsonl"
    scored: list[str] = []
    real = runner.Trivial.score

    def score(self: runner.Trivial, case: Case) -> object:
        if len(scored) == 4:
            raise KeyboardInterrupt
        scored.append(case.id)
        return real(self, case)

    monkeypatch.setattr(runner.Trivial, "score", score)
    with pytest.raises(KeyboardInterrupt):
        evaluate(options(data), journal=journal)
    assert journal.exists()
    before = list(scored)
    scored.clear()
    resumed = evaluate(options(data), journal=journal)
    assert len(before) == 4
    assert len(scored) == 2
    assert not set(scored) & set(before)
    assert json.dumps(resumed.results) == json.dumps(whole.results)
    assert not journal.exists()


def test_predictions_made_elsewhere(data: Path, tmp_path: Path) -> None:
    texts = [{"id": f"text-{number}", "text": "Anna Brook counted boats."} for number in range(6)]
    path = tmp_path / "theirs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in texts))
    found = evaluate(options(data, predictions=(path,)))
    row = next(row for row in found.results["rows"] if row["row"] == "theirs")
    assert row["kind"] == "given"
    assert row["prediction_words"] == 4
    path.write_text(json.dumps(texts[0]))
    with pytest.raises(InputError, match="text-1"):
        evaluate(options(data, predictions=(path,)))


def test_two_models_have_rows_of_their_own(data: Path, tiny_model: Path, tmp_path: Path) -> None:
    import shutil

    other = tmp_path / "other"
    shutil.copytree(tiny_model, other)
    models = (str(tiny_model), str(other))
    found = evaluate(options(data, models=models, methods=("extractive",), limit=2)).results
    names = [row["row"] for row in found["rows"] if row["kind"] == "model"]
    assert names == [f"{model}, extractive" for model in models]


def test_no_data_says_what_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFoundError) as caught:
        evaluate(EvaluateOptions(models=()))
    assert caught.value.exit_status == 4
    assert "booksum" in str(caught.value)
    assert "text and summary" in str(caught.value)


def test_a_folder_called_booksum_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "booksum").mkdir()
    write_rows(tmp_path / "booksum" / "rows.jsonl")
    monkeypatch.chdir(tmp_path)
    found = evaluate(EvaluateOptions(models=(), level="chapter", limit=1, jobs=1))
    assert found.results["dataset"]["texts"] == 1
    assert found.results["settings"]["words"] == 338  # the length all BookSum rows are compared at


def test_comparing_two_results(data: Path, tmp_path: Path) -> None:
    paths = []
    for name, words in (("a", 40), ("b", 15)):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(evaluate(options(data, words=words)).results))
        paths.append(path)
    found = compare(paths[0], paths[1])
    assert (found["texts"], found["works"]) == (6, 4)
    lead = next(row for row in found["rows"] if row["row"] == "lead")
    assert lead["mean"] == pytest.approx(lead["a"] - lead["b"], abs=1e-5)
    assert lead["low"] <= lead["mean"] <= lead["high"]
    turned = next(row for row in compare(paths[1], paths[0])["rows"] if row["row"] == "lead")
    assert turned["mean"] == pytest.approx(-lead["mean"])
    paths[1].write_text("{}")
    with pytest.raises(InputError, match="no results"):
        compare(paths[0], paths[1])
    with pytest.raises(NotFoundError):
        compare(paths[0], tmp_path / "missing.json")


def test_conventions_are_not_compared(data: Path, tmp_path: Path) -> None:
    paths = []
    for rouge in ("scrolls", "stemmed"):
        path = tmp_path / f"{rouge}.json"
        path.write_text(json.dumps(evaluate(options(data, rouge=rouge, limit=2)).results))
        paths.append(path)
    with pytest.raises(UsageError, match="two conventions"):
        compare(paths[0], paths[1])
