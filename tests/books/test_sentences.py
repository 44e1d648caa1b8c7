from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from infinisum.books.sentences import split_sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The tide turned. We left.", ["The tide turned.", "We left."]),
        ("Mr. Ash met Mrs. Lee.", ["Mr. Ash met Mrs. Lee."]),
        ("J. R. Moore wrote it. It sold.", ["J. R. Moore wrote it.", "It sold."]),
        ("Lieut. Brown and Messrs. Wright came.", ["Lieut. Brown and Messrs. Wright came."]),
        ("“Come in!” he said. “It is late.”", ["“Come in!” he said.", "“It is late.”"]),
        ("“Is it you?” “Yes.” He sat.", ["“Is it you?”", "“Yes.”", "He sat."]),
        ('"Why?" asked Ben. "Go."', ['"Why?" asked Ben.', '"Go."']),
        ("‘No;’ she said; ‘never.’ He went.", ["‘No;’ she said; ‘never.’", "He went."]),
        ("It was 3.14 p.m. on the clock. Late.", ["It was 3.14 p.m. on the clock.", "Late."]),
        ("Then... he went. Why?", ["Then... he went.", "Why?"]),
        ("(He goes.) The rest stay.", ["(He goes.)", "The rest stay."]),
        ("Two lines,\nof verse. And more.", ["Two lines, of verse.", "And more."]),
        ("No stop\n\nNext paragraph", ["No stop", "Next paragraph"]),
        ("Am 3. Mai kam er. Er blieb.", ["Am 3. Mai kam er.", "Er blieb."]),
        ("他来了。她走了！为什么？", ["他来了。", "她走了！", "为什么？"]),
        ("그는 왔다. 그녀는 갔다.", ["그는 왔다.", "그녀는 갔다."]),
        ("", []),
        (" \n\n ", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert split_sentences(text) == expected


TEXT = st.text(
    st.sampled_from("abcAB .!?…,;:“”‘’\"'()[]-—\n\t\u00a0I1。！Mré한") | st.characters(),
    max_size=80,
)


@given(TEXT)
@example("… ”")
@example("a.\n\n.\n\nb")
@example("Mr.")
@example("\x85\u2028x. Y")
def test_every_character_is_in_exactly_one_sentence_in_order(text: str) -> None:
    sentences = split_sentences(text)
    assert "".join("".join(sentences).split()) == "".join(text.split())
    assert all(sentence == " ".join(sentence.split()) and sentence for sentence in sentences)
