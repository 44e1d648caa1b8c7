"""Prose without meaning but with variety: an endless text for tests of what a memory ignores.

A small grammar with its own word lists. Numbers, dates, prices and page numbers occur in it on
purpose: what looks for a number must not take just any.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

_NAMES: Final = (
    *("Agnes", "Bertram", "Cordelia", "Dunstan", "Elspeth", "Fergus", "Gwendolen", "Horatio"),
    *("Imogen", "Jasper", "Keziah", "Lionel", "Mabel", "Nathaniel", "Octavia", "Percival"),
    *("Quentin", "Rosamund", "Silas", "Tabitha", "Ursula", "Vincent", "Winifred", "Zachary"),
    *("Mr. Ainsley", "Mrs. Thorpe", "Captain Wray", "Miss Pell", "Dr. Hawkes", "old Garrick"),
)
_ROLES: Final = (
    *("the baker", "the ferryman", "the clerk", "the widow", "the schoolmaster", "the porter"),
    *("the carpenter's wife", "a stranger", "the constable", "the miller", "her uncle"),
    *("the younger sister", "the vicar", "the stable boy", "a travelling tinker", "the judge"),
)
_ADJECTIVES: Final = (
    *("narrow", "quiet", "crooked", "faded", "heavy", "bright", "bitter", "gentle", "hollow"),
    *("ancient", "careless", "proud", "damp", "golden", "broken", "patient", "restless", "stern"),
    *("ragged", "splendid", "foreign", "familiar", "weary", "sudden", "pale", "crimson", "silent"),
)
_THINGS: Final = (
    *("letter", "lantern", "violin", "kettle", "garden wall", "silver spoon", "map", "umbrella"),
    *("grey horse", "church bell", "candle", "wooden chest", "portrait", "bundle of papers"),
    *("fishing boat", "staircase", "clock", "loaf of bread", "winter coat", "orchard", "ledger"),
    *("telescope", "bridge", "piano", "brass key", "parcel", "mirror", "cradle", "iron gate"),
)
_PLACES: Final = (
    *("in the market square", "behind the mill", "at the edge of the wood", "by the harbour"),
    *("under the old bridge", "in the parlour", "on the road to Marlow", "near the station"),
    *("beside the fire", "across the moor", "at the top of the hill", "in the kitchen garden"),
    *("along the canal", "outside the theatre", "in a corner of the library", "upon the sands"),
)
_TIMES: Final = (
    *("That evening", "Early the next morning", "By noon", "Toward the end of the week"),
    *("When the rain had stopped", "Before anyone could answer", "A year later", "Long ago"),
    *("On the following Sunday", "Just after midnight", "In the spring", "All that winter"),
    *("At the very last moment", "Some days afterwards", "While the others slept"),
)
_DEEDS: Final = (
    *("carried", "forgot", "mended", "sold", "hid", "found", "painted", "borrowed", "lost"),
    *("dropped", "admired", "bought", "described", "watched over", "laughed at", "asked for"),
    *("returned", "polished", "stole", "gave away", "dreamed of", "measured", "wrapped up"),
)
_MOODS: Final = (
    *("without a word", "with great care", "as if nothing had happened", "in spite of the cold"),
    *("for the third time", "rather against her will", "to everyone's surprise", "half asleep"),
    *("and thought no more of it", "though nobody believed it", "with tears in his eyes"),
)
_SPEECH: Final = (
    *("I never said so", "You must come at once", "There is nothing to be done", "Who told you"),
    *("It was the wind, I suppose", "We shall want more coal", "Ask him yourself"),
    *("I should like to see it", "She has gone to her mother", "Nobody remembers now"),
    *("Leave it where it is", "The train is late again", "I had quite forgotten the date"),
)
_VERBS: Final = ("said", "answered", "cried", "whispered", "muttered", "remarked", "insisted")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)


def paragraphs(seed: int) -> Iterator[list[str]]:
    """Paragraphs as their two to seven sentences, without end; the same for the same seed."""
    rng = random.Random(seed)
    while True:
        yield [_sentence(rng) for _ in range(rng.randint(2, 7))]


def _sentence(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.12:
        return _with_number(rng)
    if kind < 0.30:
        return f'"{rng.choice(_SPEECH)}," {rng.choice(_VERBS)} {_person(rng)}{_tail(rng)}.'
    if kind < 0.55:
        return (
            f"{rng.choice(_TIMES)} {_person(rng)} {rng.choice(_DEEDS)} {_thing(rng)}{_tail(rng)}."
        )
    if kind < 0.70:
        return (
            f"{_upper(_thing(rng))} {rng.choice(_PLACES)} was {rng.choice(_ADJECTIVES)} and "
            f"{rng.choice(_ADJECTIVES)}, and {_person(rng)} {rng.choice(_DEEDS)} it{_tail(rng)}."
        )
    if kind < 0.80:
        return (
            f"It was {rng.choice(_ROLES)} who {rng.choice(_DEEDS)} {_thing(rng)} "
            f"{rng.choice(_PLACES)}; {_person(rng)} only {rng.choice(_DEEDS)} it."
        )
    did = f"{_upper(_person(rng))} {rng.choice(_DEEDS)} {_thing(rng)}"
    return f"{did} {rng.choice(_PLACES)}{_tail(rng)}."


def _with_number(rng: random.Random) -> str:
    """A sentence with a number of one to six digits that is not the key."""
    number = rng.randrange(10 ** rng.randint(1, 6))
    return rng.choice(
        (
            f"{_upper(_person(rng))} was born on the {1 + number % 28}th of "
            f"{rng.choice(_MONTHS)}, {1600 + number % 320}.",
            f"There were {number} of them, as {_person(rng)} counted.",
            f"{_upper(_person(rng))} paid {number} pounds for {_thing(rng)}.",
            f"The number on the door was {number}.",
            f"See page {number} of the register, where {_person(rng)} signed.",
            f"The ticket was number {number}, and {_person(rng)} kept it.",
            f"{_upper(_thing(rng))} had cost {number} shillings in {1600 + number % 320}.",
        )
    )


def _person(rng: random.Random) -> str:
    return rng.choice(_NAMES if rng.random() < 0.6 else _ROLES)


def _thing(rng: random.Random) -> str:
    article = rng.choice(("the", "the", "his", "her", "their", "that"))
    adjective = f"{rng.choice(_ADJECTIVES)} " if rng.random() < 0.6 else ""
    return f"{article} {adjective}{rng.choice(_THINGS)}"


def _tail(rng: random.Random) -> str:
    return f" {rng.choice(_MOODS)}" if rng.random() < 0.4 else ""


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]
