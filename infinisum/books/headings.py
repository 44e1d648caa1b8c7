"""Chapter headings: is this line one, of what rank, which number and which title."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from infinisum.books.numbers import cjk_value, number_value, roman_value

Kind = Literal["part", "chapter", "section", "named", "numbered", "numeral", "capitals"]

_KINDS_OF_WORDS: tuple[tuple[Kind, str], ...] = (
    (
        "part",
        "part volume vol book tome livre partie teil buch band parte libro livro volumen часть"
        " книга том deel boek",
    ),
    (
        "chapter",
        "chapter chap chapitre kapitel capitolo capítulo capitulo cap hoofdstuk глава act acte akt"
        " atto acto stave canto chant gesang letter lettre brief adventure lecture fable tale",
    ),
    ("section", "section scene scène szene scena escena sect"),
)
_KINDS: dict[str, Kind] = {word: kind for kind, words in _KINDS_OF_WORDS for word in words.split()}
_WORDS = "|".join(sorted(_KINDS, key=len, reverse=True))
_NUMBER = r"[0-9]{1,3}(?:st|nd|rd|th|º|ª)?|[^\W\d_]+(?:-[^\W\d_]+)?"

# "Chapter IV. The Storm", "BOOK THE FIRST", "Chapitre premier", "Chapter Twenty One"
_WORD_FIRST = re.compile(
    rf"(?:the )?(?P<word>{_WORDS})\.?\s+(?:the )?"
    rf"(?P<number>(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety) [a-z]+|{_NUMBER})"
    r"(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
# "The First Part", "Erstes Kapitel", "PREMIÈRE PARTIE"
_NUMBER_FIRST = re.compile(
    rf"(?:the )?(?P<number>{_NUMBER}|[0-9]{{1,3}}\.)\s+(?P<word>{_WORDS})"
    r"(?P<rest>(?:[.:—–\n-].*)?)",
    re.IGNORECASE | re.DOTALL,
)
_CJK = re.compile(
    r"[第제]?\s*(?P<number>[0-9]{1,4}|[〇零一二三四五六七八九十百千两兩]{1,7})\s*"
    r"(?P<word>[章回節节卷部篇幕話话編编장부편권화막])(?P<rest>(?:[\s:：.、　].*)?)",
    re.DOTALL,
)
_CJK_PART = "卷部篇編编부편권"
_NUMERAL = re.compile(r"[\[(]?(?P<number>[0-9]{1,3}|[A-Za-z-]+)[\])]?\.?")
_NUMBERED = re.compile(
    r"(?P<number>[0-9]{1,3}|[IVXLC]+)(?:[.:)]\s*\n?\s*|\s+[—–-]\s+|\s*\n\s*)(?P<rest>\S.*)",
    re.DOTALL,
)
_NAMED = re.compile(
    r"(?:the |an? )?(?:(?:(?P<number>first|second|third) )?(?:prologue|epilogue)|preface"
    r"|foreword|introduction|introductory|conclusion"
    r"|afterword|after-?word|interlude|postscript|appendix|dedication|contents|table of contents"
    r"|(?:foot|end)?notes|index|glossary|bibliography|acknowledge?ments|dramatis person(?:ae|æ)"
    r"|author[’']s note|imprint|colophon|uncopyright"
    r"|finale|coda|envoi|induction|prolog|epilog|vorwort|nachwort|einleitung"
    r"|préface|prologo|prólogo|epílogo|épilogue|avant-propos|conclusión|пролог|эпилог|предисловие"
    r"|프롤로그|에필로그|序章|終章|序|楔子|尾声|後記|后记|プロローグ|エピローグ)"
    r"(?P<rest>(?:[.:—–\n].*)?)",
    re.IGNORECASE | re.DOTALL,
)
_THE_END = re.compile(r"(?:the end|finis|fin|ende|fine|[*\s.]+)", re.IGNORECASE)

_LONGEST = 400  # characters; eighteenth-century titles are long
_LONGEST_NUMBERED = 200
_LONGEST_UNMARKED = 90  # where only capitals or a number tell that it is a heading
_QUOTES = "“\"‘'"
_DECORATION = " \t*_=#~|—–-"


@dataclass(frozen=True, slots=True)
class Heading:
    """One line that reads as a heading."""

    kind: Kind
    label: str  # "Chapter IV", "IV", "Prologue"; "" for a title line in capitals
    title: str  # what follows the label, "" where nothing does
    number: int | None = None

    @property
    def text(self) -> str:
        """Label and title in one line: "Chapter IV: The Storm"."""
        return ": ".join(filter(None, (self.label, self.title)))

    @property
    def key(self) -> tuple[str, int | None, str]:
        """What two occurrences of the same heading (contents page and chapter) share."""
        if self.kind in ("chapter", "part", "section") and self.number is not None:
            word = next(
                (w for w in re.findall(r"[^\W\d_]+", self.label) if w.lower() in _KINDS), ""
            )
            return (self.kind, self.number, word.casefold())
        return (self.kind, self.number, letters(self.text))


def letters(text: str) -> str:
    """Letters and digits only, lower case, for comparing titles."""
    return re.sub(r"[\W_]+", "", text).casefold()


def _tidy(text: str) -> str:
    """A title without the marks that set it off: leading stops, one closing full stop."""
    text = " ".join(text.split()).strip("*_=#~| ")
    text = re.sub(r"^[\s.:,)\]—–-]+", "", text)
    return text[:-1].rstrip() if text.endswith(".") and not text.endswith("..") else text


def _is_title(rest: str) -> bool:
    """Whether what follows a number can be a title: set off by a stop, or capitalised and short."""
    if not rest.strip(" .:)]"):
        return True
    if re.match(r"\s*[.:)\]—–-]|\s*\n", rest):
        return True
    words = rest.split()
    return (
        words[0][0].isupper() and len(words) <= 12 and not rest.rstrip().endswith((".", ",", ";"))
    )


def _is_capitals(line: str) -> bool:
    """Whether a line is a title in capitals: letters all upper case, no sentence's ending."""
    letters = [c for c in line if c.isalpha()]
    return (
        len(letters) >= 3
        and all(c.isupper() for c in letters)
        and len(line.split()) <= 12
        and not line.endswith((",", ";", ":", "—", "-"))
        and not any(c.isdigit() for c in line[:1])
        and line[0] not in "“\"‘'[("
    )


