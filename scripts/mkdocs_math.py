"""A hook of mkdocs: formulas become MathML when the site is built, so no page needs a script."""

from __future__ import annotations

import html
import re
from typing import Any

_BLOCK = re.compile(r'<div class="arithmatex">\\\[(.*?)\\\]</div>', re.DOTALL)
_INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)


def on_page_content(content: str, **_: Any) -> str:
    """Replace what `pymdownx.arithmatex` found in a page."""
    from latex2mathml.converter import convert

    def block(found: re.Match[str]) -> str:
        formula = convert(html.unescape(found[1]).strip(), display="block")
        return f'<div class="formula" tabindex="0">{formula}</div>'

    def inline(found: re.Match[str]) -> str:
        return convert(html.unescape(found[1]).strip())

    return _INLINE.sub(inline, _BLOCK.sub(block, content))
