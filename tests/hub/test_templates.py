"""Templates of mails: what they may say, that they can do nothing else, and that no mail is lost over one."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.errors import UserError
from hub.notify import own_templates
from hub.notify.language import FILTERS, LONGEST_SOURCE
from hub.notify.templates import KINDS, Kind, Template, Variable, built_in, check, kind_named, read, render
from hub.notify.wording import LANGUAGES
from hub.store import tables as t
from tests.conftest import BOTH
from tests.harness import World
from tests.hub.test_cli import Shop, shop

__all__ = ["shop"]

ACCESS = KINDS["access"]
EVERY = list(itertools.product(KINDS.values(), LANGUAGES))
GOOD = "Code {{ code }}, or {{ link }}"


def named(value: object) -> str:
    return value.name if isinstance(value, Kind) else str(value)


# ── the built-in words ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("kind", "language"), EVERY, ids=named)
def test_the_built_in_words_say_everything_that_is_known(kind: Kind, language: str) -> None:
    """Door, window, code, link, booking; every metric of a ride; a user name; and the studio's own words, in text and
    HTML. They pass the check."""
    words = built_in(kind.name, language)
    assert check(kind, words) == []
    values = kind.samples(language)
    made = render(kind, language, values)
    assert made.html is not None
    for name in values.keys() - {"member_name", "opens_from", "opens_until"}:
        assert values[name] in made.text, name
        assert values[name] in made.html, name
    assert any(values[name] in made.subject for name in ("doors", "class_name", "tracker") if name in values)
    assert not any(values[one.name] in made.subject for one in kind.variables if not one.in_subject)
    assert made.problem == ""


@pytest.mark.parametrize(("kind", "language"), EVERY, ids=named)
def test_what_is_not_known_leaves_no_hole(kind: Kind, language: str) -> None:
    """No label without a value, no empty lines in a row, no dangling comma."""
    values = kind.samples(language)
    values |= {one.name: "" for one in kind.variables if one.optional}
    made = render(kind, language, values)
    assert "Code" not in made.text
    assert "http" not in made.text
    assert "\n\n\n" not in made.text
    assert made.text.splitlines()[0] in {"Hallo", "Hello"}
    assert not any(line.rstrip().endswith(":") for line in made.text.splitlines()[3:])


class Html(HTMLParser):
    """Collects what is open and what is asked of other hosts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.hosts: list[str] = []
        self.language = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "br"}:
            self.open.append(tag)
        given = dict(attrs)
        self.language = given.get("lang") or self.language
        self.hosts += [given[name] or "" for name in ("src", "href", "background") if name in given]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize(("kind", "language"), EVERY, ids=named)
def test_the_html_part_is_whole_and_loads_nothing(kind: Kind, language: str) -> None:
    """It says its language to a screen reader, and nobody learns that it was opened."""
    found = Html(render(kind, language, kind.samples(language)).html or "")
    assert found.open == []
    assert found.language == language
    samples = kind.samples(language)
    assert found.hosts == [samples[name] for name in ("link", "page_link") if name in samples]


# ── own words ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{{ ''.__class__.__mro__ }}", "a variable with a dot can't be used"),
        ("{{ code['x'] }}", r"a variable with \[ \] can't be used"),
        ("{% for i in range(10**9) %}x{% endfor %}", "a loop can't be used"),
        ("{{ range(10**9) }}", "a call with"),
        ("{{ 9**9**9 }}", "arithmetic can't be used"),
        ("{{ 'a' * 10**9 }}", "arithmetic can't be used"),
        ("{{ code|attr('__class__') }}", "there is no filter 'attr'"),
        ("{{ code|center(10000000000) }}", "there is no filter 'center'"),
        ("{{ words|safe }}", "there is no filter 'safe'"),
        ("{% include '/etc/passwd' %}", "{% include %} can't be used"),
        ("{% import 'x' as x %}", "{% import %} can't be used"),
        ("{% extends 'x' %}", "{% extends %} can't be used"),
        ("{% set x = code ~ code %}", "{% set %} can't be used"),
        ("{% macro x() %}{% endmacro %}", "{% macro %} can't be used"),
        ("{{ self }}", "there is no variable 'self'"),
        ("{{ lipsum }}", "there is no variable 'lipsum'"),
        ("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", "can't be read"),
        ("{% if code %}" * 200 + "{% endif %}" * 200, "can't be read"),
        ("{{ " + "9" * 5000 + " }}", "can't be read"),
        ("{{ code(", "can't be read"),
        ("{{ code > 3 }}", "can't be filled"),
        ("x" * (LONGEST_SOURCE + 1), "is longer than 20,000"),
        ("{{ words }}" * 1800, "makes more than 200,000"),
    ],
    ids=lambda value: value[:30],
)
def test_a_template_that_does_more_than_show_is_refused(body: str, said: str) -> None:
    """It reaches no Python, no file, and neither time nor memory without end; text and HTML alike."""
    kind = Kind("access", "", tuple(_longer(ACCESS)))
    for template in (Template("s", body), Template("s", GOOD, body)):
        with pytest.raises(UserError, match=said) as raised:
            check(kind, template)
        assert raised.value.code == "template"


