"""Front and back matter: what of a book is not its text, and how that is recognised."""

from __future__ import annotations

import re
from collections.abc import Collection

# What the EPUB vocabulary (epub:type), the guide of EPUB 2 and the landmarks call it.
_TYPES = {
    "cover": "cover",
    "titlepage": "title page",
    "title-page": "title page",
    "halftitlepage": "title page",
    "imprint": "imprint",
    "copyright-page": "imprint",
    "imprimatur": "imprint",
    "colophon": "colophon",
    "other-credits": "credits",
    "credits": "credits",
    "contributors": "contributors",
    "toc": "contents",
    "toc-brief": "contents",
    "landmarks": "contents",
    "page-list": "contents",
    "loi": "list of illustrations",
    "lot": "list of tables",
    "loa": "contents",
    "lov": "contents",
    "dedication": "dedication",
    "epigraph": "epigraph",
    "acknowledgments": "acknowledgements",
    "acknowledgements": "acknowledgements",
    "seriespage": "other books",
    "footnotes": "notes",
    "endnotes": "notes",
    "rearnotes": "notes",
    "notes": "notes",
    "rearnote": "notes",
    "endnote": "notes",
    "footnote": "notes",
    "bibliography": "bibliography",
    "index": "index",
    "glossary": "glossary",
    "errata": "errata",
    "foreword": "foreword",
    "preface": "preface",
    "z3998:dramatis-personae": "list of persons",
    "copyright": "licence",
    "z3998:publisher-address": "imprint",
    "preamble": "preface",
}
# Left out too where the publisher files them under front or back matter; text where he does not.
_TYPES_OUTSIDE = {
    "introduction": "introduction",
    "afterword": "afterword",
    "appendix": "appendix",
}
_OUTSIDE = {"frontmatter": "front matter", "backmatter": "back matter"}
_INSIDE = {"bodymatter", "chapter", "part", "volume", "prologue", "epilogue", "conclusion"}

# Never text, even where the file says that it is: some converters mark all they write as body.
PLAIN = frozenset(
    {"cover", "title page", "imprint", "contents", "colophon", "licence", "list of illustrations"}
)

# Titles, in the languages books most often come in. A whole title matches, or its beginning
# before a colon, a dash or a full stop ("Introduction: The Publisher to the Reader").
_TITLES: tuple[tuple[str, str], ...] = (
    ("cover", r"(front |back )?cover( page)?|couverture|umschlag|copertina|cubierta|표지"),
    (
        "title page",
        r"(half[- ]?|full )?title[- ]?page|half[- ]?title|page de titre|titelblatt|titelseite"
        r"|portada|frontespizio",
    ),
    (
        "imprint",
        r"imprint|copyright( page| notice| information)?|impressum|mentions légales|créditos"
        r"|printed in .*|publisher’?'?s? (note|information)",
    ),
    (
        "contents",
        r"(table of |detailed |brief )?contents|toc|table des matières|sommaire|inhalt"
        r"|inhaltsverzeichnis|índice( general)?|indice|sumário|inhoud|содержание|оглавление|目录"
        r"|目錄|目次|차례|목차",
    ),
    (
        "list of illustrations",
        r"(list of )?(illustrations|plates|figures|maps|tables)|table des illustrations",
    ),
    ("colophon", r"colophon|about this (e-?)?book|about standard ebooks"),
    (
        "licence",
        r"uncopyright|licen[cs]e|(the )?full (project gutenberg[^a-z]{0,3} )?licen[cs]e"
        r"|legal notice|terms of use|.*project gutenberg.*licen[cs]e.*",
    ),
    ("dedication", r"dedication|dédicace|widmung|dedicatoria|dedica"),
    ("epigraph", r"epigraph|épigraphe"),
    (
        "acknowledgements",
        r"(author[’']s )?acknowledge?ments?|remerciements|danksagung|agradecimientos"
        r"|ringraziamenti|credits",
    ),
    ("notes", r"(foot|end)?notes|notes et variantes|anmerkungen|fußnoten|notas|note del .*|註釋"),
    ("bibliography", r"(select(ed)? )?bibliography|works cited|references|further reading"),
    ("index", r"(general |subject )?index( of .*)?|register|sachregister"),
    ("glossary", r"glossary|glossaire|glossar|glosario|glossario"),
    (
        "preface",
        r"((author|editor|translator|publisher)[’']?s )?preface( to .*)?|(the )?preface"
        r"|préface|vorwort|prefacio|prefazione|предисловие|머리말|서문|まえがき|前言|自序",
    ),
    ("foreword", r"fore-?word|avant-propos|geleitwort|prólogo del editor"),
    (
        "introduction",
        r"((author|editor|translator)[’']?s )?introduct(ion|ory( note)?)( to .*)?"
        r"|einleitung des .*",
    ),
    (
        "note",
        r"(author|editor|translator|publisher|transcriber)[’']?s[’']? notes?( .*)?"
        r"|notes? (on|about) the (text|translation|type|author|edition).*",
    ),
    ("afterword", r"after-?word|nachwort|postface"),
    ("appendix", r"appendix( [a-z0-9]+)?|appendices|annexe|anhang|apéndice|appendice"),
    ("list of persons", r"(the )?(dramatis person(ae|æ)|persons (of|in) the (play|drama))"),
    ("errata", r"errata|corrigenda"),
    (
        "other books",
        r"(also|other (books|works|titles)|more|books) by .*|about the (author|publisher)"
        r"|advertisements?|also available",
    ),
)
_BY_TITLE = tuple((reason, re.compile(pattern)) for reason, pattern in _TITLES)

