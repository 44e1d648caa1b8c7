"""Summaries measured: a data set and models in, results out.

Results carry no time and no path, so the same data, options, weights and versions give the same
file.

    cases ─▶ rows without a model (processes) ─┐
      └────▶ model rows, one reading a text ───┴─▶ scores ─▶ averages, intervals, comparisons
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infinisum.config import DecodingOptions, EvaluateOptions
from infinisum.datasets.jsonl import read_json_lines
from infinisum.errors import InputError, NotFoundError
from infinisum.evaluation import results as made
from infinisum.evaluation.cases import (
    BOOKSUM_WORDS,
    Case,
    fingerprint,
    load_cases,
    reference_words,
    sample,
)
from infinisum.evaluation.common import Evaluation, Unwatched, Watcher, header, key_of
from infinisum.evaluation.faithfulness import REFERENCE_ROW, aggregate, measure_pair
from infinisum.evaluation.journal import Journal
from infinisum.evaluation.models import row_names, summaries
from infinisum.evaluation.scoring import Scored, Trivial, default_jobs, score_text, workers
from infinisum.evaluation.statistics import DRAWS
from infinisum.hub import find_model

if TYPE_CHECKING:
    from infinisum.loading import LoadedModel


def evaluate_summaries(
    options: EvaluateOptions, journal: Path | None = None, watcher: Watcher | None = None
) -> Evaluation:
    """Evaluate models and rows without a model on a data set of texts with references.

    Args and errors are those of `evaluate`.
    """
    watcher = watcher or Unwatched()
    folders = {name: find_model(name) for name in options.models}  # a wrong name is found first
    everything = load_cases(data_path(options), options.split, options.level)
    words = options.words or _default_words(options, everything)
    cases = sample(everything, options.limit)
    given = {path.stem: _given(path) for path in options.predictions}
    content = _header(options, cases, folders, words)
    run = _Run(options, cases, words, watcher, Journal(journal, key_of(content, given)))
    run.trivial()
    for name, folder in folders.items():
        run.model(name, folder)
    for name, texts in given.items():
        run.given(name, texts)
    kinds = made.kinds_of(run.trivial_names, run.model_names, list(given))
    content["faithfulness"] = run.faithfulness([*kinds, REFERENCE_ROW])
    content["rows"] = made.summarise(cases, run.scores, kinds, options.references, options.seed)
    if options.dataset == "booksum":
        content["rows"] += made.published(options.level)
    content["documents"] = made.documents(cases, run.scores)
    evaluation = Evaluation(content, run.predictions())
    watcher.finished(evaluation)
    run.journal.remove()
    return evaluation


def data_path(options: EvaluateOptions) -> Path:
    """Where the data are: as named, or the folder of the data set's name right here.

    Raises:
        NotFoundError: there is none.
    """
    from infinisum.datasets import find_data_set

    if options.data is not None:
        return options.data
    path = Path(options.dataset)
    if path.suffix and not path.is_dir():
        return path
    return find_data_set(options.dataset)


class _Run:
    """The scores of one evaluation as they are made."""

    def __init__(
        self,
        options: EvaluateOptions,
        cases: list[Case],
        words: int,
        watcher: Watcher,
        journal: Journal,
    ) -> None:
        self.options, self.cases, self.words = options, cases, words
        self.watcher, self.journal = watcher, journal
        self.scores: dict[str, dict[str, Scored]] = {case.id: {} for case in cases}
        self.trivial_names: list[str] = []
        names = row_names(options.models, options.methods)
        self.model_names = [row for _, _, row in names]
        self._rows = {(model, method): row for model, method, row in names}

    def trivial(self) -> None:
        """The rows that take no model, in several processes."""
        options = self.options
        rows = Trivial(self.words, options.seed, options.rouge, lexrank=options.level == "chapter")
        self.trivial_names = rows.names()
        open_cases = [case for case in self.cases if not self._known("rows", case)]
        done = len(self.cases) - len(open_cases)
        self.watcher.step("Rows without a model", done, len(self.cases))
        with workers(options.jobs or default_jobs(), len(open_cases)) as spread:
            for index, scored in spread(rows.score, open_cases):
                self._keep("rows", open_cases[index], scored)
                done += 1
                self.watcher.step("Rows without a model", done, len(self.cases))

    def model(self, name: str, folder: Path) -> None:
        """The rows of one model; it is loaded only if there is something left to do."""
        options = self.options
        open_cases = [case for case in self.cases if not self._known(name, case)]
        done = len(self.cases) - len(open_cases)
        loaded: LoadedModel | None = None
        for case in open_cases:
            if loaded is None:
                from infinisum.loading import load_model

                loaded = load_model(folder, options.device, options.dtype)
                self.watcher.loaded(loaded)
            decoding = DecodingOptions(seed=options.seed)
            texts = summaries(case, loaded, self.words, options.methods, decoding)
            scored = {
                self._rows[name, method]: score_text(case, text, options.rouge)
                for method, text in texts.items()
            }
            self._keep(name, case, scored)
            done += 1
            self.watcher.step(name, done, len(self.cases))

    def given(self, name: str, texts: dict[str, str]) -> None:
        """A row of predictions that were made elsewhere.

        Raises:
            InputError: a text has no prediction.
        """
        for case in self.cases:
            found = [texts[key] for key in (case.id, *case.references) if key in texts]
            if not found:
                raise InputError(
                    f"{name}: no prediction for {case.id}.", "Every text needs a row: id and text."
                )
            self.scores[case.id][name] = score_text(case, found[0], self.options.rouge)

    def faithfulness(self, rows: Sequence[str]) -> list[dict[str, Any]]:
        """What ROUGE does not see, of every row and of the references."""
        texts = [
            {row: scored.texts for row, scored in self.scores[case.id].items()}
            for case in self.cases
        ]
        measured: dict[str, Any] = {}
        with workers(self.options.jobs or default_jobs(), len(self.cases)) as spread:
            for index, counts in spread(measure_pair, zip(self.cases, texts, strict=True)):
                measured[self.cases[index].id] = counts
                self.watcher.step("Faithfulness", len(measured), len(self.cases))
        return aggregate(self.cases, measured, rows, self.options.seed)

    def predictions(self) -> list[dict[str, Any]]:
        """Every text that was scored, in the order of data and rows."""
        return [
            {"id": case.id, "work": case.work, "row": row, "text": text}
            if len(scored.texts) == 1
            else {"id": case.id, "work": case.work, "row": row, "reference": ref, "text": text}
            for case in self.cases
            for row, scored in self.scores[case.id].items()
            for ref, text in zip(case.references, scored.texts, strict=False)
        ]

    def _known(self, part: str, case: Case) -> bool:
        kept = self.journal.get(f"{part}/{case.id}")
        if kept is None:
            return False
        self.scores[case.id] |= {row: Scored(*scored) for row, scored in kept.items()}
        return True

    def _keep(self, part: str, case: Case, scored: dict[str, Scored]) -> None:
        self.scores[case.id] |= scored
        content = {row: entry.as_list() for row, entry in scored.items()}
        self.journal.put(f"{part}/{case.id}", content)


def _default_words(options: EvaluateOptions, cases: Sequence[Case]) -> int:
    if options.dataset == "booksum":
        return BOOKSUM_WORDS[options.level]
    return reference_words(cases)


def _header(
    options: EvaluateOptions, cases: Sequence[Case], folders: dict[str, Path], words: int
) -> dict[str, Any]:
    """All that decides the figures, besides the figures."""
    name = options.dataset if not Path(options.dataset).suffix else Path(options.dataset).name
    dataset = {
        "name": name,
        "split": options.split,
        "level": options.level,
        "texts": len(cases),
        "pairs": sum(len(case.references) for case in cases),
        "works": len({case.cluster for case in cases}),
        "reference_words": reference_words(cases),
        "fingerprint": fingerprint(cases),
        "halves": made.halves(cases),
    }
    settings = {
        "rouge": options.rouge,
        "rouge_said": made.CONVENTIONS_SAID[options.rouge],
        "references": options.references,
        "references_said": made.REFERENCES_SAID[options.references],
        "words": words,
        "seed": options.seed,
        "bootstrap_draws": DRAWS,
        "dtype": options.dtype,
    }
    return header(dataset, settings, folders)


def _given(path: Path) -> dict[str, str]:
    """Predictions by the id of a text or of one of its references.

    Raises:
        NotFoundError: no such file.
        InputError: it has other fields.
    """
    if not path.is_file():
        raise NotFoundError(f"{path}: no such file.", "--predictions names JSON lines: id, text.")
    texts: dict[str, str] = {}
    for number, row in enumerate(read_json_lines(path), start=1):
        if not isinstance(row.get("text"), str) or "id" not in row:
            raise InputError(f"{path}: row {number} has no id and text.", "Write both in each row.")
        texts[str(row["id"])] = row["text"]
    return texts
