from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infinisum.books.encodings import decode, is_certain
from infinisum.errors import InputError

FRENCH = (
    "Le vieux phare s'élevait au-dessus des dunes, et la mer, très calme ce soir-là, venait mourir "
    "à ses pieds. « Où êtes-vous donc allée ? » demanda le gardien à sa fille. Elle ne dit rien. "
)
GERMAN = (
    "Der alte Müller stand vor der Tür und hörte, wie die Mühle im Regen klapperte. Über dem Fluß "
    "lag Nebel; später würde es schön werden, sagte er. "
)
ENGLISH = "The café was closed—“it’s late,” she said. He walked home along the quay, alone. "
KOREAN = "그는 등대 아래에 앉아 바다를 바라보았다. 오래전에 떠난 배는 아직 돌아오지 않았다. "
JAPANESE = "老人は灯台の下に座って、海を眺めていた。昔出て行った船は、まだ帰って来ない。"
CHINESE = "老人坐在燈塔下面，看著大海。很久以前離開的船，還沒有回來。"
RUSSIAN = "Старик сидел у маяка и смотрел на море. Корабль, ушедший давно, ещё не вернулся. "


@pytest.mark.parametrize(
    "codec", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"]
)
@pytest.mark.parametrize("text", [ENGLISH, FRENCH, KOREAN * 3, RUSSIAN])
def test_unicode_is_decoded_with_and_without_a_mark(text: str, codec: str) -> None:
    decoded, name = decode(text.encode(codec))
    assert decoded == text
    assert is_certain(name)


@pytest.mark.parametrize("codec", ["utf-32-le", "utf-32-be"])
def test_utf_32_without_a_mark(codec: str) -> None:
    assert decode(ENGLISH.encode(codec))[0] == ENGLISH


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        (FRENCH, "latin-1"),
        (GERMAN, "latin-1"),
        (FRENCH, "cp1252"),
        (ENGLISH, "cp1252"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (KOREAN, "cp949"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc-jp"),
        (CHINESE, "big5"),
    ],
)
def test_older_encodings_are_guessed(text: str, codec: str) -> None:
    text *= 5
    decoded, name = decode(text.encode(codec))
    assert decoded == text
    assert not is_certain(name)


def test_one_accent_late_in_a_long_english_text() -> None:
    text = "The rain went on for days. " * 12_000 + "They met in the café. “Well?” he said."
    assert decode(text.encode("cp1252"))[0] == text


def test_utf_8_that_is_cut_or_has_a_stray_byte_stays_utf_8() -> None:
    data = (KOREAN * 50).encode()
    assert decode(data[:-1])[0].startswith(KOREAN)
    at = data.index(b" ", 300)
    damaged = data[:at] + b"\xff" + data[at:]
    decoded, name = decode(damaged)
    assert name == "utf-8"
    assert decoded.count("\ufffd") == 1


def test_a_named_encoding_is_used_and_a_wrong_one_refused() -> None:
    assert decode(KOREAN.encode("cp949"), "cp949")[0] == KOREAN
    with pytest.raises(InputError, match=r"book\.txt: this file is not in ascii"):
        decode(FRENCH.encode("latin-1"), "ascii", "book.txt")
    with pytest.raises(InputError, match="unknown encoding 'klingon'"):
        decode(b"abc", "klingon", "book.txt")
    with pytest.raises(InputError, match="unknown encoding 'hex'"):
        decode(b"abc", "hex", "book.txt")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff\0")))
def test_any_utf_8_text_comes_back_as_it_is(text: str) -> None:
    assert decode(text.encode())[0] == text
