"""Wordings that the forms share: how big, by whom, how well grounded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from infinisum.books.selection import title_number
from infinisum.lines import one_line
from infinisum.summary.summary import (
    ChapterSummary,
    Evidence,
    Passage,
    Person,
    Place,
    Summary,
    WrittenSentence,
)

NO_BREAK = "\u00a0"
OWN_WORDS = "In the book's own words"
MARKS = "Behind each sentence: where the book supports it best, as chapter and ¶ paragraph"
UNSUPPORTED = "unsupported"
LEFT_OUT_SHOWN = 12  # things left out of the source that are named one by one
PEOPLE_SHOWN, PLACES_SHOWN = 20, 10  # the JSON form has all
VARIANTS_SHOWN, TOGETHER_SHOWN = 4, 3


def size(count: int) -> str:
    """Bytes for people: "8.1 MB"."""
    value = float(count)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} bytes" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def counted(count: int, noun: str) -> str:
    """ "1 word", "2,345 words"."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def facts(summary: Summary) -> str:
    """The line under the title."""
    making = summary.making
    return " · ".join(
        [
            counted(summary.source_words, "word"),
            counted(summary.source_chapters, "chapter"),
            f"memory {size(making.state_bytes)} whatever the length",
            f"model {making.model} {making.model_version}".rstrip() + f", seed {making.seed}",
        ]
    )


def heading(chapter: ChapterSummary) -> str:
    """ "12 · The Whale"; a title that has the number already stands alone."""
    return numbered(chapter.number, chapter.title)


def numbered(number: int, title: str) -> str:
    """A chapter's number and title, without saying the number twice."""
    if not title:
        return f"Chapter {number}"
    bare = re.fullmatch(r"(?:[IVXLCDM]+|\d+)\.?", title) is not None
    named = f"Chapter {title}" if bare else title
    return named if title_number(title.casefold()) == number else f"{number} · {named}"


def place(passage: Passage | Evidence) -> str:
    """ "¶ 12", with the page where there is one."""
    page = f", p.{NO_BREAK}{passage.page}" if passage.page is not None else ""
    return f"¶{NO_BREAK}{passage.paragraph}{page}"


def first_place(found: Person | Place) -> str:
    """Where somebody or something is named first: "3 ¶ 12", chapter and paragraph."""
    return f"{found.chapter}{NO_BREAK}¶{NO_BREAK}{found.paragraph}"


def mark(sentence: WrittenSentence, *, with_chapter: bool) -> str:
    """What stands behind a written sentence: "3 ¶ 12", "¶ 12" or "unsupported"."""
    if sentence.evidence is None or not sentence.supported:
        return UNSUPPORTED
    chapter = f"{sentence.evidence.chapter}{NO_BREAK}" if with_chapter else ""
    return chapter + place(sentence.evidence)


def also(found: Person | Place) -> str:
    """Other names, "" where there are none: "Ruth, Miss Hallam"."""
    others = [one_line(name) for name in found.variants if name != found.name]
    return ", ".join(others[:VARIANTS_SHOWN])


def company(person: Person) -> str:
    """With whom somebody is named most often, "" for nobody: "Hannah Hallam (9)"."""
    return ", ".join(
        f"{one_line(other.name)} ({other.paragraphs:,})"
        for other in person.together[:TOGETHER_SHOWN]
    )


def quotable(text: str) -> str:
    """A sentence cut out of a speech with the quotation mark that was left behind."""
    text = text.strip()
    if text.count('"') % 2:
        return text + '"' if text.startswith('"') else '"' + text
    missing = text.count("“") - text.count("”")
    return "“" * -missing + text + "”" * missing


def running(passages: Sequence[Passage]) -> str:
    """Passages of one chapter as running text; the place stands after the last of a paragraph."""
    pieces = []
    for index, passage in enumerate(passages):
        last = index + 1 == len(passages) or passages[index + 1].paragraph != passage.paragraph
        pieces.append(one_line(quotable(passage.text)) + (f" ({place(passage)})" if last else ""))
    return " ".join(pieces)