# Roles a file's name tells, where nothing better does.
_FILE_ROLE = re.compile(
    r"(?:^|[-_.\d])(cover|title-?page|half-?title(?:page)?|copyright|imprint|colophon|uncopyright"
    r"|dedication|toc|contents|nav|loi|endnotes|footnotes|bibliography|index)(?:[-_.\d]|$)"
)
_FILE_REASON = {
    "titlepage": "title page",
    "title-page": "title page",
    "halftitle": "title page",
    "half-title": "title page",
    "halftitlepage": "title page",
    "half-titlepage": "title page",
    "copyright": "imprint",
    "uncopyright": "licence",
    "toc": "contents",
    "nav": "contents",
    "loi": "list of illustrations",
    "endnotes": "notes",
    "footnotes": "notes",
}
_FILE_WORDS = 1500  # a file called index.html may be the book: only a short one goes by its name

_RIGHTS = re.compile(
    r"all rights reserved|©|\(c\) ?\d{4}|copyright (?:©|\d{4}|by)|\bisbn[- :]|tous droits réservés"
    r"|alle rechte vorbehalten|reservados todos los derechos|no part of this (?:book|publication)",
    re.IGNORECASE,
)
_RIGHTS_WORDS = 600
_GUTENBERG_HEADER = re.compile(
    r"this e(?:book|text) is for the use of anyone anywhere"
    r"|^\W*the project gutenberg e(?:book|text)",
    re.IGNORECASE,
)
_GUTENBERG_LICENCE = re.compile(
    r"start: full license|full project gutenberg|project gutenberg(?:-tm|™)? license|"
    r"end of (?:the |this )?project gutenberg",
    re.IGNORECASE,
)
_GUTENBERG_WORDS = 5000


def _reason_of_types(types: Collection[str]) -> str | None:
    """The reason the publisher's own words give, "" where they say it is text, else None."""
    for name in types:
        if name in _TYPES:
            return _TYPES[name]
    outside = next((_OUTSIDE[name] for name in types if name in _OUTSIDE), None)
    if outside and not _INSIDE.intersection(types):
        named = (_TYPES_OUTSIDE[name] for name in types if name in _TYPES_OUTSIDE)
        return next(named, outside)
    return "" if _INSIDE.intersection(types) else None


def _reason_of_title(title: str) -> str | None:
    title = " ".join(title.casefold().split()).strip(" .:*_-—[]()")
    heads = (title, re.split(r"[:.—–]| - ", title, maxsplit=1)[0].strip())
    for reason, pattern in _BY_TITLE:
        if any(pattern.fullmatch(head) for head in heads):
            return reason
    return None


def _reason_of_text(text: str, words: int) -> str | None:
    if words <= _GUTENBERG_WORDS:
        if _GUTENBERG_LICENCE.search(text):
            return "licence"
        if _GUTENBERG_HEADER.search(text):
            return "Gutenberg header"
    if words <= _RIGHTS_WORDS and _RIGHTS.search(text):
        return "imprint"
    return None


def matter_of(
    title: str, text: str, *, epub_types: Collection[str] = (), filename: str = ""
) -> str | None:
    """Why a section of a book is not part of its text, or None where it is.

    Args:
        title: the section's title, "" where it has none.
        text: its text.
        epub_types: what the publisher calls it: `epub:type` of the section and its body, and its
            types in the guide and the landmarks.
        filename: name of the file it makes up, where it makes up one.

    Returns:
        "title page", "imprint", "contents", "colophon", "licence", "notes", "index", "preface",
        "Gutenberg header", …, or None.
    """
    by_types = _reason_of_types(epub_types)
    if by_types:
        return by_types
    # Line by line: the words of a long text at once take ten times its memory.
    words = sum(len(line.split()) for line in text.split("\n"))
    by_title = _reason_of_title(title)
    if by_types == "":
        return by_title if by_title in PLAIN else None
    if by_title is not None:
        return by_title
    if filename and words <= _FILE_WORDS:
        stem = filename.rsplit("/", 1)[-1].rsplit(".", 1)[0].casefold()
        if match := _FILE_ROLE.search(stem):
            return _FILE_REASON.get(match[1], match[1])
    return _reason_of_text(text, words)