def _with_word(line: str) -> Heading | None:
    """A heading that names its rank: "Chapter 4", "The First Part", "第四章"."""
    for pattern in (_WORD_FIRST, _NUMBER_FIRST):
        if not (match := pattern.fullmatch(line)):
            continue
        written = match["number"].rstrip(".")
        number = number_value(written)
        if number is None and pattern is _WORD_FIRST and " " in written:
            first = written.split()[0]  # "Chapter Twenty Leagues": the second word is title
            number, written = number_value(first), first
        if number is None:
            continue
        rest = line[match.start("number") + len(written) :]
        rest = match["rest"] if pattern is _NUMBER_FIRST else rest
        if not _is_title(rest):
            continue
        label = line[: len(line) - len(rest)].strip(" .")
        if len(label.split()) > 1 and label.split()[0].islower():
            continue
        return Heading(
            _KINDS[match["word"].casefold()], " ".join(label.split()), _tidy(rest), number
        )
    if match := _CJK.fullmatch(line):
        label = line[: match.start("rest")].strip()
        if label[0] in "第제" or match["number"].isdigit():
            kind: Kind = "part" if match["word"] in _CJK_PART else "chapter"
            return Heading(
                kind, label, match["rest"].strip(" :：.、　"), cjk_value(match["number"])
            )
    return None


def _numbered(line: str) -> Heading | None:
    """A number with a title: "IV. The Storm", "I: In Which We Are Introduced to Some Bees"."""
    match = _NUMBERED.fullmatch(line)
    number = number_value(match["number"]) if match else None
    if match is None or number is None:
        return None
    rest = match["rest"]
    begins = rest[0].isupper() or rest[0] in "“\"‘'¿¡"
    sentence = rest.endswith((".", ",", ";", ":")) and len(rest.split()) > 14
    return (
        Heading("numbered", match["number"], _tidy(rest), number)
        if begins and not sentence
        else None
    )


