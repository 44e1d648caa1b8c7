"""The HTML form: one file, no script, no request, and whatever a book holds shows as text."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import html

from infinisum.document import to_html, write_document
from infinisum.summary.summary import BookMap, Summary
from tests.document.samples import passage, sample, written

HOSTILE = '<script>alert(1)</script> {{ 7 * 7 }} {% raw %} "><img src=x onerror=alert(1)> & $x^2$'


def page(summary: Summary) -> html.HtmlElement:
    return html.document_fromstring(to_html(summary).encode())


def text_of(summary: Summary) -> str:
    return " ".join(page(summary).xpath("string(//body)").split())


def hostile() -> Summary:
    """A summary in which every text that comes from a book tries to break out."""
    base = sample()
    return replace(
        base,
        title=HOSTILE,
        author=HOSTILE,
        language='"><script>',
        part=HOSTILE,
        sentences=(written(HOSTILE), written(HOSTILE, 0.1)),
        passages=(passage(HOSTILE),),
        chapters=tuple(
            replace(chapter, title=HOSTILE, parts=(HOSTILE,), passages=(passage(HOSTILE),))
            for chapter in base.chapters
        ),
        people=tuple(
            replace(p, name=HOSTILE, variants=(HOSTILE, "other " + HOSTILE)) for p in base.people
        ),
        places=tuple(replace(p, name=HOSTILE, variants=(HOSTILE,)) for p in base.places),
        grounding=replace(base.grounding, unsupported_sentences=(HOSTILE,)),
        left_out=tuple(replace(item, what=HOSTILE) for item in base.left_out),
    )


def test_what_a_reader_looks_for_is_there() -> None:
    text = text_of(sample())
    for expected in (
        "The Small Harbour", "by A. Tester", "12,345 words", "Anna waits.", "She waited.",
        "1 · The Quay", "Part One", "1,200", "Miss Brook", "the Quay", "unsupported",
        "Hale returns.", "18.5", "Imprint", "geometric mean",
    ):  # fmt: skip
        assert expected in text, expected


def test_evidence_is_behind_each_supported_sentence() -> None:
    details = page(sample()).xpath("//section[@aria-labelledby='summary']//details")
    assert [" ".join(d.xpath("string(summary)").split()) for d in details] == ["1 ¶ 3"]
    assert "She waited at the quay | for *him*." in details[0].text_content()
    assert details[0].xpath(".//a/@href") == ["#chapter-1"]


def test_every_link_leads_somewhere_in_the_page() -> None:
    for summary in (sample(), replace(sample(), making=replace(sample().making, level="book"))):
        root = page(summary)
        ids = root.xpath("//@id")
        assert len(ids) == len(set(ids))
        links = root.xpath("//a/@href")
        assert links
        assert {link.removeprefix("#") for link in links} <= set(ids)


@pytest.mark.parametrize("summary", [sample(), hostile()], ids=["plain", "hostile"])
def test_nothing_is_loaded_and_nothing_runs(summary: Summary) -> None:
    root = page(summary)
    assert not root.xpath("//script | //iframe | //object | //embed | //img | //link | //form")
    assert not [name for e in root.iter() for name in map(str, e.attrib) if name.startswith("on")]
    for reference in root.xpath("//@href | //@src | //@*[name()='xlink:href']"):
        assert reference.startswith("#"), reference
    text = to_html(summary)
    for address in re.findall(r"(?:https?:)?//[\w.-]+", text.replace("<!--", "")):
        # Names of XML vocabularies are no requests.
        assert address in {"http://www.w3.org"}, address
    assert "default-src 'none'" in text


def test_what_a_book_holds_shows_as_it_is() -> None:
    text = text_of(hostile())
    shown = " ".join(HOSTILE.split())
    assert text.count(shown) >= 12
    assert "49" not in text
    root = page(hostile())
    assert root.xpath("//h1")[0].text_content() == HOSTILE
    labels = " ".join(root.xpath("//*[name()='svg']//*[name()='text']/text()"))
    assert "<script>alert(1)" in labels  # names beside their rows, cut short


def test_the_same_summary_gives_the_same_bytes() -> None:
    assert to_html(sample()) == to_html(sample())


def test_charts_are_drawn_in_the_colours_of_the_page_and_say_what_they_show() -> None:
    root = page(sample())
    charts = root.xpath("//figure/*[name()='svg']")
    assert len(charts) == 5
    for chart in charts:
        assert chart.get("role") == "img"
        assert len(chart.get("aria-label")) > 20
        assert chart.getparent().xpath("string(figcaption)")
        drawn = html.tostring(chart, encoding="unicode")
        assert set(re.findall(r"#[0-9a-f]{6}\b", drawn)) <= {"#000000"}
        assert "var(--accent)" in drawn


def test_what_is_measured_of_the_state_and_what_is_reckoned_is_said() -> None:
    (caption,) = page(sample()).xpath("//svg[@id='chart-state']/following-sibling::figcaption")
    said = caption.text_content()
    assert "counted once, after the last page" in said
    assert f"reckoned: {sample().map.attention_bytes_per_token:,} bytes for each token" in said


def test_without_anything_to_draw_there_is_no_empty_chart() -> None:
    empty = replace(
        sample(),
        text="", sentences=(), passages=(), people=(), places=(), rouge=(), left_out=(),
        source_tokens=0,
        map=BookMap((None, None), (), (), (), 0),
        grounding=replace(sample().grounding, coverage_words=(0,) * 10),
    )  # fmt: skip
    root = page(empty)
    assert not root.xpath("//figure")
    assert root.xpath("//h2/text()")


def test_headings_go_down_one_level_at_a_time() -> None:
    levels = [int(e.tag[1]) for e in page(sample()).iter("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1


@pytest.mark.parametrize(("width", "dark"), [(390, False), (390, True), (1280, False)])
def test_a_browser_shows_it_without_scrolling_sideways(
    tmp_path: Path, width: int, dark: bool
) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("no Chromium here")
    report = tmp_path / "report.html"
    write_document(hostile(), report)
    # A page of ours holds the report in a frame of the width of the screen and writes down what it
    # finds there; the report itself runs no script.
    probe = tmp_path / "probe.html"
    probe.write_text(
        f"""<iframe id=f src=report.html style="width:{width}px;height:800px;border:0"></iframe>
        <pre id=out></pre><script>f.onload = () => {{
        const d = f.contentDocument, e = d.documentElement, s = d.querySelector('details.evidence');
        s.querySelector('summary').click();
        out.textContent = JSON.stringify({{wide: e.scrollWidth - e.clientWidth, open: s.open,
          paper: f.contentWindow.getComputedStyle(d.body).backgroundColor,
          seen: s.querySelector('blockquote').getBoundingClientRect().height > 10,
          scripts: d.scripts.length}});
        }}</script>""",
        encoding="utf-8",
    )
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
        "--no-first-run", "--disable-background-networking", "--disable-component-update",
        "--disable-sync", "--allow-file-access-from-files", f"--user-data-dir={tmp_path / 'user'}",
        "--virtual-time-budget=5000", "--dump-dom", probe.as_uri(),
    ]  # fmt: skip
    if dark:
        command.insert(1, "--blink-settings=preferredColorScheme=0")
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'<pre id="out">(\{.*?\})</pre>', result.stdout)
    assert found, result.stdout[-500:] + result.stderr[-500:]
    paper = "rgb(26, 25, 23)" if dark else "rgb(253, 252, 249)"
    assert found[1] == (f'{{"wide":0,"open":true,"paper":"{paper}","seen":true,"scripts":0}}')
