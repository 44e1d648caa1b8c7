"""People and places of a book: who is named, where first, how often, together with whom.

Two passes over the text. The first gathers names and what stands around them; then it is settled
which names one person bears, and what is a person, a place, or neither; the second counts. What is
kept grows with the names of the book, not with its length. Names alone are counted: a narrator who
says "I" is found only where others call them by name. The rules are those of English; of books in
other languages only names that a title or many mentions tell apart are to be relied on.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import combinations

from infinisum.books.book import Chapter
from infinisum.config import PARTS
from infinisum.lines import one_line
from infinisum.summary.bearers import Bearer, find_bearers
from infinisum.summary.name_words import FEMALE_NAMES, MALE_NAMES, PLACE_WORDS, TITLES
from infinisum.summary.names import Facts, Name, Run, Vocabulary, find_runs, plain
from infinisum.summary.summary import Person, Place, Together

MOST_PEOPLE, MOST_PLACES = 60, 40
LEAST_MENTIONS = 2
MOST_TOGETHER = 8
MOST_VARIANTS = 8
CROWD = 15  # more people than this in one paragraph are a list, not company
_MUTE = 10  # mentions without a word or a deed: nobody
_NOUNS_WITH_CAPITALS = frozenset({"de", "lb"})

Chapters = Callable[[], Iterable[tuple[int, Chapter]]]  # numbers from 1; can be gone through again


@dataclass(slots=True, eq=False)
class _Count:
    """What the second pass counts of one bearer."""

    bearer: Bearer
    forms: Counter[str] = field(default_factory=Counter)
    first: tuple[int, int] = (0, 0)
    parts: list[int] = field(default_factory=lambda: [0] * PARTS)

    @property
    def mentions(self) -> int:
        return sum(self.parts)


def find_people(
    chapters: Chapters, language: str = ""
) -> tuple[tuple[Person, ...], tuple[Place, ...]]:
    """People and places, each the most often named first.

    Args:
        chapters: gives the chapters that were read, in order; is called twice.
        language: BCP 47 tag of the book; "" unknown.
    """
    vocabulary = Vocabulary()
    for _, chapter in chapters():
        for paragraph in chapter.paragraphs:
            vocabulary.add(plain(paragraph.text))
    names: dict[Name, Facts] = defaultdict(Facts)
    for (words, initial), facts in vocabulary.runs.items():
        run = Run(words, (0,) * len(words), 0, initial)
        for name, _, _ in vocabulary.names_in(run):
            names[name].add(facts)
    if not vocabulary.is_play:
        for facts in names.values():
            facts.speeches = 0
    bearers = find_bearers(names)
    strict = language.partition("-")[0].lower() in _NOUNS_WITH_CAPITALS
    kinds = {
        bearer: _kind(bearer, strict=strict)
        for bearer in {id(b): b for b in bearers.values()}.values()
    }
    counts, together = _count(chapters, vocabulary, bearers, kinds)
    ordered = sorted(counts.values(), key=lambda count: (-count.mentions, count.first))
    people = [c for c in ordered if kinds[c.bearer] == "person" and _enough(c)][:MOST_PEOPLE]
    places = [c for c in ordered if kinds[c.bearer] == "place" and _enough(c)][:MOST_PLACES]
    titles = {id(count): _title(count) for count in [*people, *places]}
    return (
        tuple(_person(count, people, titles, together) for count in people),
        tuple(_place(count, titles[id(count)]) for count in places),
    )


def _enough(count: _Count) -> bool:
    titled = any(name.title for name in count.bearer.names)
    return count.mentions >= LEAST_MENTIONS or titled


def _kind(bearer: Bearer, *, strict: bool) -> str:
    """ "person", "place" or "" for neither."""
    facts = bearer.facts
    saint = all(name.words and name.words[0].startswith(("St ", "Saint")) for name in bearer.names)
    last = {name.words[-1] for name in bearer.names if name.words}
    firsts = {name.words[0] for name in bearer.names if name.words}
    titled = sum(n for name, n in bearer.names.items() if name.title)
    if facts.speeches >= LEAST_MENTIONS:
        return "person"
    if titled and 3 * titled >= facts.placed:
        return "person"
    if not strict and (last & PLACE_WORDS or saint):
        return "place"
    known = bool(firsts & (FEMALE_NAMES | MALE_NAMES))
    if known and 2 * facts.article <= facts.count and 2 * facts.placed <= facts.count:
        return "person"
    if strict:
        return "person" if 4 * facts.acting >= facts.count and not facts.article else ""
    if 8 * facts.placed >= facts.count and facts.placed >= max(2, facts.acting):
        return "place"
    if 2 * facts.article > facts.count:
        return ""  # "the Bible"
    if not titled and 4 * facts.determined >= facts.count:
        return ""  # "an Ambush"
    if not titled and not facts.acting and facts.count >= _MUTE:
        return ""  # "a Bear of Very Little Brain"
    acting = facts.acting + 0.5 * max(facts.he, facts.she)
    return "person" if acting >= max(1.0, 0.08 * facts.count) else ""


def _count(
    chapters: Chapters,
    vocabulary: Vocabulary,
    bearers: dict[Name, Bearer],
    kinds: dict[Bearer, str],
) -> tuple[dict[Bearer, _Count], Counter[tuple[Bearer, Bearer]]]:
    """The second pass: mentions by part, first places, paragraphs that name two."""
    counts: dict[Bearer, _Count] = {}
    together: Counter[tuple[Bearer, Bearer]] = Counter()
    order: dict[Bearer, int] = {}
    known: dict[tuple[str, ...], list[tuple[Bearer, int, int]]] = {}
    total, done = max(1, vocabulary.length), 0
    for number, chapter in chapters():
        for at, paragraph in enumerate(chapter.paragraphs, start=1):
            text = plain(paragraph.text)
            part = min(done * PARTS // total, PARTS - 1)
            done += len(text.split())
            present: dict[Bearer, None] = {}
            for run in find_runs(text):
                found = known.get(run.words)
                if found is None:
                    found = known[run.words] = [
                        (bearers[name], first, stop)
                        for name, first, stop in vocabulary.names_in(run)
                        if name in bearers and kinds[bearers[name]]
                    ]
                for bearer, first, stop in found:
                    count = counts.setdefault(bearer, _Count(bearer, first=(number, at)))
                    order.setdefault(bearer, len(order))
                    count.parts[part] += 1
                    end = run.end if stop == len(run.words) else run.starts[stop]
                    form = paragraph.text[run.starts[first] : end].strip(" .")
                    if form.isupper() and len(form) > 1:  # speakers of a play
                        form = text[run.starts[first] : end].strip(" .")
                    count.forms[one_line(form)] += 1
                    if kinds[bearer] == "person":
                        present[bearer] = None
            if 1 < len(present) <= CROWD:
                together.update(combinations(sorted(present, key=order.__getitem__), 2))
    return counts, together


def _title(count: _Count) -> str:
    """What to call somebody: first name and surname where the text has both often enough."""
    mentions = count.mentions
    names = {" ".join(name.words): name for name in count.bearer.names if len(name.words) > 1}
    full = {}
    titled = {}
    for form, number in count.forms.items():
        name = names.get(_words(form))
        if name is not None:
            known = name.words[0] in MALE_NAMES or name.words[0] in FEMALE_NAMES
            if number >= 0.02 * mentions or (known and number > 1):
                full[form] = number
        elif form.partition(" ")[0].rstrip(".") in TITLES and " " in form:
            titled[form] = number
    whole = {form: n for form, n in count.forms.items() if _words(form) in names}
    written = {form: n for form, n in whole.items() if len(names[_words(form)].words[0]) > 1}
    if full.keys() & written.keys() or not full:
        written = {form: n for form, n in written.items() if form in full}
    for forms in (written, full, {form: n for form, n in titled.items() if n >= 0.05 * mentions}):
        if forms:
            return max(forms, key=lambda form: (forms[form], len(form)))
    return count.forms.most_common(1)[0][0]


def _words(form: str) -> str:
    """A name as the text has it, as it is compared."""
    return one_line(plain(form)).replace(".", "")


def _person(
    count: _Count,
    people: list[_Count],
    titles: dict[int, str],
    together: Counter[tuple[Bearer, Bearer]],
) -> Person:
    company = []
    for other in people:
        paragraphs = together[count.bearer, other.bearer] + together[other.bearer, count.bearer]
        if paragraphs and other is not count:
            company.append(Together(titles[id(other)], paragraphs))
    company.sort(key=lambda entry: -entry.paragraphs)
    return Person(*_common(count, titles[id(count)]), together=tuple(company[:MOST_TOGETHER]))


def _place(count: _Count, title: str) -> Place:
    facts = count.bearer.facts
    article = 3 * facts.article > 2 * facts.count and not title.startswith("the ")
    return Place(*_common(count, f"the {title}" if article else title))


def _common(
    count: _Count, title: str
) -> tuple[str, tuple[str, ...], int, int, int, tuple[int, ...]]:
    """The fields that people and places share."""
    variants = tuple(form for form, _ in count.forms.most_common(MOST_VARIANTS))
    return title, variants, count.mentions, *count.first, tuple(count.parts)