def _longer(kind: Kind) -> Iterator[Variable]:
    """The variables, with words as long as they may be."""
    for one in kind.variables:
        yield replace(one, samples=dict.fromkeys(LANGUAGES, "w" * 2000)) if one.name == "words" else one


def test_a_variable_that_there_is_not_is_refused_by_its_name_and_line() -> None:
    """With those that there are; also where it is asked for only, and lines are those of the file."""
    for body in (
        "Hello\n\n{{ nmae }}",
        "Hello\n\n{% if nmae %}x{% endif %}",
        "Hello\n{% if code %}\n{{ nmae }}{% endif %}",
    ):
        with pytest.raises(UserError, match="the text, line 5: there is no variable 'nmae'") as raised:
            check(ACCESS, Template("Hi", body))
        assert "member_name" in raised.value.fix
    with pytest.raises(UserError, match="the HTML part, line 2: there is no variable 'nmae'"):
        check(ACCESS, Template("Hi", GOOD, "<p>\n{{ nmae }}"))


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("", "it is empty"),
        ("{{ given_name }}", "it is empty"),
        ("Hi\nBcc: all@example.org", "one line"),
        ("Code {{ code }}", "subjects are shown in lists"),
        ("{{ link }}", "subjects are shown in lists"),
        ("{{ nmae }}", "there is no variable 'nmae'"),
    ],
)
def test_a_subject_is_one_line_never_empty_and_opens_no_door(subject: str, said: str) -> None:
    """Whatever is known about a member."""
    with pytest.raises(UserError, match=f"the subject: .*{said}"):
        check(ACCESS, Template(subject, GOOD))


def test_who_leaves_out_the_code_is_told() -> None:
    """A mail without it may be meant; an oversight is dear."""
    (note,) = check(ACCESS, Template("Hi", "Open: {{ link }}"))
    assert "does not show code" in note


@pytest.mark.parametrize(
    "body",
    [
        "{% if code and not code %}{{ code }}{% endif %} Hello {{ link }}",
        "{{ code | length }} Hello {{ link }}",
        "{# {{ code }} #} Hello {{ link }}",
    ],
)
def test_a_code_that_is_named_and_never_shown_is_told(body: str) -> None:
    """What counts is what a member reads."""
    assert [note.split(" (")[0] for note in check(ACCESS, Template("Hi", body))] == ["the text does not show code"]


def test_a_code_that_is_shown_where_there_is_no_link_is_fine() -> None:
    assert check(ACCESS, Template("Hi", "{% if link %}{{ link }}{% else %}{{ code }}{% endif %} Bye")) == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("Hi\n{% if code %}x", "line 4: {% if %} is not closed: {% endif %} is missing"),
        ("Hi\n{% endif %}x", "line 4: {% endif %} does not belong there"),
        ("Hi {{ code", "line 3: {{ is not closed: }} is missing"),
        ("Hi\n\n{{ code } x", "line 5: what stands between {{ }} or {% %} can't be read; there is only"),
        ("Hi {# code", "line 3: {# is not closed"),
    ],
)
def test_what_is_not_closed_is_told_in_plain_words_with_its_line(body: str, said: str) -> None:
    with pytest.raises(UserError) as raised:
        check(ACCESS, Template("Hi", body))
    assert f"the text, {said}" in raised.value.what


def test_lines_with_a_tag_alone_are_no_lines_in_the_mail() -> None:
    """And a line that ends with a tag stays a line."""
    template = Template(
        "Hi", "Hello{% if given_name %} {{ given_name }}{% endif %}\n  {% if code %}\nA\n{% endif %}\nB\n"
    )
    assert render(ACCESS, "en", ACCESS.samples("en"), template).text == "Hello Anna\nA\nB\n"
    template = Template("Hi", "Hello\n{%- if code -%}\n!\n{%- endif %}\n\nB\n")
    assert render(ACCESS, "en", ACCESS.samples("en"), template).text == "Hello!\nB\n"


