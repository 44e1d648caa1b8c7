"""The novella as a typeset PDF: A5, justified, hyphenated, with running headers and an outline."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import pyphen
from reportlab.lib.enums import TA_CENTER, TA_JUSTIFY
from reportlab.lib.pagesizes import A5
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import (
    BaseDocTemplate,
    Frame,
    HRFlowable,
    NextPageTemplate,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
)
from reportlab.platypus.tableofcontents import TableOfContents

from novella import cover
from novella.epub import COLOPHON
from novella.source import Chapter, Line, Novella, roman

SERIF, SERIF_ITALIC, SANS = "EBGaramond", "EBGaramond-Italic", "Helvetica"
FONTS = Path(__file__).parent.parent / "fonts"
WIDTH, HEIGHT = A5
SIDE, TOP, BOTTOM = 54.0, 66.0, 62.0  # margins, points
LIGATURES = (("ffi", "ﬃ"), ("ffl", "ﬄ"), ("ff", "ﬀ"), ("fi", "ﬁ"), ("fl", "ﬂ"))
SOFT_HYPHEN = "\u00ad"
# A word in lower case, long enough to break: names and words in capitals are left whole.
BREAKABLE = re.compile(r"(?<![\w’-])[a-z]{6,}(?![\w’-])")

BODY = ParagraphStyle(
    "body",
    fontName=SERIF,
    fontSize=10.8,
    leading=14.4,
    alignment=TA_JUSTIFY,
    firstLineIndent=14,
    allowWidows=0,
    allowOrphans=0,
    splitLongWords=0,
)
FIRST = ParagraphStyle("first", BODY, firstLineIndent=0)
VERSE = ParagraphStyle("verse", FIRST, alignment=0, leftIndent=34, spaceBefore=8, spaceAfter=8)
NOTE = ParagraphStyle("note", FIRST, fontSize=8.8, leading=11.4, spaceBefore=3)
CENTRED = ParagraphStyle("centred", FIRST, alignment=TA_CENTER, spaceAfter=8)
SMALL = ParagraphStyle("small", CENTRED, fontName=SANS, fontSize=8)
TITLE = ParagraphStyle(
    "title", fontName=SANS, fontSize=24, leading=30, alignment=TA_CENTER, spaceAfter=24
)
ORDINAL = ParagraphStyle(
    "ordinal", fontName=SANS, fontSize=8.5, leading=12, alignment=TA_CENTER, spaceBefore=44
)
HEADING = ParagraphStyle(
    "heading", fontName=SANS, fontSize=15, leading=19, alignment=TA_CENTER, spaceAfter=30
)
CONTENTS = [
    ParagraphStyle("contents-part", fontName=SANS, fontSize=9, leading=13, spaceBefore=8),
    ParagraphStyle("contents-chapter", fontName=SERIF, fontSize=10.8, leading=14.5, leftIndent=14),
]


def set_text(text: str, hyphenation: pyphen.Pyphen) -> str:
    """Mark where words may break, put in the ligatures, and escape for reportlab."""

    def hyphenate(match: re.Match[str]) -> str:
        return str(hyphenation.inserted(match[0], SOFT_HYPHEN))

    text = BREAKABLE.sub(hyphenate, text)
    for letters, ligature in LIGATURES:
        text = text.replace(letters, ligature)
    return escape(text, quote=False)


def keep_last_whole(markup: str) -> str:
    """Take the places where it may break out of the last word; spaces after it stay."""
    words = markup.rstrip(" ")
    rest, space, last = words.rpartition(" ")
    return rest + space + last.replace(SOFT_HYPHEN, "") + markup[len(words) :]


def set_line(line: Line, hyphenation: pyphen.Pyphen) -> str:
    """A line in reportlab's markup.

    Where the font changes after a space, the word before it is kept whole: reportlab drops the
    space after a word with soft hyphens there.
    """
    out = []
    for span in line:
        if span.note:
            out.append(f'<super size="6"><font name="{SANS}">{span.note}</font></super>')
            continue
        text = set_text(span.text, hyphenation)
        if text.endswith(" "):
            text = keep_last_whole(text)
        out.append(f"<i>{text}</i>" if span.italic else text)
    return "".join(out)


def set_paragraph(line: Line, hyphenation: pyphen.Pyphen) -> str:
    """A paragraph in reportlab's markup; its last word stays whole, never alone in half."""
    return keep_last_whole(set_line(line, hyphenation))


Painter = Callable[[Any, Any], None]


def nothing(canvas: Any, document: Any) -> None:
    """Paint nothing on a page."""


class Heading(Paragraph):  # type: ignore[misc]
    """A heading that goes into the outline and the contents."""

    def __init__(
        self, text: str, style: ParagraphStyle, level: int, key: str, entry: str = ""
    ) -> None:
        super().__init__(escape(text, quote=False), style)
        self.entry, self.level, self.key = entry or text, level, key


