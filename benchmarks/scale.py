"""Time, memory and money for a million books and for seventy, and what breaks first.

    python benchmarks/scale.py -o benchmarks/results/scale.json

Rates come from `benchmarks/results/stages.json` (measured, processor seconds of one core) and
from `Assumed` (not measured: no GPU was used). A discrete simulation of the queues, with simpy,
sends books through the processes that hand them out, the workers' CPUs, the GPUs and the disk that
summaries are written to. Prints the tables of `benchmarks/SCALE.md`; the last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import tracemalloc
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import simpy

from infinisum.atomic import write_atomically
from infinisum.bench.estimate import read_config
from infinisum.hub import find_model
from infinisum.model.config import InfinisumConfig
from infinisum.model.cost import flops_per_segment
from infinisum.model.presets import PRESETS

RESULTS = Path(__file__).parent / "results"
MILLION = 1_000_000
LIBRARIES = {"1 M books": MILLION, "70 M books": 70 * MILLION}
HOUR = 3_600
LEAST_BOOKS = 800  # that are simulated


@dataclass(frozen=True)
class Assumed:
    """What was not measured."""

    words: float = 100_000  # of a book, mean
    spread: float = 0.6  # sigma of the log-normal distribution of lengths
    pdf_share: float = 0.2  # of the books
    pdf_words_a_page: float = 330
    gpu_peak: float = 790e12  # FLOP/s, dense bf16, of one H200
    gpu_share: float = 0.35  # of the peak that reading reaches
    gpu_writes: float = 4_000  # tokens a second that one GPU writes, eight texts at once
    written: float = 9_000  # tokens of a book whose summary is written, chapters included
    cores_a_gpu: int = 16  # CPU cores that come with a GPU
    gpu_hour: float = 3.0  # dollars, with its cores
    core_hour: float = 0.04
    disk_writes: float = 1_000  # synced files a second that the place of the summaries takes
    line_bytes: float = 1.25e9  # a second, of the machine that hands books out: 10 Gbit/s
    book_bytes: float = 2e6


@dataclass(frozen=True)
class Measured:
    """Processor seconds of one core."""

    tokens_a_word: float
    open_word: float  # EPUB and text
    open_page: float  # PDF
    tokens: float  # a token: sentences, features, token ids
    network: float  # a token, on one core
    compose: float  # a word
    document: float  # a book
    hand_out: float  # a book
    start: float  # a worker
    worker_bytes: float
    markdown_bytes: float  # a book

    @classmethod
    def load(cls, pdf: dict[str, float]) -> Measured:
        content = json.loads((RESULTS / "stages.json").read_text())
        books = [row for row in content["books"] if not row["book"].endswith(".pdf")]

        def rate(stage: str, unit: str) -> float:
            return sum(row["cpu_s"][stage] for row in books) / sum(row[unit] for row in books)

        return cls(
            tokens_a_word=sum(row["tokens"] for row in books) / sum(row["words"] for row in books),
            open_word=rate("open", "words"),
            open_page=pdf["cpu_s"] / pdf["pages"],
            tokens=rate("tokens", "tokens"),
            network=rate("network", "tokens"),
            compose=rate("compose", "words"),
            document=sum(r["cpu_s"]["document"] + r["cpu_s"]["write"] for r in books) / len(books),
            hand_out=content["hand_out_cpu_s"],
            start=content["start_cpu_s"],
            worker_bytes=content["peak_bytes"],
            markdown_bytes=max(row["markdown_bytes"] for row in books),
        )


PDF = {"cpu_s": 10.5, "pages": 599}  # README, "Books"


@dataclass(frozen=True)
class Book:
    """What one book takes at each stage, in seconds."""

    opening: float
    tokens: float
    network: float  # on one core
    gpu: float  # on one GPU
    composing: float

    @property
    def cpu(self) -> float:
        """Of one core beside the network."""
        return self.opening + self.tokens + self.composing


def book(
    measured: Measured, assumed: Assumed, gpu_token: float, words: float, pdf: bool, writes: bool
) -> Book:
    tokens = words * measured.tokens_a_word
    pages = words / assumed.pdf_words_a_page
    return Book(
        opening=pages * measured.open_page if pdf else words * measured.open_word,
        tokens=tokens * measured.tokens,
        network=tokens * measured.network,
        gpu=tokens * gpu_token + (assumed.written / assumed.gpu_writes if writes else 0.0),
        composing=words * measured.compose + measured.document,
    )


def mean_book(measured: Measured, assumed: Assumed, gpu_token: float, writes: bool) -> Book:
    both = [
        asdict(book(measured, assumed, gpu_token, assumed.words, pdf, writes))
        for pdf in (False, True)
    ]
    share = assumed.pdf_share
    return Book(**{name: (1 - share) * both[0][name] + share * both[1][name] for name in both[0]})


@dataclass(frozen=True)
class Cluster:
    """What is simulated."""

    gpus: int
    workers: int  # to a GPU, each with a core
    drivers: int = 1  # commands, each with a share of the library and of the GPUs
    writes: bool = False  # a model that writes, not quotes


def simulate(cluster: Cluster, measured: Measured, assumed: Assumed, gpu_token: float) -> Any:
    """Send books through the queues; books a second and how busy each station was.

    Every worker takes a book from its driver, opens it and makes tokens on its core, waits for the
    GPU it shares, composes on its core, and hands the summary back, which its driver writes. One
    driver with its share of the GPUs is simulated; the others do the same.
    """
    env = simpy.Environment()
    dice = random.Random(0)
    gpus = [simpy.Resource(env) for _ in range(-(-cluster.gpus // cluster.drivers))]
    driver, line, disk = (simpy.Resource(env) for _ in range(3))
    busy = dict.fromkeys(("cpu", "gpu", "driver", "line", "disk"), 0.0)
    workers = len(gpus) * cluster.workers
    books = max(LEAST_BOOKS, 3 * workers)
    left = [books]
    finished: list[float] = []

    def station(name: str, resource: simpy.Resource, seconds: float) -> Iterator[Any]:
        with resource.request() as turn:
            yield turn
            yield env.timeout(seconds)
        busy[name] += seconds

    def worker(number: int) -> Iterator[Any]:
        gpu = gpus[number % len(gpus)]
        while left[0] > 0:
            left[0] -= 1
            words = assumed.words * dice.lognormvariate(-(assumed.spread**2) / 2, assumed.spread)
            pdf = dice.random() < assumed.pdf_share
            one = book(measured, assumed, gpu_token, words, pdf, cluster.writes)
            yield from station("driver", driver, measured.hand_out)
            yield from station("line", line, assumed.book_bytes / assumed.line_bytes)
            yield env.timeout(one.opening + one.tokens)
            yield from station("gpu", gpu, one.gpu)
            yield env.timeout(one.composing)
            busy["cpu"] += one.cpu
            yield from station("disk", disk, 1 / assumed.disk_writes)
            finished.append(env.now)

    for number in range(workers):
        env.process(worker(number))
    env.run()
    # The beginning, while all open their first book, and the end, while some are done, are left
    # out: a library is a thousand times as long.
    finished.sort()
    first, last = len(finished) // 4, 3 * len(finished) // 4
    speed = (last - first) / (finished[last] - finished[first])
    total = env.now
    share = speed * total / len(finished)  # of the middle against the whole
    stations = {"cpu": workers, "gpu": len(gpus)} | dict.fromkeys(("driver", "line", "disk"), 1)
    use = {name: round(busy[name] * share / total / count, 3) for name, count in stations.items()}
    return {**asdict(cluster), "books_per_s": round(speed * cluster.drivers, 2), "busy": use}


def gpu_seconds_a_token(config: InfinisumConfig, assumed: Assumed) -> float:
    flops = flops_per_segment(config) / config.segment_length
    return flops / (assumed.gpu_peak * assumed.gpu_share)


def driver_bytes(books: int = 20_000) -> float:
    """Memory that the process that hands out books keeps for each, measured."""
    from infinisum.cli.batch import _Counts

    tracemalloc.start()
    tasks = [(f"library/{n // 1000}/book-{n}.epub", Path(f"out/book-{n}.md")) for n in range(books)]
    done = {n: _Counts(100_000 + n, 30, 12.5 + n) for n in range(books)}
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return used / len(tasks) if done else 0.0


def on_cores(one: Book, assumed: Assumed) -> list[dict[str, Any]]:
    """A cluster without GPUs: everything is work of cores."""
    rows = []
    for cores in (16, 1_000, 16_000):
        for library, count in LIBRARIES.items():
            hours = count * (one.cpu + one.network) / cores / HOUR
            dollars = hours * cores * assumed.core_hour
            rows.append({"cores": cores, "library": library, "hours": hours, "dollars": dollars})
    return rows


def on_gpus(rows: list[dict[str, Any]], measured: Measured, assumed: Assumed) -> list[Any]:
    """Time and money at the speeds that were simulated."""
    result = []
    for row in rows:
        for library, count in LIBRARIES.items():
            hours = count / row["books_per_s"] / HOUR
            result.append(
                {
                    **{name: row[name] for name in ("gpus", "workers", "drivers", "writes")},
                    "library": library,
                    "hours": hours,
                    "dollars": hours * row["gpus"] * assumed.gpu_hour,
                    "worker_bytes_a_gpu": row["workers"] * measured.worker_bytes,
                    "summary_bytes": count * measured.markdown_bytes,
                    "first_to_break": max(row["busy"], key=row["busy"].get),
                }
            )
    return result


CLUSTERS = (
    *(Cluster(1, workers) for workers in (1, 2, 4, 8, 16)),
    Cluster(1, 16, writes=True),
    Cluster(8, 8),
    Cluster(8, 16),
    Cluster(8, 16, writes=True),
    *(Cluster(1_000, 8, drivers) for drivers in (1, 4, 16)),
    *(Cluster(1_000, 16, drivers) for drivers in (4, 16)),
    Cluster(1_000, 16, 16, writes=True),
)


def table(rows: list[dict[str, Any]]) -> str:
    names = list(rows[0])
    lines = [" | ".join(names), " | ".join("---" for _ in names)]
    for row in rows:
        cells = [f"{v:,.3g}" if isinstance(v, float) else str(v) for v in row.values()]
        lines.append(" | ".join(cells))
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    assumed, measured = Assumed(), Measured.load(PDF)
    shipped = read_config(find_model())
    larger = InfinisumConfig(**PRESETS["base"])
    gpu_token = gpu_seconds_a_token(shipped, assumed)
    one = mean_book(measured, assumed, gpu_token, writes=False)
    simulated = [simulate(cluster, measured, assumed, gpu_token) for cluster in CLUSTERS]
    content = {
        "assumed": asdict(assumed),
        "measured": asdict(measured),
        "mean_book_s": asdict(one),
        "gpu_tokens_per_s": {
            "shipped": 1 / gpu_token,
            "44 M": 1 / gpu_seconds_a_token(larger, assumed),
        },
        "driver_bytes_a_book": driver_bytes(),
        "on_cores": on_cores(one, assumed),
        "simulated": simulated,
        "on_gpus": on_gpus(simulated, measured, assumed),
    }
    print("One mean book, seconds by stage\n" + table([asdict(one)]))
    print("On cores alone\n" + table(content["on_cores"]))
    flat = [{**{k: v for k, v in r.items() if k != "busy"}, **r["busy"]} for r in simulated]
    print("Simulated; busy shares of each station\n" + table(flat))
    print("On GPUs\n" + table(content["on_gpus"]))
    if arguments.output:
        write_atomically(arguments.output, json.dumps(content, indent=1) + "\n")
    print(json.dumps(content))


if __name__ == "__main__":
    main()
