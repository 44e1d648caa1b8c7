"""Books summarised through the command line, as EPUB, as text and as PDF made from the EPUB.

    python benchmarks/books_summarised.py --books DIR --work DIR -o RESULTS.json [--only dracula]

Each book is given to `infinisum summarize --level book -o`, one process after the other; pandoc
makes the text, LibreOffice the PDF (`--pdf pdftex.pdf` for pdfTeX). One line for each book and
form: exit status, words and chapters read, processor seconds of the whole process, peak memory,
and what was said on standard error if it failed. Results are kept after every book, and rows that
are there already are not made again unless `--again`. The last line is one JSON document.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from books_rebuilt import rebuild

FORMS = ("epub", "text", "pdf")


def run_measured(command: list[str], log: Path) -> tuple[int, str, float, int]:
    """Exit status, standard output, processor seconds and peak bytes of a command."""
    stdout = log.with_suffix(".out")
    with stdout.open("wb") as out, log.open("wb") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = usage.ru_utime + usage.ru_stime
    return process.returncode, stdout.read_text(), seconds, usage.ru_maxrss * 1024


def summarise(book: str, form: str, source: Path, work: Path, model: str) -> dict[str, Any]:
    """One row of the table."""
    output = work / f"{source.parent.name if form != 'epub' else source.stem}.{form}.md"
    output.unlink(missing_ok=True)
    command = [sys.executable, "-m", "infinisum", "summarize", str(source), "--level", "book"]
    command += ["-o", str(output), "--json"]
    command += ["--model", model] if model else []
    log = work / f"{output.stem}.log"
    started = time.perf_counter()
    status, out, seconds, peak = run_measured(command, log)
    row: dict[str, Any] = {
        "book": book,
        "form": form,
        "model": model and Path(model).name,
        "status": status,
        "written": output.is_file(),
        "cpu_s": round(seconds, 1),
        "wall_s": round(time.perf_counter() - started, 1),
        "peak_bytes": peak,
    }
    if status:
        return row | {"message": log.read_text().strip().splitlines()[-1:]}
    (summary,) = json.loads(out)["summaries"]
    counts = {key: summary[f"source_{key}"] for key in ("words", "chapters", "tokens")}
    return row | counts


def source_of(book: Path, form: str, work: Path, pdf: str) -> Path | None:
    """The file to summarise: the EPUB itself, or what a tool makes of it; None without the tool."""
    if form == "epub":
        return book
    folder = work / book.stem[:40]
    folder.mkdir(parents=True, exist_ok=True)
    if form == "pdf":
        rebuild(book, folder, "pandoc.html")
    return rebuild(book, folder, "pandoc.txt" if form == "text" else pdf)


def show(row: dict[str, Any]) -> None:
    counts = f"{row.get('words', 0):9,} words {row.get('chapters', 0):4} chapters"
    print(
        f"{row['book'][:40]:40} {row['form']:5} status {row['status']} {counts} "
        f"{row['cpu_s']:7.1f} s {row['peak_bytes'] / 1e6:6.0f} MB {row.get('message', '')}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--books", type=Path, required=True, help="folder of EPUBs")
    parser.add_argument("--work", type=Path, required=True, help="folder for files and summaries")
    parser.add_argument("-o", "--output", type=Path, required=True, help="file of the results")
    parser.add_argument("--only", default="", help="parts of the names of the books to take")
    parser.add_argument("--forms", default=",".join(FORMS), help="of epub,text,pdf")
    parser.add_argument("--pdf", default="office.pdf", help="recipe of the PDF (books_rebuilt.py)")
    parser.add_argument("--model", default="", help="another model than the default, a quick one")
    parser.add_argument("--again", action="store_true", help="make rows again that are there")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    if arguments.output.exists():
        kept = json.loads(arguments.output.read_text())["summarised"]
        rows = {(row["book"], row["form"]): row for row in kept}
    wanted = arguments.only.split(",")
    books = sorted(p for p in arguments.books.glob("*.epub") if any(w in p.stem for w in wanted))
    for form in arguments.forms.split(","):
        for book in sorted(books, key=lambda path: path.stat().st_size):
            if (book.stem, form) in rows and not arguments.again:
                continue
            source = source_of(book, form, arguments.work, arguments.pdf)
            if source is None:
                print(f"{book.stem[:40]:40} {form:5} could not be made")
                continue
            row = summarise(book.stem, form, source, arguments.work, arguments.model)
            rows[book.stem, form] = row
            show(row)
            document = {"summarised": [rows[key] for key in sorted(rows)]}
            arguments.output.write_text(json.dumps(document, indent=1) + "\n")
    print(json.dumps({"summarised": [rows[key] for key in sorted(rows)]}))


if __name__ == "__main__":
    main()