def nothing(chapter: ChapterSummary) -> str:
    """Why a chapter has no summary."""
    return "Nothing was written here." if chapter.words else "There is no text under this title."


def by_chapter(passages: Sequence[Passage]) -> list[tuple[int, list[Passage]]]:
    """Passages grouped by the chapter they stand in."""
    return [(n, list(group)) for n, group in groupby(passages, key=lambda p: p.chapter)]


def origin(summary: Summary) -> str:
    """Who wrote what, in one sentence or two."""
    making = summary.making
    hidden = ""
    if making.drafts_hidden:
        hidden = (
            f" Of {counted(making.drafts_written, 'draft')} of the model {making.drafts_hidden:,} "
            "read badly and are not shown; --method abstractive shows them."
        )
    elif making.method == "hybrid" and not making.drafts_written:
        hidden = (
            " This model does not write well enough for its own text to be shown; "
            "--method abstractive shows it all the same."
        )
    if making.method == "abstractive":
        return "Everything above was written by the model; nothing is quoted."
    if making.drafts_written == making.drafts_hidden:
        return "Everything above is quoted from the book, word for word." + hidden
    return "Running text was written by the model; indented text is quoted word for word." + hidden


def grounding(summary: Summary) -> list[tuple[str, str]]:
    """What was checked and what came out, as (what, sentence)."""
    found = summary.grounding
    lines = []
    if summary.making.drafts_written > summary.making.drafts_hidden:
        for what, total, missing in (
            ("Names", found.names, found.unsupported_names),
            ("Numbers", found.numbers, found.unsupported_numbers),
        ):
            lines.append((what, _share(what.lower(), total, missing)))
        lines.append(("Sentences", _supported(summary)))
    quoted = {
        (p.chapter, p.paragraph, p.text)
        for p in [*summary.passages, *(p for c in summary.chapters for p in c.passages)]
    }
    if quoted:
        chapters = len({chapter for chapter, _, _ in quoted})
        lines.append(
            (
                "Quotations",
                f"{counted(len(quoted), 'sentence')} from {chapters:,} of "
                f"{counted(summary.source_chapters, 'chapter')}.",
            )
        )
    return lines


def unsupported(summary: Summary) -> list[str]:
    """Written sentences that nothing in the book supports, in order."""
    return [one_line(text) for text in summary.grounding.unsupported_sentences]


def coverage(summary: Summary) -> list[tuple[str, str]]:
    """Each tenth of the book with its share of the quoted words; empty if nothing is quoted."""
    words = summary.grounding.coverage_words
    total = sum(words)
    if not total:
        return []
    return [
        (f"{10 * tenth}–{10 * tenth + 10} %", f"{100 * count / total:.0f} %")
        for tenth, count in enumerate(words)
    ]


def left_out(summary: Summary) -> list[str]:
    """What of the source is not part of the text that was read, one line each."""
    lines = [
        f"{item.what} ({item.reason}" + (f", {counted(item.words, 'word')})" if item.words else ")")
        for item in summary.left_out[:LEFT_OUT_SHOWN]
    ]
    rest = summary.left_out[LEFT_OUT_SHOWN:]
    if rest:
        words = sum(item.words for item in rest)
        lines.append(f"{len(rest):,} more ({counted(words, 'word')})")
    return lines


def _share(what: str, total: int, missing: Sequence[str]) -> str:
    if not total:
        return f"The written text has no {what}."
    found = total - len(missing)
    line = f"{found:,} of the {total:,} in the written text occur in the book"
    line += f" ({100 * found / total:.0f} %)."
    return line + (f" Not found: {', '.join(missing)}." if missing else "")


def _supported(summary: Summary) -> str:
    found = summary.grounding
    if not found.sentences:
        return "No evidence was looked for."
    good = found.sentences - len(found.unsupported_sentences)
    line = f"the book supports {good:,} of the {found.sentences:,} written ones"
    return f"{line} ({100 * good / found.sentences:.0f} %), judged by their words."
