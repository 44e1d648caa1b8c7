"""Books in other languages and encodings: read whole, divided at their own headings, named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from infinisum.books import read_book
from infinisum.books.language import language_of

from .make_epub import simple_epub


@dataclass(frozen=True)
class Tongue:
    """A language: its codecs, its headings of chapters, two paragraphs."""

    tag: str
    codecs: tuple[str, ...]
    headings: tuple[str, str, str]
    titles: tuple[str, str, str]
    paragraphs: tuple[str, str]


TONGUES = (
    Tongue(
        "ko",
        ("cp949", "euc-kr", "utf-8", "utf-16"),
        ("제1장", "제2장 돌아온 배", "제 3 장"),
        ("제1장", "제2장: 돌아온 배", "제 3 장"),
        (
            "등대지기는 매일 밤 계단을 올라 배들이 돌아오기 전에 등불을 켰다. 추웠지만 딸은 그가 "
            "외투를 입은 것을 본 적이 없었다. 그는 말이 없었고, 바다도 조용했다.",
            "“오늘은 늦었구나.” 그가 말했다. 딸은 대답하지 않고 창밖의 물결만 바라보았다.",
        ),
    ),
    Tongue(
        "ja",
        ("shift_jis", "cp932", "euc-jp", "utf-8"),
        ("第一章", "第二章　帰って来た船", "第三章"),
        ("第一章", "第二章: 帰って来た船", "第三章"),
        (
            "灯台守は毎晩階段を上り、船が帰って来る前に灯をともした。寒かったが、娘は父が外套を着て"
            "いるのを見たことがなかった。海は静かで、父も何も言わなかった。",
            "「今日は遅かったな」と彼は言った。娘は答えず、窓の外の波を眺めていた。",
        ),
    ),
    Tongue(
        "zh",
        ("big5", "gb18030", "utf-8"),
        ("第一章", "第二章 回來的船", "第三章"),
        ("第一章", "第二章: 回來的船", "第三章"),
        (
            "守燈塔的人每天晚上爬上樓梯，在船回來之前點燈。天很冷，但是女兒從來沒有看見他穿過大衣。"
            "海很安靜，他也不說話，只是看著遠方的水，一直到天亮。",
            "「今天晚了。」他說。女兒沒有回答，只看著窗外的波浪。",
        ),
    ),
    Tongue(
        "ru",
        ("cp1251", "koi8-r", "utf-8"),
        ("Глава первая", "Глава 2. Корабль", "Глава III"),
        ("Глава первая", "Глава 2: Корабль", "Глава III"),
        (
            "Смотритель каждый вечер поднимался по лестнице и зажигал лампу, прежде чем вернутся "
            "лодки. Было холодно, но дочь никогда не видела, чтобы он был в пальто.",
            "«Сегодня поздно», — сказал он. Она не ответила и смотрела на волны за окном.",
        ),
    ),
    Tongue(
        "de",
        ("latin-1", "cp1252", "utf-8"),
        ("Erstes Kapitel", "Zweites Kapitel. Das Schiff", "Drittes Kapitel"),
        ("Erstes Kapitel", "Zweites Kapitel: Das Schiff", "Drittes Kapitel"),
        (
            "Der Wärter stieg jeden Abend die Treppe hinauf und zündete die Lampe an, bevor die "
            "Boote zurückkamen. Es war kalt, aber sie hatte ihn nie einen Mantel tragen sehen.",
            "»Heute ist es spät«, sagte er. Sie gab keine Antwort und sah auf die Wellen hinaus.",
        ),
    ),
    Tongue(
        "fr",
        ("latin-1", "cp1252", "utf-16-le"),
        ("CHAPITRE PREMIER", "CHAPITRE II. Le bateau", "CHAPITRE III"),
        ("CHAPITRE PREMIER", "CHAPITRE II: Le bateau", "CHAPITRE III"),
        (
            "Le gardien montait chaque soir l’escalier et allumait la lampe avant que les bateaux "
            "ne rentrent. Il faisait froid, mais elle ne l’avait jamais vu porter un manteau.",
            "« Il est tard », dit-il. Elle ne répondit pas et regardait les vagues à la fenêtre.",
        ),
    ),
    Tongue(
        "es",
        ("latin-1", "utf-8-sig"),
        ("Capítulo primero", "Capítulo II. El barco", "Capítulo III"),
        ("Capítulo primero", "Capítulo II: El barco", "Capítulo III"),
        (
            "El guardián subía cada noche la escalera y encendía la lámpara antes de que volvieran "
            "los barcos. Hacía frío, pero ella no lo había visto nunca con un abrigo en la torre.",
            "«Hoy es tarde», dijo. Ella no contestó y miraba las olas por la ventana.",
        ),
    ),
)
CASES = [(tongue, codec) for tongue in TONGUES for codec in tongue.codecs]


def encodable(text: str, codec: str) -> str:
    """The text without typographic marks a codec lacks."""
    for fancy, plain in (
        ("«", '"'),
        ("»", '"'),
        ("’", "'"),
        ("“", '"'),
        ("”", '"'),
        ("—", "-"),
        ("–", "-"),
    ):
        try:
            fancy.encode(codec)
        except UnicodeEncodeError:
            text = text.replace(fancy, plain)
    return text


@pytest.mark.parametrize(("tongue", "codec"), CASES, ids=[f"{t.tag}-{c}" for t, c in CASES])
def test_a_book_in_another_language_is_read_whole(
    tmp_path: Path, tongue: Tongue, codec: str
) -> None:
    paragraphs = [encodable(paragraph, codec) for paragraph in tongue.paragraphs * 3]
    text = "\n\n\n".join("\n\n".join((heading, *paragraphs)) for heading in tongue.headings)
    path = tmp_path / "book.txt"
    path.write_bytes(text.encode(codec))
    book = read_book(path)
    assert tuple(chapter.title for chapter in book.chapters) == tongue.titles
    for chapter in book.chapters:
        assert [paragraph.text for paragraph in chapter.paragraphs] == paragraphs
    assert book.language == tongue.tag


def test_hard_wrapped_lines_join_without_a_space_where_the_script_has_none(tmp_path: Path) -> None:
    japanese = next(tongue for tongue in TONGUES if tongue.tag == "ja")
    paragraph = japanese.paragraphs[0] * 3
    lines = [paragraph[start : start + 30] for start in range(0, len(paragraph), 30)]
    path = tmp_path / "book.txt"
    path.write_bytes("\n\n".join(["第一章", "\n".join(lines)] * 2).encode("shift_jis"))
    book = read_book(path)
    assert book.chapters[0].paragraphs[0].text == paragraph


ENGLISH = "The ferry was late, and he had to wait for it in the rain with his bag on his knees. "


def test_what_cannot_be_told_is_not() -> None:
    assert language_of(ENGLISH) == "en"
    assert language_of("") == ""
    assert language_of("1 2 3") == ""
    assert language_of("Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do.") == ""


def test_the_text_decides_where_the_file_says_nothing_or_cannot_be_right(tmp_path: Path) -> None:
    path = tmp_path / "book.epub"
    path.write_bytes(simple_epub())
    assert read_book(path).language == "en"
    korean = "".join(f"<p>{paragraph}</p>" for paragraph in TONGUES[0].paragraphs * 3)
    page = tmp_path / "page.html"
    for said, expected in (("en", "ko"), ("", "ko"), ("ko-KR", "ko-KR")):
        page.write_text(f'<html lang="{said}"><body>{korean}</body></html>', encoding="utf-8")
        assert read_book(page).language == expected
    english = f'<html lang="en-GB"><body><p>{ENGLISH * 5}</p></body></html>'
    page.write_text(english, encoding="utf-8")
    assert read_book(page).language == "en-GB"


def test_a_text_of_one_paragraph_a_line_keeps_its_paragraphs(tmp_path: Path) -> None:
    for tongue in TONGUES[:3]:
        lines = [encodable(text, tongue.codecs[0]) for text in tongue.paragraphs * 6]
        path = tmp_path / f"{tongue.tag}.txt"
        text = "\n".join(f"　{line}" for line in (tongue.headings[0], *lines))
        path.write_bytes(text.encode(tongue.codecs[0]))
        (chapter,) = read_book(path).chapters
        assert [paragraph.text for paragraph in chapter.paragraphs][-len(lines) :] == lines


def test_japanese_readings_and_typesetters_notes_go(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    lines = (
        "　老人は｜燈台《とうだい》の下に座った。［＃ここから２字下げ］",
        "海《うみ》は静かだった。",
    )
    path.write_bytes("\n\n".join(lines * 6).encode("shift_jis"))
    texts = [paragraph.text for paragraph in read_book(path).chapters[0].paragraphs]
    assert set(texts) == {"老人は燈台の下に座った。", "海は静かだった。"}
