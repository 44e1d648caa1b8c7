"""A book as the rest of infinisum sees it: metadata, chapters of paragraphs, what was left out."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph of running text, without line breaks (verse keeps its own)."""

    text: str
    page: int | None = None  # 1-based page the paragraph starts on, where the source has pages


@dataclass(frozen=True, slots=True)
class Chapter:
    """One chapter, the unit that gets a summary of its own."""

    title: str  # as the book's contents give it, without the parts above it
    paragraphs: tuple[Paragraph, ...]
    level: int = 1  # depth in the contents, 1 at the top
    parts: tuple[str, ...] = ()  # titles of the parts, books or volumes above it, outermost first

    @property
    def text(self) -> str:
        """Paragraphs joined by blank lines."""
        return "\n\n".join(paragraph.text for paragraph in self.paragraphs)

    @property
    def words(self) -> int:
        """Number of whitespace-separated words."""
        return sum(len(paragraph.text.split()) for paragraph in self.paragraphs)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something of the source that is not part of the text: named, so that nobody wonders."""

    what: str  # title, file name or page range
    reason: str  # "title page", "licence", "footnote marks", "page without text", …
    words: int = 0


@dataclass(frozen=True, slots=True)
class Book:
    """A book that was read: what is summarised, and a report of what was not."""

    title: str
    author: str  # "" where unknown; several joined by ", "
    chapters: tuple[Chapter, ...]
    language: str = ""  # BCP 47 tag as far as known: "en", "fr-FR", "" unknown
    format: str = ""  # "epub", "pdf", "text", "markdown", "html"
    source: str = ""  # path or "-" as the user named it
    pages: int | None = None
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = field(default=())  # one line each, for stderr

    @property
    def words(self) -> int:
        """Number of words in all chapters."""
        return sum(chapter.words for chapter in self.chapters)