def test_a_value_is_text_and_never_markup_or_template() -> None:
    """In HTML it is escaped, in the text it stands as it is; what stands in a name is not run."""
    odd = '<b>Anna</b> {{ code }} & "Co"'
    made = render(ACCESS, "en", ACCESS.samples("en") | {"given_name": odd, "words": "<i>one</i>\ntwo"})
    assert f"Hello {odd}\n" in made.text
    assert made.html is not None
    assert "&lt;b&gt;Anna&lt;/b&gt; {{ code }} &amp; &#34;Co&#34;" in made.html
    assert "&lt;i&gt;one&lt;/i&gt;<br>\ntwo" in made.html


def test_a_line_break_in_a_name_makes_no_header() -> None:
    """Subjects are one line, however they come."""
    own = Template("For {{ given_name }}", GOOD)
    made = render(ACCESS, "en", ACCESS.samples("en") | {"given_name": "Anna\r\nBcc: all@example.org"}, own)
    assert made.subject == "For Anna Bcc: all@example.org"


@pytest.mark.parametrize(
    "own",
    [
        Template("Hi", "{{ gone }}"),
        Template("Hi", "{{ code }}", "{{ gone }}"),
        Template("{{ code }}", "x"),
        Template("Hi", "{% for x in code %}"),
        Template("Hi", "{{ code > 3 }}"),
        Template("Hi", "  "),
    ],
    ids=lambda own: f"{own.subject} {own.body}",
)
def test_a_mail_is_not_lost_over_its_template(own: Template) -> None:
    """The built-in words go out, all of them, and what is wrong is told without what the mail says."""
    values = ACCESS.samples("de")
    made, usual = render(ACCESS, "de", values, own), render(ACCESS, "de", values)
    assert (made.subject, made.text, made.html) == (usual.subject, usual.text, usual.html)
    assert "access (de) can't be used" in made.problem
    assert values["code"] not in made.problem


def test_own_words_without_html_make_a_mail_of_plain_text() -> None:
    """No built-in HTML part says something else beside them."""
    made = render(ACCESS, "en", ACCESS.samples("en"), Template("Hi {{ given_name }}", GOOD))
    assert (made.subject, made.html) == ("Hi Anna", None)
    assert made.text == "Code 493827, or https://open.example/x7Kp\n"


def test_a_file_is_read_as_it_is_shown() -> None:
    """Subject, empty line, text."""
    words = built_in("access", "de")
    again = read(words.file, name="x")
    assert (again.subject, again.body) == (words.subject, words.body)
    for text in ("", "Hello\n\nx", "Subject: x\nHello", "Betreff: x\n\ny"):
        with pytest.raises(UserError, match="x does not begin with a subject"):
            read(text, name="x")


def test_a_kind_that_there_is_not_is_told() -> None:
    """With the nearest that there is."""
    with pytest.raises(UserError, match="did you mean 'access'"):
        kind_named("acess")


@BOTH
async def test_a_studio_keeps_its_own_words(world: World) -> None:
    """For one language, until it goes back; each change is written down, and what was refused changes nothing."""
    hub = world.hub
    first, second = Template("One", GOOD), Template("Two", GOOD, "<p>{{ code }}")
    now = world.clock.now()
    async with hub.database.write() as db:
        for template in (first, second):
            await own_templates.save(db, hub.the_studio, "access", "de", template, who="test", now=now)
        bad = Template("Three", "{{ nmae }}")
        with pytest.raises(UserError, match="nmae"):
            await own_templates.save(db, hub.the_studio, "access", "de", bad, who="test", now=now)
    async with hub.database.write() as db:
        assert await own_templates.load(db, hub.the_studio.id) == {("access", "de"): second}
        assert await own_templates.load(db, hub.the_studio.id + 1) == {}
        assert await own_templates.reset(db, hub.the_studio, "access", "de", who="test", now=now)
        assert not await own_templates.reset(db, hub.the_studio, "access", "de", who="test", now=now)
        assert await own_templates.load(db, hub.the_studio.id) == {}
        acts = (await db.execute(select(t.audit.c.act, t.audit.c.subject).where(t.audit.c.act != "import"))).all()
    assert list(map(tuple, acts)) == [("mail save", "access de")] * 2 + [("mail reset", "access de")]


