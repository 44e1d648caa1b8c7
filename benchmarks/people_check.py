"""Whether the main characters of books are found, whole and kept apart.

    python benchmarks/people_check.py --books DIR [-o results.json]

For each book ten main characters (*Siddhartha* has six), each with names the text gives them. A
character is right when one person of the summary, among the thirty most often named, has all of
these names and none of another character's. Of the novella in `data/` all people of `people.json`
are asked for by name.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from infinisum.books.book import Book
from infinisum.books.reader import read_book
from infinisum.summary.people import find_people
from infinisum.summary.summary import Person

DATA = Path(__file__).resolve().parents[1] / "data"
AMONG = 30
SIDDHARTHA = (
    "hermann-hesse_siddhartha_gunther-olesch_anke-dreher_amy-coulter"
    "_stefan-langer_semyon-chaichenets"
)
# Ten of the main characters of each book (six of *Siddhartha*), from knowledge of the books.
CHARACTERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "jane-austen_pride-and-prejudice": (
        ("Elizabeth", "Lizzy"),
        ("Mr. Darcy", "Darcy"),
        ("Jane",),
        ("Mr. Bingley", "Bingley"),
        ("Mr. Wickham", "Wickham"),
        ("Mr. Collins",),
        ("Lydia",),
        ("Mrs. Bennet",),
        ("Mr. Bennet",),
        ("Lady Catherine", "Lady Catherine de Bourgh"),
    ),
    "mary-shelley_frankenstein": (
        ("Victor", "Frankenstein"),
        ("Elizabeth", "Elizabeth Lavenza"),
        ("Clerval", "Henry Clerval", "Henry"),
        ("Justine", "Justine Moritz"),
        ("Felix",),
        ("Safie",),
        ("Agatha",),
        ("William",),
        ("De Lacey",),
        ("Mr. Kirwin",),
    ),
    "charles-dickens_a-tale-of-two-cities": (
        ("Sydney Carton", "Carton", "Mr. Carton"),
        ("Charles Darnay", "Darnay"),
        ("Lucie", "Lucie Manette", "Miss Manette"),
        ("Doctor Manette", "Manette"),
        ("Mr. Lorry", "Jarvis Lorry"),
        ("Miss Pross",),
        ("Madame Defarge",),
        ("Defarge", "Monsieur Defarge"),
        ("Jerry Cruncher", "Mr. Cruncher", "Jerry"),
        ("Mr. Stryver", "Stryver"),
    ),
    "bram-stoker_dracula": (
        ("Van Helsing", "Dr. Van Helsing"),
        ("Lucy", "Lucy Westenra"),
        ("Mina", "Mina Harker", "Mrs. Harker"),
        ("Jonathan", "Jonathan Harker", "Harker"),
        ("Dr. Seward", "John Seward"),
        ("Arthur", "Lord Godalming"),
        ("Quincey", "Quincey Morris", "Mr. Morris"),
        ("Count Dracula", "Dracula", "Count"),
        ("Renfield",),
        ("Mrs. Westenra",),
    ),
    "herman-melville_moby-dick": (
        ("Ahab", "Captain Ahab"),
        ("Starbuck", "Mr. Starbuck"),
        ("Stubb", "Mr. Stubb"),
        ("Queequeg",),
        ("Flask",),
        ("Peleg", "Captain Peleg"),
        ("Bildad", "Captain Bildad"),
        ("Pip",),
        ("Tashtego",),
        ("Daggoo",),
    ),
    "charles-dickens_a-christmas-carol": (
        ("Scrooge", "Ebenezer Scrooge"),
        ("Bob Cratchit", "Bob"),
        ("Marley", "Jacob Marley"),
        ("Tiny Tim",),
        ("Mrs. Cratchit",),
        ("Fezziwig",),
        ("Fred",),
        ("Peter",),
        ("Martha",),
        ("Joe",),
    ),
    "william-shakespeare_romeo-and-juliet": (
        ("Romeo",),
        ("Juliet",),
        ("Mercutio",),
        ("Benvolio",),
        ("Tybalt",),
        ("Nurse",),
        ("Friar Laurence", "Laurence"),
        ("Capulet",),
        ("Lady Capulet",),
        ("Paris",),
    ),
    SIDDHARTHA: (
        ("Siddhartha",),
        ("Govinda",),
        ("Kamala",),
        ("Vasudeva",),
        ("Gotama",),
        ("Kamaswami",),
    ),
}


def people_of(book: Book) -> tuple[Person, ...]:
    people, _ = find_people(lambda: enumerate(book.chapters, 1), book.language)
    return people


def judge(people: tuple[Person, ...], characters: tuple[tuple[str, ...], ...]) -> list[str]:
    """What is wrong with each character: "" nothing, "missing", "split" or "mixed up"."""
    verdicts = []
    for names in characters:
        others = {name for other in characters if other != names for name in other}
        having = [p for p in people[:AMONG] if set(names) & {p.name, *p.variants}]
        if not having:
            verdicts.append("missing")
        elif not any(set(names) <= {p.name, *p.variants} for p in having):
            verdicts.append("split")
        elif others & {name for p in having for name in (p.name, *p.variants)}:
            verdicts.append("mixed up")
        else:
            verdicts.append("")
    return verdicts


def novella_row(people: tuple[Person, ...]) -> dict[str, Any]:
    """People of `people.json` found, and found with their first place."""
    listed = json.loads((DATA / "source" / "people.json").read_text(encoding="utf-8"))["people"]
    found = placed = 0
    missing = []
    for entry in listed:
        own = [p for p in people if {entry["name"], *entry["variants"]} & {p.name, *p.variants}]
        found += bool(own)
        chapter, paragraph = entry["first"]
        placed += any((p.chapter, p.paragraph) == (chapter, paragraph + 1) for p in own)
        missing += [] if own else [entry["name"]]
    return {"listed": len(listed), "found": found, "first_place_right": placed, "missing": missing}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--books", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    rows = []
    for name, characters in CHARACTERS.items():
        book = read_book(arguments.books / f"{name}.epub")
        started = time.process_time()
        people = people_of(book)
        cpu_s = round(time.process_time() - started, 2)
        verdicts = judge(people, characters)
        rows.append(
            {
                "book": name,
                "words": book.words,
                "right": verdicts.count(""),
                "of": len(characters),
                "wrong": {c[0]: v for c, v in zip(characters, verdicts, strict=True) if v},
                "cpu_s": cpu_s,
            }
        )
    novella = novella_row(people_of(read_book(DATA / "the-tide-ledger.epub")))
    text = json.dumps({"books": rows, "novella": novella}, indent=2, ensure_ascii=False)
    if arguments.output:
        arguments.output.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
