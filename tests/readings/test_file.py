"""`.infinisum` files: what goes in comes out, and nothing damaged is believed."""

from __future__ import annotations

import io
import json
import struct
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import infinisum
from infinisum.books.book import Book, Chapter, LeftOut, Paragraph
from infinisum.config import SummarizeOptions
from infinisum.document import to_json
from infinisum.engine import state_tensors
from infinisum.errors import InputError
from infinisum.loading import LoadedModel
from infinisum.pipeline import read, summarize
from infinisum.readings.file import (
    parse_book,
    parse_header,
    parse_reading,
    part_bytes,
    reading_bytes,
    sealed,
)
from infinisum.readings.reading import Reading
from infinisum.readings.text import pack_text, unpack_text
from tests.tiny_model import small_book

SHORT = SummarizeOptions(words=40)


@pytest.fixture(scope="module")
def writing(writing_model: Path) -> LoadedModel:
    return infinisum.load_model(writing_model, "cpu", "float32")


@pytest.fixture(scope="module")
def reading(writing: LoadedModel) -> Reading:
    book = replace(small_book(9, 2), left_out=(LeftOut("cover.xhtml", "title page", 3),), pages=9)
    return read(book, writing, SHORT)


@pytest.fixture(scope="module")
def data(reading: Reading) -> bytes:
    return reading_bytes(reading)


def test_what_goes_in_comes_out(writing: LoadedModel, reading: Reading, data: bytes) -> None:
    again = parse_reading(data, writing, reading.book.source)
    assert again.book == reading.book == parse_book(data, reading.book.source)
    assert again.chapters == reading.chapters
    assert again.drafts == reading.drafts
    assert reading.drafts
    assert (again.mark, again.state_bytes) == (reading.mark, reading.state_bytes)
    assert again.settled is not None
    assert again.settled.chapters == 8
    for one, other in ((again, reading), (again.settled, reading.settled)):
        assert one is not None and other is not None
        assert one.state is not None and other.state is not None
        expected = state_tensors(other.state)
        for name, tensor in state_tensors(one.state).items():
            assert torch.equal(tensor, expected[name]), name
    assert to_json(summarize(again, writing, SHORT)) == to_json(summarize(reading, writing, SHORT))


def test_the_same_reading_gives_the_same_bytes(reading: Reading, data: bytes) -> None:
    elsewhere = replace(reading, book=replace(reading.book, source="/another/place.epub"))
    assert reading_bytes(elsewhere) == data


def test_sizes_are_said(reading: Reading, data: bytes) -> None:
    sizes = part_bytes(data)
    assert sizes["state"] == sizes["settled"] == reading.state_bytes
    assert sum(sizes.values()) == len(data)


paragraphs = st.lists(st.text(max_size=40).map(Paragraph), max_size=5)


@given(paragraphs, st.data())
def test_any_text_survives(texts: list[Paragraph], data: st.DataObject) -> None:
    from infinisum.books.sentences import split_sentences

    sentences = [split_sentences(paragraph.text) for paragraph in texts]
    if data.draw(st.booleans()):  # a splitter that does something else altogether
        sentences = [data.draw(st.lists(st.text(max_size=9), max_size=3)) for _ in texts]
    ((paragraphs_again, sentences_again),) = unpack_text(pack_text([(texts, sentences)]))
    assert list(paragraphs_again) == texts
    assert sentences_again == sentences


