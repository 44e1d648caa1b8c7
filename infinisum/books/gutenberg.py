"""Project Gutenberg's own words around a text: header, licence, transcriber's notes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from infinisum.books.book import LeftOut

_START = re.compile(
    r"^[ \t]*\*{3}[ \t]*START OF (?:THE|THIS) PROJECT GUTENBERG.*(?:\n.*){0,2}?\*{3}[ \t]*$"
    r"|^[ \t]*\*END\*?\s*THE SMALL PRINT!.*$"
    r"|^[ \t]*\*{3}[ \t]*START OF (?:THE|THIS) PROJECT GUTENBERG.*$",
    re.MULTILINE | re.IGNORECASE,
)
_END = re.compile(
    r"^[ \t]*\*{3}[ \t]*END OF (?:THE|THIS) PROJECT GUTENBERG.*$"
    r"|^[ \t]*(?:The )?End of (?:the |this )?Project Gutenberg(?:['’]s| E(?:Book|text)| etext).*$"
    r"|^[ \t]*\*{3}[ \t]*START: FULL LICENSE.*$"
    r"|^[ \t]*End of the Project Gutenberg EBook.*$",
    re.MULTILINE | re.IGNORECASE,
)
_HEADER_SHARE = 0.5  # of the text; a mark later than this is not the header's
_FIELD = re.compile(
    r"^(?P<name>Title|Author|Language|Translator|Editor):[ \t]*(?P<value>.+)$", re.M
)
_CREDITS = re.compile(
    r"\A\s*(?:E-?text (?:was )?prepared|Produced|Transcribed|Scanned|Created|HTML version)"
    r" (?:and proofread )?(?:by|from)\b"
    r".*?(?=\n[ \t]*\n|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_NOTE = re.compile(
    r"\[?\s*(?:\*\s*)?Transcriber[’']?s?[’']? (?:Note|Comment|Remark)s?\b.*",
    re.IGNORECASE | re.DOTALL,
)
_LANGUAGES = {
    "english": "en",
    "french": "fr",
    "german": "de",
    "spanish": "es",
    "italian": "it",
    "portuguese": "pt",
    "dutch": "nl",
    "finnish": "fi",
    "swedish": "sv",
    "danish": "da",
    "norwegian": "no",
    "latin": "la",
    "greek": "el",
    "chinese": "zh",
    "japanese": "ja",
    "korean": "ko",
    "russian": "ru",
    "polish": "pl",
    "czech": "cs",
    "hungarian": "hu",
    "catalan": "ca",
    "esperanto": "eo",
    "tagalog": "tl",
}


@dataclass(slots=True)
class Stripped:
    """A text without Project Gutenberg's words, and what these said."""

    text: str
    title: str = ""
    author: str = ""
    language: str = ""
    left_out: list[LeftOut] = field(default_factory=list)


def strip_gutenberg(text: str) -> Stripped:
    """Takes header, footer and credits off a Project Gutenberg text; others stay as they are.

    Title, author and language are read from the header.
    """
    if "gutenberg" not in text[:20_000].lower() and "gutenberg" not in text[-30_000:].lower():
        return Stripped(text)
    result = Stripped(text)
    start = _START.search(text)
    if start is not None and start.start() < _HEADER_SHARE * len(text) + 20_000:
        header, result.text = text[: start.end()], text[start.end() :]
        _read_header(header, result)
        result.left_out.append(
            LeftOut("Project Gutenberg header", "Gutenberg header", len(header.split()))
        )
    end = next((m for m in _END.finditer(result.text) if m.start() > len(result.text) // 2), None)
    if end is not None:
        footer = result.text[end.start() :]
        result.text = result.text[: end.start()]
        result.left_out.append(LeftOut("Project Gutenberg licence", "licence", len(footer.split())))
    if start is not None and (credits_ := _CREDITS.match(result.text)):
        result.text = result.text[credits_.end() :]
        result.left_out.append(LeftOut("Credits", "credits", len(credits_[0].split())))
    return result


def _read_header(header: str, result: Stripped) -> None:
    lines = header.split("\n")
    for index, line in enumerate(lines):
        if not (match := _FIELD.match(line.strip())):
            continue
        value = match["value"].strip()
        for following in lines[index + 1 :]:  # a long title goes on, further in
            if not following.startswith((" ", "\t")) or not following.strip():
                break
            value = f"{value} {following.strip()}"
        name = match["name"]
        if name == "Title" and not result.title:
            result.title = value
        elif name == "Author":
            result.author = f"{result.author}, {value}" if result.author else value
        elif name == "Language" and not result.language:
            result.language = _LANGUAGES.get(re.split(r"[,;(]", value)[0].strip().lower(), "")


def is_transcribers_note(paragraph: str) -> bool:
    """Whether a paragraph is the transcriber's, not the author's."""
    return _NOTE.fullmatch(paragraph.strip()) is not None
