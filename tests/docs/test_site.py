"""The pages become a site: without a warning, without the network, and without asking another host for anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from tests.vendor_pair.cluster import ROOT

LOADED = {
    "script": ("src",),
    "img": ("src", "srcset"),
    "iframe": ("src",),
    "source": ("src", "srcset"),
    "video": ("src", "poster"),
    "audio": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "use": ("href", "xlink:href"),
    "image": ("href", "xlink:href"),
    "form": ("action",),
    "link": ("href",),
}
"""What a browser fetches by itself, or sends to. What is only linked to (`a`) is not."""
ELSEWHERE = re.compile(r"^\s*(?:https?:)?//", re.IGNORECASE)
IN_STYLE = re.compile(r"(?:url\(\s*['\"]?|@import\s+['\"])((?:https?:)?//[^'\")\s]+)", re.IGNORECASE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    # Every proxy leads nowhere: what is asked for over the network fails.
    nowhere = dict.fromkeys(
        ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9"
    )
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(
        words, cwd=ROOT, env={**os.environ, **nowhere}, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class Loads(HTMLParser):
    """Collects what a page makes a browser fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.in_style = tag == "style"
        self.found += [values[name] for name in LOADED.get(tag, ()) if ELSEWHERE.match(values.get(name, ""))]
        self.found += IN_STYLE.findall(values.get("style", ""))

    def handle_data(self, data: str) -> None:
        if self.in_style:
            self.found += IN_STYLE.findall(data)


def loads(html: str) -> list[str]:
    """What a page fetches from another host."""
    reader = Loads()
    reader.feed(html)
    return reader.found


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    """No font, style, script, picture or form; whoever reads is not told to anybody."""
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    assert {page.name: found for page in pages if (found := loads(page.read_text(encoding="utf-8")))} == {}
    styles = [*site.rglob("*.css"), *site.rglob("*.svg")]
    assert {one.name: found for one in styles if (found := IN_STYLE.findall(one.read_text(encoding="utf-8")))} == {}


def test_that_is_seen_where_it_happens() -> None:
    """A test that can't fail would be none."""
    for html in (
        '<link rel="stylesheet" href="https://fonts.example/css">',
        '<script src="//cdn.example/x.js"></script>',
        "<style>@import 'https://cdn.example/x.css';</style>",
        '<p style="background: url(https://cdn.example/x.png)">',
    ):
        assert len(loads(html)) == 1, html
    assert loads('<a href="https://example.org">there</a><script src="assets/x.js"></script>') == []


def test_no_page_asks_the_theme_for_what_it_would_fetch(site: Path) -> None:
    """Its script fetches a library where a page has a diagram, and figures where the site names a repository."""
    for page in site.rglob("*.html"):
        html = page.read_text(encoding="utf-8")
        assert 'class="mermaid"' not in html
        assert 'data-md-component="source"' not in html


def test_the_site_names_no_place_that_it_comes_from(site: Path) -> None:
    """It can lie anywhere: no address of its own, no path of the machine that built it."""
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert not {"repo_url", "edit_uri", "site_url"} & settings.keys()
    for page in site.rglob("*.html"):
        html = page.read_text(encoding="utf-8")
        assert str(ROOT) not in html
        assert 'rel="canonical"' not in html


def test_lists_and_tables_became_lists_and_tables(site: Path) -> None:
    """A star or a bar that starts a line of text was meant for a list or a table."""
    for page in site.rglob("*.html"):
        html = re.sub(r"<pre.*?</pre>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        texts = [re.sub(r"<[^>]+>", "", text) for text in re.findall(r"<p>(.*?)</p>", html, re.DOTALL)]
        stray = [text for text in texts if re.search(r"^(?:\* |- |\d+\. |\||```)", text, re.MULTILINE)]
        assert stray == [], page.name


def nav_pages(entries: object) -> Iterator[str]:
    """The files that a nav names."""
    if isinstance(entries, str):
        yield entries
    for entry in entries if isinstance(entries, list) else entries.values() if isinstance(entries, dict) else ():
        yield from nav_pages(entry)


def test_every_page_is_found_by_its_readers() -> None:
    """Each stands once in the navigation, under the people it is for."""
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    pages = list(nav_pages(nav))
    assert sorted(pages) == sorted(str(one.relative_to(ROOT / "docs")) for one in (ROOT / "docs").rglob("*.md"))
    assert [name for entry in nav for name in entry][1:] == ["Admins", "Operators", "Integrators"]