@settings(max_examples=100)
@given(place=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
def test_a_changed_byte_is_found(
    writing: LoadedModel, data: bytes, place: float, change: int
) -> None:
    at = int(place * len(data)) if place > 0.5 else int(place * 8_000)  # the header more often
    changed = bytearray(data)
    changed[at] ^= change
    with pytest.raises(InputError, match=r"^a\.infinisum: "):
        parse_reading(bytes(changed), writing, "a.infinisum")


@settings(max_examples=50)
@given(share=st.floats(0, 1, exclude_max=True), more=st.binary(max_size=9))
def test_a_file_that_is_cut_off_or_too_long(
    writing: LoadedModel, data: bytes, share: float, more: bytes
) -> None:
    cut = data[: int(share * len(data))] + more
    for changed in {cut, data + more} - {data}:
        with pytest.raises(InputError, match=r"^a\.infinisum: "):
            parse_reading(changed, writing, "a.infinisum")


def lying(data: bytes, change: object) -> bytes:
    """The file with another header, its checksum made right again."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    own = json.loads(header["__metadata__"]["infinisum"])
    own["checksum"] = "0" * 64
    change(header, own)  # type: ignore[operator]
    header["__metadata__"] = {"infinisum": json.dumps(own, separators=(",", ":"))}
    text = json.dumps(header, separators=(",", ":")).encode()
    return sealed(struct.pack("<Q", len(text)) + text + data[8 + length :])


def test_a_header_that_was_not_changed_is_believed(writing: LoadedModel, data: bytes) -> None:
    parse_reading(lying(data, lambda header, own: None), writing, "a.infinisum")


nonsense = st.one_of(
    st.none(), st.integers(), st.text(max_size=5), st.lists(st.integers(), max_size=3), st.just({})
)


@settings(max_examples=150)
@given(draw=st.data())
def test_a_header_that_lies_is_one_clear_error_or_harmless(
    writing: LoadedModel, data: bytes, draw: st.DataObject
) -> None:
    def change(header: object, own: object) -> None:
        """Replace one value somewhere in either header."""
        at = draw.draw(st.sampled_from([header, own]))
        while True:
            keys = list(range(len(at))) if isinstance(at, list) else sorted(at)
            key = draw.draw(st.sampled_from(keys))
            inner = at[key]
            if not isinstance(inner, dict | list) or not inner or draw.draw(st.booleans()):
                at[key] = draw.draw(nonsense)
                return
            at = inner

    try:
        reading = parse_reading(lying(data, change), writing, "a.infinisum")
    except InputError as error:
        assert str(error).startswith("a.infinisum: ")
        return
    except ValueError as error:  # `sealed` itself: the lie removed the checksum
        assert "checksum" in str(error)
        return
    summarize(reading, writing, SummarizeOptions(method="extractive"))


def test_a_text_that_swells_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import bz2

    monkeypatch.setattr("infinisum.readings.text.MOST_TEXT_BYTES", 1_000)
    with pytest.raises(ValueError, match="too long"):
        unpack_text(bz2.compress(b"[" + b" " * 1_000_000 + b"]"))


def test_a_later_format_is_named(writing: LoadedModel, data: bytes) -> None:
    def later(header: dict[str, object], own: dict[str, object]) -> None:
        own["format_version"] = 99

    with pytest.raises(InputError, match="Update infinisum"):
        parse_header(lying(data, later), "a.infinisum")


def test_a_book_is_no_reading(writing: LoadedModel) -> None:
    with pytest.raises(InputError, match="this is no reading"):
        parse_reading(b"Chapter One\n\nIt rained.", writing, "a.txt")


def test_a_reading_is_no_book(data: bytes) -> None:
    with pytest.raises(InputError, match="load_reading"):
        infinisum.read_book(io.BytesIO(data))


def one_pass_and_two(
    loaded: LoadedModel, first: int, second: int, options: SummarizeOptions
) -> tuple[str, str]:
    book = small_book(first + second, 2)
    one = replace(book, chapters=book.chapters[:first])
    two = replace(book, chapters=book.chapters[first:])
    through_a_file = parse_reading(reading_bytes(read(one, loaded, options)), loaded, "a")
    appended = read(two, loaded, options, onto=through_a_file)
    whole = read(book, loaded, options)
    assert appended.drafts == whole.drafts
    return to_json(summarize(appended, loaded, options)), to_json(summarize(whole, loaded, options))


def test_append_equals_one_pass_of_a_model_that_quotes(tiny_model: Path) -> None:
    loaded = infinisum.load_model(tiny_model, "cpu", "float32")
    appended, whole = one_pass_and_two(loaded, 3, 4, SummarizeOptions())
    assert appended == whole


@pytest.mark.parametrize(("first", "second"), [(5, 5), (8, 1), (9, 1)])
def test_append_equals_one_pass_of_a_model_that_writes(
    writing: LoadedModel, first: int, second: int
) -> None:
    appended, whole = one_pass_and_two(writing, first, second, SHORT)
    assert appended == whole


def test_chapters_that_are_there_are_not_read_twice(
    writing: LoadedModel, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    from infinisum.segments import split_chapter

    read_chapters: list[int] = []

    def watched(chapter: Chapter, index: int, *rest: object) -> object:
        read_chapters.append(index)
        return split_chapter(chapter, index, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("infinisum.segments.split_chapter", watched)
    more = Book("More", "", (Chapter("Last", (Paragraph("The sea was calm at last."),)),))
    read(more, writing, SHORT, onto=reading)
    assert read_chapters == [8, 9]  # the group that was not full, and the new one


def test_lone_surrogates_of_a_title_survive(tiny_model: Path) -> None:
    loaded = infinisum.load_model(tiny_model, "cpu", "float32")
    book = Book("T\ud800", "", (Chapter("\udfff", (Paragraph("The sea was calm."),)),))
    reading = read(book, loaded)
    assert parse_reading(reading_bytes(reading), loaded, "").book.chapters == book.chapters
