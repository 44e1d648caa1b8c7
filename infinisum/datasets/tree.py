"""BookSum as its repository lays it out: alignment files that name texts and summaries.

alignments/chapter-level-summary-alignments/chapter_summary_aligned_<split>_split.jsonl
    the same with `.gathered`: texts and summaries written in
alignments/book-level-summary-alignments/book_summaries_aligned_<split>.jsonl
all_chapterized_books/<bid>-chapters/…txt
finished_summaries/<source>/<title>/…txt or .json (both JSON)

The paths in the files are those of the machine they were made on; what counts of them begins at
`all_chapterized_books` and `finished_summaries`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from infinisum.books.unwrap import paragraphs_of_lines
from infinisum.datasets.document import Document, Level, Missing, split_name
from infinisum.datasets.jsonl import read_json_lines
from infinisum.datasets.rows import joined, summary_of_json, title_of
from infinisum.errors import InputError

TEXTS = "all_chapterized_books"
SUMMARIES = "finished_summaries"
_ALIGNMENT = re.compile(
    r"(?P<kind>chapter_summary|book_summaries)_aligned_(?P<split>[a-z]+)(?:_split)?\.jsonl"
)
_GATHERED = ".gathered"
_PARENTS = 2  # folders above the one that was named, where texts and summaries may be


class Tree:
    """One checkout of the repository, or its alignments with the two folders near them.

    Args:
        root: the folder that was named.
        alignments: the alignment files in it.
    """

    def __init__(self, root: Path, alignments: Sequence[Path]) -> None:
        self.root = root
        self.alignments = sorted(alignments, key=lambda path: (path.name, str(path)))
        self._folders = {name: _find_folder(root, name) for name in (TEXTS, SUMMARIES)}
        self._text = lru_cache(maxsize=64)(_read_text)

    @property
    def folders(self) -> list[Path]:
        """Where texts and summaries are, as far as they were found."""
        return [folder for folder in self._folders.values() if folder is not None]

    @staticmethod
    def is_alignment(path: Path) -> bool:
        """Whether a file is one of the alignment files."""
        return bool(_ALIGNMENT.fullmatch(path.name.removesuffix(_GATHERED)))

    def documents(self, split: str = "", level: str = "") -> Iterator[Document | Missing]:
        """Documents in the order of the files; what is missing is looked for in `.gathered`."""
        plain = [path for path in self.alignments if not path.name.endswith(_GATHERED)]
        gathered = {path.name.removesuffix(_GATHERED): path for path in self.alignments}
        for name in dict.fromkeys(path.name.removesuffix(_GATHERED) for path in self.alignments):
            match = _ALIGNMENT.fullmatch(name)
            assert match is not None
            own_split = split_name(match["split"]) or match["split"]
            own_level: Level = "book" if match["kind"].startswith("book") else "chapter"
            if (split and own_split != split) or (level and own_level != level):
                continue
            file = next((path for path in plain if path.name == name), None)
            rest = gathered[name] if gathered[name].name.endswith(_GATHERED) else None
            yield from self._aligned(file, rest, own_split, own_level)

    def _aligned(
        self, file: Path | None, gathered: Path | None, split: str, level: Level
    ) -> Iterator[Document | Missing]:
        missing: dict[str, Missing] = {}
        for row in read_json_lines(file) if file else ():
            found = self._document(row, split, level, file)
            if isinstance(found, Missing) and gathered:
                missing[found.id] = found
            else:
                yield found
        if gathered is None or (file and not missing):
            return
        for row in read_json_lines(gathered):
            own_id = _id(row, split, level)
            if not file or own_id in missing:
                missing.pop(own_id, None)
                yield _gathered_document(row, own_id, split, level, gathered)
        yield from missing.values()

    def _document(
        self, row: Mapping[str, Any], split: str, level: Level, file: Path | None
    ) -> Document | Missing:
        own_id, title = _id(row, split, level), title_of(row)
        text_path = row.get("book_path" if level == "book" else "chapter_path")
        summary_path = row.get("summary_path")
        for path, folder, kind in (
            (text_path, TEXTS, "text"),
            (summary_path, SUMMARIES, "summary"),
        ):
            if self._place(path, folder) is None:
                where = _tail(path, folder) or f"a {kind} of {title}"
                return Missing(own_id, title, level, split, where, f"missing {kind} file")
        text, summary = self._place(text_path, TEXTS), self._place(summary_path, SUMMARIES)
        assert text is not None
        assert summary is not None
        try:
            return Document(
                id=own_id,
                title=title,
                level=level,
                text=self._text(text),
                summary=_read_summary(summary),
                source=str(row.get("source") or ""),
                split=split,
                aggregate=bool(row.get("is_aggregate")),
                file=str(file),
                fields=row,
            )
        except (OSError, InputError):
            return Missing(own_id, title, level, split, str(summary), "unreadable file")

    def _place(self, path: Any, folder: str) -> Path | None:
        """Where a file of the alignments is on this machine; None where it is missing."""
        tail, base = _tail(path, folder), self._folders[folder]
        if not tail or base is None:
            return None
        for name in (tail, *_other_endings(tail)):
            for form in ("NFC", "NFD"):  # macOS unpacks accents in two characters
                place = base / unicodedata.normalize(form, name).split("/", 1)[1]
                if place.is_file():
                    return place
        return None


def _tail(path: Any, folder: str) -> str:
    """The part of a path from one of the two folders on; "" where it has none."""
    parts = PurePosixPath(str(path or "").replace("\\", "/")).parts
    if folder not in parts or ".." in parts:
        return ""
    tail = parts[parts.index(folder) :]
    return "/".join(tail) if len(tail) > 1 else ""


def _other_endings(name: str) -> list[str]:
    """The scripts write an overview as .txt or as .json, not always as the alignments say."""
    stem, _, ending = name.rpartition(".")
    return [f"{stem}.{other}" for other in ("txt", "json") if other != ending]


def _find_folder(root: Path, name: str) -> Path | None:
    """One of the two folders: where the archive was unpacked, or where the scripts wrote it."""
    above = [root, *list(root.resolve().parents)[:_PARENTS]]
    near = [place for base in above for place in (base, base / "scripts")]
    near += sorted(path for path in root.iterdir() if path.is_dir())
    return next((base / name for base in near if (base / name).is_dir()), None)


def _read_text(path: Path) -> str:
    """A text of the books, unwrapped: paragraphs parted by blank lines."""
    return "\n\n".join(paragraphs_of_lines(_decoded(path).splitlines()))


def _decoded(path: Path) -> str:
    """Text of a file. BookSum is English: a guess among the world's code pages could only err."""
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _read_summary(path: Path) -> str:
    """A finished summary.

    Raises:
        InputError: it is JSON that is cut off.
    """
    text = _decoded(path).strip()
    summary = summary_of_json(text)
    if summary is None and text.startswith("{"):
        raise InputError(f"{path}: no valid JSON.")
    return text if summary is None else summary


def _gathered_document(
    row: Mapping[str, Any], own_id: str, split: str, level: Level, file: Path
) -> Document:
    return Document(
        id=own_id,
        title=title_of(row),
        level=level,
        text=joined(row.get("text"), "\n\n", str(file)),
        summary=joined(row.get("summary"), " ", str(file)),
        source=str(row.get("source") or ""),
        split=split,
        aggregate=bool(row.get("is_aggregate")),
        file=str(file),
        fields=row,
    )


def _id(row: Mapping[str, Any], split: str, level: Level) -> str:
    stem = PurePosixPath(str(row.get("summary_path") or "")).stem
    return f"booksum-{level}-{split}-{row.get('bid')}-{row.get('source')}-{stem}"
