"""A run's page as one file that stands alone: its styles inside, its charts inline, nothing that is fetched or led to."""

import base64
import hashlib
import re
from html import escape
from html.parser import HTMLParser
from pathlib import Path

from django.contrib.staticfiles import finders
from django.template.loader import render_to_string

from backtests.models import BacktestRun
from backtests.report_page import judged_context
from backtests.run_page import run_context
from backtests.trials import trials_known

FRAME = "backtests/alone.html"
STYLES = "<!-- styles -->"
DROPPED = {"script", "form", "button", "input", "select", "textarea", "iframe", "object", "embed", "noscript"}
EMPTY = {"input", "embed"}  # of these, those without an end
OUTSIDE = {"src", "srcset", "action", "formaction", "poster", "data", "ping", "style"}


def html_of(run: BacktestRun) -> str:
    """The file. It needs no database: a run that was never kept has none. No part of it leads outside: no link but to its
    own parts, no script, no form; its policy lets it load nothing and style itself by its one sheet."""
    context = run_context(run) | {"frame": FRAME}
    if run.result:
        context |= judged_context(run.result, trials_known(run))
    page = render_to_string("backtests/detail.html", context)
    reader = _Alone()
    reader.feed(page)
    reader.close()
    styles = "\n".join(_sheet(name) for name in reader.sheets)
    sheet = f"<style>{styles}</style>"
    digest = base64.b64encode(hashlib.sha256(styles.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n  {sheet}'
    return "".join(reader.parts).replace(STYLES, head, 1)


def _sheet(name: str) -> str:
    """A style sheet of ours, without what it would load."""
    path = finders.find(name)
    if not isinstance(path, str):
        return ""
    text = Path(path).read_text(encoding="utf-8")
    return re.sub(r"(?:@import[^;]*;)|url\([^)]*\)", "", text).replace("</", "<\\/")


class _Alone(HTMLParser):
    """Takes out of a page what does not work without its site; `sheets` are the style sheets that it asked for."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.parts: list[str] = []
        self.sheets: list[str] = []
        self._inside = 0  # elements that are dropped, one in the other
        self._links: list[str] = []  # what each open link has become

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "link":
            self._link(dict(attrs))
        elif tag in DROPPED:
            self._inside += tag not in EMPTY
        elif not self._inside:
            if tag == "a":  # what leads outside is plain text here
                tag = "a" if any(name == "href" and _stays(name, value or "") for name, value in attrs) else "span"
                self._links.append(tag)
            self.parts.append(_tag(tag, attrs))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "link":
            self._link(dict(attrs))
        elif tag not in DROPPED and not self._inside:
            self.parts.append(_tag(tag, attrs, " /"))

    def handle_endtag(self, tag: str) -> None:
        if tag in DROPPED:
            self._inside -= tag not in EMPTY
        elif not self._inside:
            tag = self._links.pop() if tag == "a" and self._links else tag
            self.parts.append(f"</{_written(tag)}>")

    def handle_data(self, data: str) -> None:
        self._keep(data)

    def handle_entityref(self, name: str) -> None:
        self._keep(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._keep(f"&#{name};")

    def handle_comment(self, data: str) -> None:
        if f"<!--{data}-->" == STYLES:
            self._keep(STYLES)

    def handle_decl(self, decl: str) -> None:
        self._keep(f"<!{decl}>")

    def _keep(self, text: str) -> None:
        if not self._inside:
            self.parts.append(text)

    def _link(self, attrs: dict[str, str | None]) -> None:
        address = attrs.get("href") or ""
        if attrs.get("rel") == "stylesheet" and "/static/" in address:
            self.sheets.append(address.split("/static/", 1)[1])


def _tag(tag: str, attrs: list[tuple[str, str | None]], end: str = "") -> str:
    kept = [(name, value) for name, value in attrs if _stays(name, value or "")]
    written = "".join(f" {_written(name)}" + ("" if value is None else f'="{escape(value)}"') for name, value in kept)
    return f"<{_written(tag)}{written}{end}>"


def _stays(name: str, value: str) -> bool:
    """Whether an attribute leads nowhere outside."""
    if name in {"href", "xlink:href"}:
        return value.startswith("#")
    return name not in OUTSIDE and not name.startswith("on")


def _written(name: str) -> str:
    """The parser writes all names small; SVG minds."""
    return {
        "viewbox": "viewBox", "preserveaspectratio": "preserveAspectRatio", "lineargradient": "linearGradient",
        "clippath": "clipPath", "textlength": "textLength", "lengthadjust": "lengthAdjust", "markerwidth": "markerWidth",
        "markerheight": "markerHeight", "refx": "refX", "refy": "refY", "gradientunits": "gradientUnits",
        "patternunits": "patternUnits", "clippathunits": "clipPathUnits", "pathlength": "pathLength",
        "gradienttransform": "gradientTransform", "patterntransform": "patternTransform",
    }.get(name, name)  # fmt: skip
