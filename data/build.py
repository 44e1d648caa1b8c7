"""Build the novella in `data/source` into everything a newcomer can try infinisum on.

    python data/build.py                     EPUB, PDF, text and the BookSum tree, in this folder
    python data/build.py --out FOLDER        … in another
    python data/build.py --million BOOK.txt  only the novella over and over: a million tokens

The PDF needs reportlab and pyphen, which `pip install infinisum[dev]` brings. The same source
gives the same files, byte for byte, with the same versions of Python and these two libraries.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from novella import booksum, epub, text
from novella.source import Novella, load

HERE = Path(__file__).parent
NAME = "the-tide-ledger"


def build(novella: Novella, out: Path, *, pdf: bool = True) -> None:
    """Write all forms of the book into the folder `out`."""
    out.mkdir(parents=True, exist_ok=True)
    epub.write(novella, out / f"{NAME}.epub")
    (out / f"{NAME}.txt").write_text(text.render(novella), encoding="utf-8", newline="\n")
    sample = out / "booksum-sample"
    shutil.rmtree(sample, ignore_errors=True)
    booksum.write(novella, sample)
    if pdf:
        from novella import pdf as typeset

        typeset.write(novella, out / f"{NAME}.pdf")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Build the novella in data/source.")
    parser.add_argument("--source", type=Path, default=HERE / "source", help="folder of Markdown")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to build into")
    parser.add_argument("--no-pdf", action="store_true", help="leave the PDF out")
    parser.add_argument("--million", type=Path, help="write only the million-token text, here")
    arguments = parser.parse_args()
    novella = load(arguments.source)
    if arguments.million:
        with arguments.million.open("w", encoding="utf-8", newline="\n") as out:
            out.writelines(text.million(novella))
    else:
        build(novella, arguments.out, pdf=not arguments.no_pdf)


if __name__ == "__main__":
    main()
