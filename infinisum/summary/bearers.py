"""Which names are borne by the same person: "Mr. Darcy", "Darcy", "Fitzwilliam Darcy"."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from infinisum.summary.name_words import (
    FEMALE_GIVEN,
    FEMALE_NAMES,
    GIVEN_TITLES,
    MALE,
    MALE_NAMES,
    MARRIED,
    NICKNAMES,
    PEERS,
    PLACE_WORDS,
    RANKS,
    UNMARRIED,
)
from infinisum.summary.names import Facts, Name

_OFTEN = 10  # a word that stands alone so often is no part of a name seen once
_WELL_KNOWN = 3  # mentions by first name and surname
_SURER = 1.5  # times as many pronouns of one gender as of the other


@dataclass(slots=True, eq=False)
class Bearer:
    """Somebody or something with all of its names."""

    names: Counter[Name] = field(default_factory=Counter)
    facts: Facts = field(default_factory=Facts)

    def add(self, name: Name, facts: Facts) -> None:
        """Give them another name."""
        self.names[name] += facts.count
        self.facts.add(facts)

    @property
    def titles(self) -> frozenset[str]:
        """All titles they are given."""
        return frozenset(name.title for name in self.names if name.title)

    @property
    def gender(self) -> str:
        """ "m", "f" or "" where nothing tells."""
        female = sum(n for name, n in self.names.items() if name.title in _FEMALE_TITLES)
        male = sum(n for name, n in self.names.items() if name.title in _MALE_TITLES)
        if female != male:
            return "f" if female > male else "m"
        firsts = {name.words[0] for name in self.names if name.words}
        if firsts & FEMALE_NAMES:
            return "f"
        if firsts & MALE_NAMES:
            return "m"
        if self.facts.he > _SURER * self.facts.she:
            return "m"
        return "f" if self.facts.she > _SURER * self.facts.he else ""


_FEMALE_TITLES = MARRIED | UNMARRIED | FEMALE_GIVEN
_MALE_TITLES = MALE - {"Doctor", "Dr", "Professor", "Prof", "General", "Captain", "Major"}


def find_bearers(names: Mapping[Name, Facts]) -> dict[Name, Bearer]:
    """Group names by who bears them.

    First come names of two words and more; then names with a title, which are given to the bearer
    of that surname whom the title fits if there is just one; then single words; last titles alone.

    Args:
        names: every name of the text with what was seen around it.
    """
    return _Grouping(names).bearers


class _Grouping:
    def __init__(self, names: Mapping[Name, Facts]) -> None:
        self.names = names
        self.bearers: dict[Name, Bearer] = {}
        self.full: dict[tuple[str, str], Bearer] = {}  # by first name and surname
        self.by_given: dict[str, list[Bearer]] = defaultdict(list)
        self.by_surname: dict[str, list[Bearer]] = defaultdict(list)
        self._singles: Counter[str] = Counter()  # names of one word, and surnames behind titles
        for name, facts in names.items():
            if len(name.words) == 1:
                self._singles[name.words[0]] += facts.count
        self.titled: dict[tuple[str, str], Bearer] = {}  # by kind of title and word
        ordered = sorted(names, key=lambda name: (-names[name].count, name.title, name.words))
        ordered = [name for name in ordered if not self._accident(name)]
        full = [name for name in ordered if len(name.words) > 1]
        for name in sorted(full, key=lambda name: len(name.words[0]) == 1):  # initials last
            self._add_full(name)
        titled = [name for name in ordered if name.title and len(name.words) == 1]
        for name in sorted(titled, key=lambda name: _kind(name.title) != "m"):  # men first
            self._add_titled(name)
        for name in (name for name in ordered if not name.title and len(name.words) == 1):
            self._add_single(name)
        for name in (name for name in ordered if not name.words):
            if name.title in RANKS or names[name].speeches:
                self._add_rank(name)

    def _accident(self, name: Name) -> bool:
        """Words that came together once ("London Lydia"), or a family ("Bennets")."""
        last = name.words[-1] if name.words else ""
        if last.endswith("s") and self._singles[last[:-1]] > self._singles[last]:
            return True
        if len(name.words) < 2 or name.title or self.names[name].count > 1:
            return False
        known = name.words[0] in MALE_NAMES or name.words[0] in FEMALE_NAMES
        often = max(self._singles[name.words[0]], self._singles[last])
        return not known and often >= _OFTEN

    def _give(self, bearer: Bearer, name: Name) -> None:
        bearer.add(name, self.names[name])
        self.bearers[name] = bearer

    def _add_full(self, name: Name) -> None:
        given, surname = _plain(name.words[0]), name.words[-1]
        known = name.words[0] in MALE_NAMES or name.words[0] in FEMALE_NAMES
        if surname in PLACE_WORDS and not name.title and not known:  # "Orsey Bar" is not Orsey
            self._give(Bearer(), name)
            return
        bearer = self.full.get((given, surname))
        if bearer is None and len(given) == 1:  # "J. Thrale"
            initials = [
                b
                for (g, s), b in self.full.items()
                if s == surname and g[0] == given and (not name.title or _fits(b, name.title))
            ]
            bearer = initials[0] if len(initials) == 1 else None
        if bearer is None:
            bearer = self.full[given, surname] = Bearer()
            self.by_given[given].append(bearer)
            self.by_surname[surname].append(bearer)
        self._give(bearer, name)

    def _add_titled(self, name: Name) -> None:
        word = name.words[0]
        kind = _kind(name.title)
        bearer = self.titled.get((kind, word))
        if bearer is None:
            fitting = self._of_family(word, name.title)
            if not fitting and name.title in GIVEN_TITLES:
                fitting = [b for b in self.by_given.get(_plain(word), []) if _fits(b, name.title)]
                fitting = [b for b in fitting if name.title in b.titles] or fitting
            bearer = _most_named(fitting) or Bearer()
            self.titled[kind, word] = bearer
        self._give(bearer, name)

    def _of_family(self, surname: str, title: str) -> list[Bearer]:
        """Who of a family is meant by a title and the surname; the most named of them is."""
        kind = _kind(title)
        fitting = [b for b in self.by_surname.get(surname, []) if _fits(b, title)]
        sure = [b for b in fitting if b.gender == ("m" if kind == "m" else "f")]
        fitting = sure or fitting
        if kind == "m":
            return [b for b in fitting if title in b.titles] or fitting
        if kind == "married":  # a daughter is more often called by both names
            wives = [b for b in fitting if b.titles & MARRIED]
            return (
                wives or [b for b in fitting if b.facts.count >= _WELL_KNOWN][: len(fitting) == 1]
            )
        return fitting if len(fitting) == 1 else []

    def _add_single(self, name: Name) -> None:
        word = name.words[0]
        facts = self.names[name]
        firsts = self.by_given.get(_plain(word), [])
        commoners = [b for b in firsts if not _is_peer(b)]  # nobody says Kate to Lady Catherine
        firsts = commoners if word in NICKNAMES else commoners or firsts
        kinds = ["m", "other", "given", "unmarried"]
        kinds += ["married"] if facts.she > facts.he else []
        titled = [self.titled[kind, word] for kind in kinds if (kind, word) in self.titled]
        first, by_title = _most_named(firsts), titled[0] if titled else None
        surname = self.by_surname.get(word, [])
        if word in FEMALE_NAMES or word in MALE_NAMES:  # "Lucy" is no surname
            choice = first or by_title or _most_named(surname)
        elif first and by_title and first is not by_title:
            choice = max(first, by_title, key=lambda b: b.facts.count)
        else:
            men = [b for b in surname if b.gender != "f"]
            choice = first or by_title or _most_named(men) or _most_named(surname)
        if "-the-" in word:  # "Winnie-the-Pooh"
            choice = self.bearers.get(Name("", (word.rpartition("-the-")[2],)), choice)
        if choice is not None and facts.speeches and choice.facts.speeches:
            choice = None  # a play names each of its speakers in one way
        if choice is None:
            choice = Bearer()
            self.by_given[_plain(word)].append(choice)
        self._give(choice, name)

    def _add_rank(self, name: Name) -> None:
        """A title alone names its bearer where nearly nobody else has it."""
        bearing: Counter[Bearer] = Counter()
        for bearer in {id(b): b for b in self.bearers.values()}.values():
            bearing[bearer] = sum(n for o, n in bearer.names.items() if o.title == name.title)
        (bearer, most), *_ = bearing.most_common(1) or [(Bearer(), 0)]
        if self.names[name].speeches and (not most or bearer.facts.speeches):
            bearer, most = Bearer(), 1  # "NURSE: "
            bearing = Counter({bearer: 1})
        if most and most >= 0.6 * sum(bearing.values()):
            self._give(bearer, name)


def _plain(given: str) -> str:
    """A first name without what made it a pet name."""
    return NICKNAMES.get(given, given)


def _kind(title: str) -> str:
    if title in MARRIED:
        return "married"
    if title in UNMARRIED:
        return "unmarried"
    if title in FEMALE_GIVEN:
        return "given"
    return "m" if title in MALE else "other"


def _fits(bearer: Bearer, title: str) -> bool:
    """Whether somebody may be called by a title."""
    kind = _kind(title)
    if kind == "m":
        return bearer.gender != "f" or bool(bearer.titles & {title})
    if bearer.gender == "m":
        return False
    if kind == "married":
        return not bearer.titles & UNMARRIED or bool(bearer.titles & MARRIED)
    if kind == "unmarried":
        return not bearer.titles & MARRIED or bool(bearer.titles & UNMARRIED)
    return True


def _most_named(bearers: Iterable[Bearer]) -> Bearer | None:
    return max(bearers, key=lambda bearer: bearer.facts.count, default=None)


def _is_peer(bearer: Bearer) -> bool:
    """Whether the text mostly gives somebody a title of nobility."""
    titled = sum(n for name, n in bearer.names.items() if name.title in PEERS)
    return 3 * titled >= bearer.facts.count
