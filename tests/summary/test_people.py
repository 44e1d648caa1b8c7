"""People and places: made-up paragraphs, the novella, and real books where they are at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infinisum.books.book import Chapter, Paragraph
from infinisum.books.reader import read_book
from infinisum.config import PARTS
from infinisum.summary.people import find_people
from infinisum.summary.summary import Person, Place

ROOT = Path(__file__).resolve().parents[2]
BOOKS = ROOT.parent / "shared" / "books"


def look(*paragraphs: str, language: str = "en") -> tuple[dict[str, Person], dict[str, Place]]:
    chapter = Chapter("One", tuple(map(Paragraph, paragraphs)))
    people, places = find_people(lambda: [(1, chapter)], language)
    return {person.name: person for person in people}, {place.name: place for place in places}


def with_name(people: dict[str, Person], name: str) -> Person:
    (found,) = [person for person in people.values() if name in person.variants]
    return found


FAMILY = (
    "Mr. Ashby came home late. Mrs. Ashby was waiting, and she asked about Clara Ashby.",
    "“Clara is at school,” said Mr. Ashby. He knew that Miss Ashby would not write.",
    "Old Tobias laughed. He told Tobias’s dog that Clara’s letters were lost.",
    "Mrs. Ashby sighed. In the evening the carriage waited in Dorchester.",
    "Tobias wrote to her from Dorchester. Clara answered, and Mrs. Ashby was glad of it.",
)


def test_a_family_is_kept_apart_and_its_variants_together() -> None:
    people, places = look(*FAMILY)
    assert {"Clara Ashby", "Mr. Ashby", "Mrs. Ashby", "Tobias"} == set(people)
    clara = people["Clara Ashby"]
    assert set(clara.variants) == {"Clara", "Clara Ashby", "Miss Ashby"}
    assert clara.mentions == 5
    assert (clara.chapter, clara.paragraph) == (1, 1)
    assert people["Mr. Ashby"].variants == ("Mr. Ashby",)
    assert people["Mrs. Ashby"].mentions == 3
    assert list(places) == ["Dorchester"]
    assert (places["Dorchester"].mentions, places["Dorchester"].paragraph) == (2, 4)


def test_a_man_with_a_title_is_the_one_man_of_that_name() -> None:
    people, _ = look(
        "There Fitzgerald Dorn bowed. Mr. Dorn said nothing, and he left.",
        "Everybody looked at Mr. Dorn. Dorn smiled. His aunt, Lady Dorn, was there with Miss Dorn.",
        "Fitzgerald Dorn spoke to Miss Dorn.",
    )
    dorn = with_name(people, "Mr. Dorn")
    assert {"Mr. Dorn", "Dorn", "Fitzgerald Dorn"} <= set(dorn.variants)
    assert not {"Lady Dorn", "Miss Dorn"} & set(dorn.variants)


def test_capitals_that_are_no_names() -> None:
    people, places = look(
        "The rain fell. But Anna waited. Nobody came on Monday. Then Anna went in.",
        "“Come,” said Anna. Outside the English ship lay. Perhaps God knew. I did not.",
        "However, Anna slept. Christmas came. Oh, and Anna’s ring was gone.",
    )
    assert set(people) == {"Anna"}
    assert people["Anna"].mentions == 5
    assert not places


def test_pet_names_and_initials() -> None:
    people, _ = look(
        "Elizabeth Gray sang. Lizzy danced, and Elizabeth laughed at Theodore Crane.",
        "“Lizzy!” cried Theodore. T. Crane was on the list, and Mr. Crane knew it.",
    )
    assert {"Elizabeth", "Lizzy", "Elizabeth Gray"} == set(people["Elizabeth Gray"].variants)
    assert {"T. Crane", "Mr. Crane", "Theodore"} <= set(people["Theodore Crane"].variants)


def test_a_verb_before_a_name_is_none_of_it() -> None:
    people, _ = look(
        "Quoth Ravindra: “Come.” Quoth Ravindra again: “Go.” Ravindra said no more.",
        "“Quoth Ravindra so?” asked Ravindra. Then Ravindra went, and quoth Ravindra: “No.”",
    )
    assert people["Ravindra"].variants == ("Ravindra",)
    assert people["Ravindra"].mentions == 7


def test_a_title_within_begins_another_name() -> None:
    people, _ = look(
        "Before Osbert Prince Ivo bowed. Then Osbert said no. Prince Ivo said yes.",
        "After Osbert Prince Ivo spoke. “No,” said Osbert. “Yes,” said Prince Ivo.",
    )
    assert (people["Osbert"].mentions, people["Prince Ivo"].mentions) == (4, 4)


def test_a_first_name_is_shown_before_its_initial() -> None:
    people, _ = look(
        "There Wendell Frome said yes. The list had W. Frome, W. Frome again, and W. Frome.",
        "W. Frome nodded. It was signed by W. Frome.",
    )
    assert {"W. Frome", "Wendell Frome"} <= set(people["Wendell Frome"].variants)


def test_a_name_with_the_inside_is_of_whom_it_ends_with() -> None:
    people, _ = look(
        "There Moppet sat. “Well,” said Moppet. Her whole name was Susan-the-Moppet.",
        "Everybody called Susan-the-Moppet so, and Moppet laughed—bump—at Moppet—bump.",
    )
    assert set(with_name(people, "Moppet").variants) == {"Moppet", "Susan-the-Moppet"}


def test_things_with_capitals_are_nobody() -> None:
    people, _ = look(
        "So Tibbs went on an Outing. He liked an Outing. “An Outing!” said Tibbs.",
        "Then Tibbs had some Outing or other, and the Outing went well.",
        *["He was a cat of very little Wit, and Tibbs knew it."] * 10,
    )
    assert set(people) == {"Tibbs"}


PLAY = (
    "(Enter Orlo and the Nurse.)",
    "ORLO: Where is the key?",
    "NURSE: Thou hast it.",
    "ORLO: I have not, good Nurse.",
    "LADY VARR: Who calls?",
    "VARR: It is Orlo, wife.",
    "FIRST GUARD: Stand!",
    "LADY VARR: Let him in.",
    "VARR: He comes.",
    "NURSE: Ay, Lady Varr.",
    "VARR: Enough.\nGood night.",
)


def test_who_speaks_in_a_play_is_named_by_it() -> None:
    people, _ = look(*PLAY)
    assert {name: p.mentions for name, p in people.items()} == {
        "Orlo": 4,
        "Nurse": 4,
        "Varr": 3,
        "Lady Varr": 3,
    }
    assert (people["Nurse"].paragraph, people["Varr"].paragraph) == (1, 6)
    dotted, _ = look(*(p.replace(":", ".", 1) for p in PLAY))
    small, _ = look(*(p.title() if ":" not in p else _small(p) for p in PLAY))
    assert {name: p.mentions for name, p in dotted.items()}["Varr"] == 3
    assert small["Varr"].mentions == 3


def _small(paragraph: str) -> str:
    speaker, colon, speech = paragraph.partition(":")
    return speaker.title() + colon + speech


def test_labels_of_a_few_paragraphs_make_no_play() -> None:
    people, _ = look(
        *["NOTE: the door is shut.", "WARNING: wet paint."] * 2, *["Nothing came of it."] * 40
    )
    assert not people


def test_a_rank_alone_names_its_one_bearer() -> None:
    people, _ = look(
        "Captain Holt came aboard. Mr. Finn saluted the Captain, and the Captain nodded.",
        "“Aye, Captain,” said Mr. Finn.",
    )
    assert people["Captain Holt"].mentions == 4


def test_company_is_who_is_named_in_the_same_paragraphs() -> None:
    people, _ = look(*FAMILY)
    company = {entry.name: entry.paragraphs for entry in people["Clara Ashby"].together}
    assert company == {"Mr. Ashby": 2, "Mrs. Ashby": 2, "Tobias": 2}
    assert all(entry.name in people for person in people.values() for entry in person.together)


def test_mentions_by_part_of_the_text() -> None:
    filler = "They were silent for a long while and looked at the sea below the window."
    people, _ = look("Anna said no.", *[filler] * 98, "Anna said yes, and Anna laughed.")
    parts = people["Anna"].mentions_by_part
    assert len(parts) == PARTS
    assert (parts[0], parts[-1], sum(parts)) == (1, 2, 3)


def test_places_with_a_word_of_their_kind() -> None:
    _, places = look(
        "They met at Garrow’s Mill in Penwick, and walked down Fore Street to Penwick Bridge.",
        "In Penwick it rained. Near Fore Street they turned from Penwick Bridge to Garrow’s Mill.",
    )
    assert {"Garrow’s Mill", "Penwick", "Fore Street", "Penwick Bridge"} == set(places)
    assert places["Penwick"].mentions == 2


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Der Müller kam ins Haus. Frau Berger sagte: „Der Hund bellt.“ Frau Berger ging."),
        ("fr", "Monsieur Duval entra. « Bonjour », dit Mme Lebrun. M. Duval sourit à Lebrun."),
        ("ru", "Анна вошла в дом. Князь увидел, что Анна плачет."),
        ("zh", "船长卖掉了小提琴。磨坊主的女儿藏起了钥匙。"),
        ("", "…  — “” '"),
    ],
)
def test_other_languages_do_not_break(language: str, text: str) -> None:
    people, _ = look(text, text, language=language)
    if language == "de":
        assert set(people) == {"Frau Berger"}  # every noun has a capital
    if language == "fr":
        assert with_name(people, "M. Duval")


def test_no_text_no_people() -> None:
    assert find_people(list, "en") == ((), ())


def listed(kind: str) -> list[dict[str, Any]]:
    path = ROOT / "data" / "source" / "people.json"
    entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))[kind]
    return entries


def test_people_of_the_novella() -> None:
    book = read_book(ROOT / "data" / "the-tide-ledger.epub")
    people, places = find_people(lambda: enumerate(book.chapters, 1), book.language)
    right_place = 0
    for entry in listed("people")[:17]:  # those with more than a sentence or two
        own = [p for p in people if set(entry["variants"]) & {p.name, *p.variants}]
        assert len(own) == 1, (entry["name"], [p.name for p in own])
        others = {
            name
            for other in listed("people")
            if other["name"] != entry["name"]
            for name in other["variants"]
        } - set(entry["variants"])
        assert not others & set(own[0].variants), own[0]
        chapter, paragraph = entry["first"]
        right_place += (own[0].chapter, own[0].paragraph) == (chapter, paragraph + 1)
    assert right_place >= 15  # of 17
    assert people[0].name == "Ruth Hallam"
    found = {name for place in places for name in (place.name, *place.variants)}
    wanted = [entry for entry in listed("places") if set(entry["variants"]) & found]
    assert len(wanted) >= 10  # of 16


def test_ten_characters_of_real_books() -> None:
    if not BOOKS.is_dir():
        pytest.skip("the books are not here")
    from benchmarks.people_check import CHARACTERS, judge, people_of

    names = ["jane-austen_pride-and-prejudice", "charles-dickens_a-christmas-carol"]
    for name in names:  # benchmarks/people_check.py has all
        people = people_of(read_book(BOOKS / f"{name}.epub"))
        assert judge(people, CHARACTERS[name]) == [""] * 10
