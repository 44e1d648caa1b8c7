from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infinisum.books.clean import Vocabulary, clean_text, join_lines


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("\x1b[1;31mred\x1b[0m door", "red door"),
        ("\x1b]0;title of a window\x07text", "text"),
        ("a\x08abo\x08ou\x08ut", "about"),
        ("one\r\ntwo\rthree\x0cfour", "one\ntwo\nthree\nfour"),
        ("oﬃce ﬁnds ﬂour", "office finds flour"),
        ("zero\u200bwidth\ufeff \u202eturned", "zerowidth turned"),
        ("wide\u3000space\u00a0here", "wide space here"),
        ("co\u00adoperate", "cooperate"),
        ("\x93He\x92s late,\x94 she said\x97", "“He’s late,” she said—"),
        ("cafe\u0301", "café"),
        ("bell\x07 and null\x00", "bell and null"),
    ],
)
def test_what_is_no_text_goes(dirty: str, clean: str) -> None:
    assert clean_text(dirty) == clean


def test_tabs_stay_only_where_they_are_wanted() -> None:
    assert clean_text("a\tb") == "a b"
    assert clean_text("a\tb", keep_tabs=True) == "a\tb"


@given(st.text())
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once


@given(st.text(alphabet="abc XYZ.,\n-_'\"éß東"))
def test_text_without_anything_to_clean_stays_as_it_is(text: str) -> None:
    assert clean_text(text) == text


def join(*lines: str) -> str:
    return join_lines(lines[-2:], Vocabulary(lines))


def test_a_divided_word_that_occurs_elsewhere_is_mended() -> None:
    assert join("The lighthouse stood high.", "He saw the light-", "house at last.") == (
        "He saw the lighthouse at last."
    )


def test_a_hyphen_of_the_word_itself_stays() -> None:
    assert join("A well-known man came.", "She was a well-", "known singer.") == (
        "She was a well-known singer."
    )


def test_names_keep_their_hyphen_and_dashes_take_no_space() -> None:
    assert join("An Anglo-", "Saxon poem.") == "An Anglo-Saxon poem."
    assert join("He stopped--", "and turned.") == "He stopped--and turned."
    assert join("He stopped—", "and turned.") == "He stopped—and turned."


def test_a_soft_hyphen_is_never_kept() -> None:
    assert join("con\u00ad", "tinue") == "continue"


def test_a_text_that_never_divides_words_keeps_unknown_hyphens() -> None:
    # Of "moss-grown" only the pieces are known, and nothing in this text is divided.
    assert join("moss and grown", "a moss-", "grown wall") == "a moss-grown wall"


WORDS = st.lists(
    st.text(alphabet="abcdefghij", min_size=1, max_size=9), min_size=1, max_size=80
).map(" ".join)


@given(WORDS, st.integers(min_value=10, max_value=60))
def test_wrapped_lines_join_to_the_same_words(text: str, width: int) -> None:
    lines = textwrap.wrap(text, width)
    assert join_lines(lines, Vocabulary(lines)) == text