class NovellaTemplate(BaseDocTemplate):  # type: ignore[misc]
    """Pages with running headers, except where a part or a chapter opens."""

    def __init__(self, path: Path, novella: Novella) -> None:
        super().__init__(
            str(path),
            pagesize=A5,
            title=novella.title,
            author=novella.author,
            subject=novella.rights,
            lang=novella.language,
            invariant=1,
        )
        self.novella = novella
        self.opening_pages: set[int] = set()  # found in this pass, heeded in the next
        self.known_openings: set[int] = set()
        self.addPageTemplates(
            [
                self.template("cover", self.draw_cover, nothing),
                self.template("plain", nothing, nothing),
                self.template("body", self.draw_header, self.draw_number),
            ]
        )

    def template(self, name: str, before: Painter, after: Painter) -> PageTemplate:
        """A page template with one frame for the text."""
        frame = Frame(SIDE, BOTTOM, WIDTH - 2 * SIDE, HEIGHT - TOP - BOTTOM, 0, 0, 0, 0)
        return PageTemplate(name, [frame], onPage=before, onPageEnd=after)

    def draw_cover(self, canvas: Any, document: Any) -> None:
        """Paint the cover over the page."""
        cover.draw(canvas, self.novella.title, self.novella.author, SERIF, SANS, HEIGHT)

    def draw_header(self, canvas: Any, document: Any) -> None:
        """Author on the left page, title on the right, nothing over an opening."""
        number = canvas.getPageNumber()
        if number in self.known_openings:
            return
        head = self.novella.title if number % 2 else self.novella.author
        canvas.setFont(SANS, 8)
        canvas.drawCentredString(WIDTH / 2, HEIGHT - 44, head.upper(), charSpace=1.2)

    def draw_number(self, canvas: Any, document: Any) -> None:
        """The page number at the foot."""
        canvas.setFont(SANS, 8)
        canvas.drawCentredString(WIDTH / 2, 38, str(canvas.getPageNumber()))

    def beforeDocument(self) -> None:  # noqa: N802
        """Start a pass: what the last one found holds, for passes go on until nothing moves."""
        self.known_openings, self.opening_pages = self.opening_pages, set()

    def afterFlowable(self, flowable: Any) -> None:  # noqa: N802
        """Enter headings where they came to stand."""
        if isinstance(flowable, Heading):
            self.opening_pages.add(self.page)
            self.canv.bookmarkPage(flowable.key)
            self.canv.addOutlineEntry(flowable.entry, flowable.key, flowable.level)
            if flowable.key != "colophon":
                entry = (flowable.level, flowable.entry, self.page, flowable.key)
                self.notify("TOCEntry", entry)


def front_matter(novella: Novella) -> list[Any]:
    """Cover, title page, imprint, contents."""
    contents = TableOfContents(dotsMinLevel=1, levelStyles=CONTENTS)
    return [
        NextPageTemplate("plain"),
        Spacer(1, 1),
        PageBreak(),
        Spacer(1, 130),
        Paragraph(escape(novella.title), TITLE),
        Paragraph(escape(novella.author), CENTRED),
        PageBreak(),
        Spacer(1, 350),
        Paragraph(f"Written for infinisum, {novella.date[:4]}.", SMALL),
        Paragraph(f"Rights: {escape(novella.rights)}", SMALL),
        PageBreak(),
        Paragraph("Contents", HEADING),
        contents,
        NextPageTemplate("body"),
    ]


def chapter_story(chapter: Chapter, hyphenation: pyphen.Pyphen) -> list[Any]:
    """A chapter on a new page: heading, text, notes."""
    story: list[Any] = [
        PageBreak(),
        Paragraph(f"CHAPTER {roman(chapter.number)}", ORDINAL),
        Heading(chapter.title, HEADING, 1, f"chapter-{chapter.number}"),
    ]
    indent = False
    for block in chapter.blocks:
        markup = "<br/>".join(set_paragraph(line, hyphenation) for line in block.lines)
        style = VERSE if block.verse else BODY if indent else FIRST
        story.append(Paragraph(markup, style))
        indent = not block.verse
    if chapter.notes:
        story.append(
            HRFlowable(60, 0.5, spaceBefore=14, spaceAfter=4, hAlign="LEFT", color="black")
        )
    for index, note in enumerate(chapter.notes, start=1):
        story.append(Paragraph(f"{index}. {set_paragraph(note, hyphenation)}", NOTE))
    return story


def write(novella: Novella, path: Path) -> None:
    """Typeset the book; the contents take a second pass."""
    pdfmetrics.registerFont(TTFont(SERIF, str(FONTS / "EBGaramond08-Regular.ttf")))
    pdfmetrics.registerFont(TTFont(SERIF_ITALIC, str(FONTS / "EBGaramond08-Italic.ttf")))
    pdfmetrics.registerFontFamily(SERIF, SERIF, SERIF, SERIF_ITALIC, SERIF_ITALIC)
    hyphenation = pyphen.Pyphen(lang="en_GB", left=2, right=3)
    story = front_matter(novella)
    for index, part in enumerate(novella.parts, start=1):
        story += [
            PageBreak(),
            Spacer(1, 130),
            Paragraph(escape(part.ordinal.upper()), ORDINAL),
            Heading(part.name, HEADING, 0, f"part-{index}", entry=part.title),
        ]
        for chapter in part.chapters:
            story += chapter_story(chapter, hyphenation)
    story += [NextPageTemplate("plain"), PageBreak(), Spacer(1, 200)]
    story.append(Heading("Colophon", HEADING, 0, "colophon"))
    story += [Paragraph(escape(line.format(title=novella.title)), CENTRED) for line in COLOPHON]
    NovellaTemplate(path, novella).multiBuild(story)
