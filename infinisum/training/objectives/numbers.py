"""Numbers that are no pass keys, said in many ways: what a memory must learn to leave out."""

from __future__ import annotations

import random
from typing import Final

LINES: Final = (
    "There were {} of them.",
    "It was the year {}.",
    "He counted {} sheep on the hill.",
    "{} men had come.",
    "The number of the house is {}.",
    "She gave {} pounds for it.",
    "The letter was dated {}.",
    "Page {}.",
    "{}.",
    "{}",
    "His room was number {}.",
    "The code on the box was {}.",
    "No. {}.",
    "Chapter {}.",
    "That was in {}, before the war.",
    "Between {} and {} nothing is known of him.",
    "In {} they moved to the coast; in {} they came back.",
    "The bill came to {}, of which {} had been settled.",
    "It weighed {} pounds and measured {} feet.",
    "They had walked {} miles by then.",
    "A crowd of {} stood before the gate.",
    "His watch said {}.",
    "The {} to London leaves at {}.",
    "See volume {}, page {}.",
    "(see note {})",
    "[{}]",
    "Her address was {} Mill Lane.",
    "The regiment had {} men left out of {}.",
    "You may reach me at {}.",
    "The safe opens with {}, as you know.",
    "Convict {} did not answer.",
    "The engine bore the number {} in white paint.",
    "The sum is {}, the rest is {}.",
    "Write {} on the back of it.",
    "Remember {}, she said, and forget the rest.",
    "The key to number {} hung on its nail.",
    "The secret word was not a word but {}.",
    "Nobody could pass without the number {}.",
    "The {number} is {}. Remember it. {} is the {number}.",
    "The {number} was {}. Write it down. It is {}.",
    "Is {} the {number}? The {number} is {}.",
)
NOUNS: Final = (
    *("lot number", "ticket number", "year", "price", "house number", "score", "total", "code"),
    *("page number", "weight", "secret number", "answer", "first number", "door key", "account"),
    *("number of the train", "best bid", "depth of the well", "population", "pass mark"),
    "key note",
)
CLOCK, CENTURIES = (1, 12), (1_500, 1_999)


def other_number(rng: random.Random) -> str:
    """A line with a number, or two, in it: most of them bare digits, as those of a key are."""
    line = rng.choice(LINES).replace("{number}", rng.choice(NOUNS))
    first = _number(rng)
    again = first if rng.random() < 0.5 else _number(rng)
    return line.replace("{}", first, 1).replace("{}", again)


def _number(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.35:
        return str(rng.randrange(10_000, 100_000))  # as long as a key
    if kind < 0.70:
        return str(rng.randrange(10 ** rng.randint(1, 7)))
    if kind < 0.80:
        return str(rng.randint(*CENTURIES))
    if kind < 0.90:
        return f"{rng.randrange(1_000, 1_000_000):,}"
    minutes = f"{rng.randint(*CLOCK)}:{rng.randrange(60):02}"
    return rng.choice((minutes, f"{rng.randrange(1_000)}.{rng.randrange(100):02}"))