# ── typed ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_words_are_shown_changed_tried_and_taken_back(shop: Shop, tmp_path: Path) -> None:
    """What `show` prints is what `save` takes."""
    shop.ready()
    listed = shop("mail", "templates", "--json").json
    assert {(row["kind"], row["language"], row["own"]) for row in listed} == {
        (kind.name, language, False) for kind, language in EVERY
    }
    file, html = tmp_path / "words.txt", tmp_path / "words.html"
    file.write_text(shop("mail", "show", "access").out.replace("Hallo", "Sali"), encoding="utf-8")
    html.write_text("<p>{{ code }}<br>{{ link }}</p>")
    saved = shop("mail", "save", "access", "--language", "de", str(file), "--html", str(html))
    assert (saved.code, "your own words" in saved.out, "▲" in saved.out) == (0, True, False)
    assert shop("mail", "show", "access", "--language", "de").out == file.read_text(encoding="utf-8")
    assert shop("mail", "show", "access", "--html").out == html.read_text()
    tried = shop("mail", "preview", "access")
    assert "Sali Anna" in tried.out
    assert "Studio Nordlicht" in tried.out
    assert "493827" in shop("mail", "preview", "access", "--html").out
    assert "Hello Anna" in shop("mail", "preview", "access", "--language", "en").out
    assert "your own" in shop("mail", "templates").out
    assert shop("mail", "reset", "access", "--language", "de").code == 0
    assert "Hallo" in shop("mail", "show", "access").out
    assert "built-in words already" in shop("mail", "reset", "access", "--language", "de").out
    audit = " ".join(shop("audit").out.split())
    assert "mail save access de" in audit
    assert "mail reset access de" in audit


def test_a_file_that_can_not_be_a_template_is_refused(shop: Shop, tmp_path: Path) -> None:
    """By name and line, with what to do; nothing is saved."""
    shop.ready()
    file = tmp_path / "words.txt"
    for content, said in (
        (b"Hello", "words.txt does not begin with a subject"),
        (b"Subject: x\n\n{{ code }}\n{{ nmae }}", "the text, line 4: there is no variable 'nmae'"),
        (b"Subject: \xff", "is not UTF-8"),
    ):
        file.write_bytes(content)
        typed = shop("mail", "save", "access", "--language", "de", str(file))
        assert (typed.code, typed.out) == (2, "")
        assert said in typed.err
    assert "can't be read" in shop("mail", "save", "access", "--language", "de", str(tmp_path / "no.txt")).err
    assert "did you mean 'access'" in shop("mail", "variables", "acess").err
    assert "your own" not in shop("mail", "templates").out


def test_variables_are_listed_with_what_they_are(shop: Shop) -> None:
    """Also which may be empty, and which stay out of the subject."""
    rows = {row["name"]: row for row in shop("mail", "variables", "access", "--json").json}
    assert rows.keys() == {one.name for one in ACCESS.variables}
    assert (rows["code"]["may_be_empty"], rows["code"]["in_subject"], rows["doors"]["in_subject"]) == (
        True,
        False,
        True,
    )
    shown = shop("mail", "variables", "access").out
    assert all(one.meaning in shown for one in ACCESS.variables)


def test_words_without_the_code_are_saved_with_a_warning(shop: Shop, tmp_path: Path) -> None:
    """It may be meant."""
    shop.ready()
    file = tmp_path / "words.txt"
    file.write_text("Subject: Hi\n\nOpen: {{ link }}\n")
    typed = shop("mail", "save", "access", "--language", "en", str(file))
    assert (typed.code, "does not show code" in typed.out) == (0, True)
    for command in ("show", "preview"):
        typed = shop("mail", command, "access", "--language", "en", "--html")
        assert (typed.code, "has no HTML part" in typed.err) == (2, True)


@pytest.mark.parametrize("words", [["save", "access", "words.txt"], ["reset", "access"]])
def test_words_without_their_language_are_refused_plainly(shop: Shop, words: list[str]) -> None:
    shop.ready()
    typed = shop("mail", *words)
    assert (typed.code, typed.err.splitlines()[0]) == (2, "✖ say in which language the words are")
    assert f"`studiohub mail {words[0]} access --language de …`" in typed.err


def test_what_the_page_about_mail_shows_works(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its table, its template and its commands, as they stand there; and it names every kind and filter."""
    page = (Path(__file__).parents[2] / "docs" / "mail.md").read_text(encoding="utf-8")
    table, commands, template = (part.strip("\n") for part in re.findall(r"```(?:\w*)\n(.*?)```", page, re.DOTALL))
    shop.ready()
    (tmp_path / "mail.toml").write_text(table, encoding="utf-8")
    assert shop("import", str(tmp_path / "mail.toml")).code == 0
    monkeypatch.chdir(tmp_path)
    for line in commands.splitlines():
        words = shlex.split(line, comments=True)
        typed = shop(*words[1 : words.index(">") if ">" in words else None])
        assert typed.code == 0, line
        if ">" in words:
            Path(words[-1]).write_text(template, encoding="utf-8")
        if "preview" in words:
            assert "Your code is 493827.\nOr open it here: https://open.example/x7Kp\nBitte bring" in typed.out
    assert all(f"| `{kind}` |" in page for kind in KINDS)
    assert all(f"`{name}`" in page for name in FILTERS)