def notation(heading: Heading) -> str:
    """How a heading writes its number: "roman", "digits" or "words"."""
    label = heading.label.strip("[]().")
    if label.isdigit():
        return "digits"
    return "roman" if roman_value(label) is not None else "words"


def parse_heading(line: str) -> Heading | None:
    """The heading a line (or a short paragraph of two or three lines) makes, or None.

    Whether a book uses such lines as chapter headings is for `split_at_headings` to find out: a
    bare "IV" may be a chapter or a page number.
    """
    line = line.strip().strip(_DECORATION).strip()
    if not line or len(line) > _LONGEST or _THE_END.fullmatch(line):
        return None
    if heading := _with_word(line):
        return heading
    if (match := _NUMERAL.fullmatch(line)) and (
        number := number_value(match["number"])
    ) is not None:
        written = match["number"]
        if not written.isalpha() or written[0].isupper() or roman_value(written) is not None:
            return Heading("numeral", written, "", number)
    if len(line) <= _LONGEST_NUMBERED and (heading := _numbered(line)):
        return heading
    if len(line) > _LONGEST_UNMARKED:
        return None
    if match := _NAMED.fullmatch(line):
        number = number_value(match["number"]) if match["number"] else None
        return Heading("named", line[: match.start("rest")], _tidy(match["rest"]), number)
    return Heading("capitals", "", _tidy(line)) if _is_capitals(line) else None


def is_heading(line: str) -> bool:
    """Whether a line reads as a heading of a chapter, a part or a section of front matter.

    >>> [is_heading(x) for x in ("CHAPTER IV.", "IV", "The First Part", "제1장", "He went home.")]
    [True, True, True, True, False]
    """
    return parse_heading(line) is not None


def heading_title(line: str) -> str:
    """The title a heading line gives its chapter; the line as it is where it is no heading.

    >>> heading_title("CHAPTER IV.  The Storm.")
    'CHAPTER IV: The Storm'
    """
    heading = parse_heading(line)
    return heading.text if heading else _tidy(line)


def _is_number_title(line: Heading, above: Heading) -> bool:
    """Whether a number in words ("Fifty-Two") is the title of the heading above it.

    Only a compound one: "One" below "Chapter I" is its first section. Below a part, or among
    chapters that are themselves numbered in words, it is the number of a chapter.
    """
    chapter = above.kind == "chapter" or (above.kind == "numeral" and notation(above) != "words")
    return chapter and above.number is not None and "-" in line.label


def is_subtitle(line: str, above: Heading | None = None) -> bool:
    """Whether a short paragraph after a bare heading ("CHAPTER I") reads as its title.

    Args:
        line: the paragraph.
        above: the heading, where it is known: below a numbered one a number in words is a title.
    """
    line = line.strip().strip(_DECORATION).strip()
    words = line.split()
    if not line or "\n" in line or len(line) > _LONGEST_UNMARKED:
        return False
    heading = parse_heading(line)
    if heading is not None and heading.kind == "numeral":
        return above is not None and _is_number_title(heading, above)
    if heading is not None:
        return heading.kind == "capitals" and len(words) <= 16
    if above is not None and above.kind != "part" and line.isupper() and line[0] in _QUOTES:
        # "'ALAS, FOR SORROW'" is a title, "“DEAR MADAM," begins a letter.
        return len(words) <= 16 and not line.endswith((",", ";", ":", "—"))
    if line[0] in "“\"‘'—(" or not (line[0].isupper() or line[0].isdigit()):
        return False
    if line.endswith((",", ";", ":", "”", '"', "—")):
        return False
    small = sum(1 for word in words if word[0].islower() and len(word) > 4)
    return len(words) <= 16 and small <= len(words) // 4 and not line.endswith(".")
