"""No secret is ever written, and nothing else is changed on the way."""

from __future__ import annotations

import base64
import json
import secrets
import time
import tomllib
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from hub import redact
from hub.errors import RetryLater
from hub.redact import MASK

SECRET = 'sK/9 "ü"+x=1'
"""Awkward on purpose: it changes its shape in addresses, JSON, forms and Python's quotes."""


def basic(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(SECRET, id="alone"),
        pytest.param(f"got {SECRET}, sorry", id="in-a-sentence"),
        pytest.param(f"x{SECRET}y{SECRET}", id="glued"),
        pytest.param(f"https://vendor.test/v1/things?key={quote(SECRET, safe='')}", id="in-an-address"),
        pytest.param(f"a=1&key={quote_plus(SECRET)}&b=2", id="in-a-form"),
        pytest.param(json.dumps({"note": SECRET}), id="in-json"),
        pytest.param(repr({"note": SECRET}), id="in-a-repr"),
        pytest.param(base64.b64encode(SECRET.encode()).decode(), id="in-base64"),
    ],
)
def test_a_registered_value_is_replaced_in_every_shape_it_travels_in(written: str) -> None:
    """Whoever registered a secret need not think of how it will be written."""
    redact.know(SECRET)
    masked = redact.mask(written)
    assert MASK in masked
    for shape in (SECRET, quote(SECRET, safe=""), quote_plus(SECRET), json.dumps(SECRET)[1:-1], repr(SECRET)[1:-1]):
        assert shape not in masked


def test_a_login_is_replaced_as_it_travels() -> None:
    """The header of a Basic login holds user and password as one word."""
    redact.know_login("studio", "open sesame")
    for written in (f"Basic {basic('studio', 'open sesame')}", "open sesame", basic("studio", "open sesame")):
        assert "sesame" not in redact.mask(written)
        assert basic("studio", "open sesame").rstrip("=") not in redact.mask(written)


def test_the_password_of_a_registered_address_is_replaced_alone_too() -> None:
    """A driver may name the password without the address."""
    redact.know_url("postgresql://hub:p%40ss-word@db.test/studio")
    assert redact.mask("authentication with p@ss-word failed") == f"authentication with {MASK} failed"
    assert redact.mask("authentication with p%40ss-word failed") == f"authentication with {MASK} failed"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("smtp://user:pa55@mail.test:25", f"smtp://{MASK}@mail.test:25"),
        ("smtp://user:p@a:55@mail.test", f"smtp://{MASK}@mail.test"),
        ("postgresql+asyncpg://hub:x@h/db?a=1 failed", f"postgresql+asyncpg://{MASK}@h/db?a=1 failed"),
        ("https://:pa55@h/", f"https://{MASK}@h/"),
        ("postgresql://hub@h/db", "postgresql://hub@h/db"),
        ("https://h:8081/v1/user@example.com", "https://h:8081/v1/user@example.com"),
        ("see http://a.test:80, or write to a@b.test", "see http://a.test:80, or write to a@b.test"),
    ],
)
def test_the_login_in_an_address_goes_and_the_address_stays(address: str, shown: str) -> None:
    """Where it went wrong may be read; who with, not."""
    assert redact.mask(address) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"api_secret": "hunter2", "site": 5}', f'{{"api_secret": "{MASK}", "site": 5}}'),
        ('{"apiSecret":"a\\"b","x":1}', f'{{"apiSecret":"{MASK}","x":1}}'),
        ("{'client_secret': 'hunter2'}", f"{{'client_secret': '{MASK}'}}"),
        ('{"pinCode": 482913}', f'{{"pinCode": {MASK}}}'),
        ('"{\\"password\\": \\"hunter2\\"}"', f'"{{\\"password\\": {MASK}'),
        ('api_key = "hunter2" # from the portal', f'api_key = "{MASK}" # from the portal'),
        ("access_token = 'hunter2'", f"access_token = '{MASK}'"),
        ("GET /v1?token=hunter2&page=2", f"GET /v1?token={MASK}&page=2"),
        ("GET /v1?page=2&api-key=hunter2", f"GET /v1?page=2&api-key={MASK}"),
        ("Authorization: Basic dXNlcjpwdw==", f"Authorization: {MASK}"),
        ("authorization: bearer abcdef", f"authorization: {MASK}"),
        ("Authorization: hunter2", f"Authorization: {MASK}"),
        ("X-Webhook-Secret: hunter2", f"X-Webhook-Secret: {MASK}"),
        ("x-api-key: hunter2\nhost: a", f"x-api-key: {MASK}\nhost: a"),
        ("Cookie: sid=hunter2; other=hunter2", f"Cookie: {MASK}"),
        ("set-cookie: sid=hunter2; Path=/\nhost: a", f"set-cookie: {MASK}\nhost: a"),
        ("smtp_password=hunter2", f"smtp_password={MASK}"),
        ("the password: hunter2", f"the password: {MASK}"),
        ("pin: 4829", f"pin: {MASK}"),
        ("tokens: ['hunter2', 'hunter2']", f"tokens: {MASK}"),
        ("they sent Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc back", f"they sent Bearer {MASK} back"),
        (f"api_secret={MASK}", f"api_secret={MASK}"),
    ],
)
def test_what_stands_behind_the_name_of_a_secret_is_replaced(text: str, shown: str) -> None:
    """A secret that nobody registered is caught by its name: in JSON, headers, queries, TOML, Python."""
    masked = redact.mask(text)
    assert "hunter2" not in masked
    assert masked.startswith(shown)


@pytest.mark.parametrize(
    "text",
    [
        'Write api_secret = { env = "NAME" } or { file = "PATH" } in the studio file.',
        "Write api_secret=env:NAME or api_secret=file:PATH, or leave it out to be asked.",
        "[[connections]] 'door': api_secret: Input should be a valid string",
        '{"password": null, "token": none, "secret": true}',
        "api_secret is missing",
        "connection 'door' needs api_secret",
        "valid: api_key, api_secret, base_url",
        "unknown key 'api_secrt'; did you mean \"api_secret\"?",
        '{"token_type": "bearer", "expires_in": 3600}',
        "the secret: keep it short",
        "Basic functionality, and the bearer of this badge",
        "there is no key: 'x'",
        "spin: 1234; key: 5",
        "Anna Graf (desk:4711) has access until 30 Nov 2026 14:00",
        "●◐○✖ 3 created  2 held → studiohub approve p1a2b3",
        "door: POST /v1/person answered 503",
        "password=\nthe next line",
        "",
        "•••",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    """A sentence that only speaks of a secret can still be read, and so can what to type."""
    redact.know("hunter2", "482913", "0042", "9f8e7d6c5b4a39281706")
    assert redact.mask(text) == text


@pytest.mark.parametrize(
    ("secret", "text", "shown"),
    [
        ("4829", "it is 4829.", f"it is {MASK}."),
        ("4829", "code=4829&x", f"code={MASK}&x"),
        ("4829", "nr 148290 of 24829", "nr 148290 of 24829"),
        ("482913", "T482913B", f"T{MASK}B"),
        ("demo", "a demonstration of the demo", f"a demonstration of the {MASK}"),
        ("abc", "abc", "abc"),
    ],
)
def test_a_short_secret_is_replaced_only_where_it_stands_alone(secret: str, text: str, shown: str) -> None:
    """A code of four digits is part of many numbers; three characters are part of everything."""
    redact.know(secret)
    assert redact.mask(text) == shown


def test_of_two_secrets_the_longer_one_is_replaced_whole() -> None:
    """Nothing is left of a secret that begins like another."""
    redact.know("correct-horse", "correct-horse-battery")
    assert redact.mask("correct-horse-battery correct-horse") == f"{MASK} {MASK}"


@given(st.text(min_size=8, max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_a_registered_value_never_comes_through(secret: str, before: str, after: str) -> None:
    """Whatever stands around it."""
    redact.forget_all()
    redact.know(secret)
    assert secret not in redact.mask(before + secret + after).replace(MASK, "\0")


@given(st.text(max_size=200))
def test_masking_twice_is_masking_once(text: str) -> None:
    """Every layer may mask without knowing whether another one did."""
    once = redact.mask(text)
    assert redact.mask(once) == once


def test_masked_json_and_toml_can_still_be_read() -> None:
    """Only the value goes, not the quotes around it."""
    document = {"api_key": "hunter2", "list": [{"password": 'a"b\\'}], "name": "door"}
    masked = json.loads(redact.mask(json.dumps(document)))
    assert masked == {"api_key": MASK, "list": [{"password": MASK}], "name": "door"}
    assert tomllib.loads(redact.mask('name = "door"\napi_secret = "hunter2"\n')) == {"name": "door", "api_secret": MASK}


@dataclass
class Thing:
    note: str
    sealed: SecretStr


def test_values_in_mappings_and_sequences_are_replaced_by_name_and_by_value() -> None:
    """The trace prints arguments of any shape."""
    redact.know("a-registered-one")
    shown = redact.mask_value(
        {
            "api_secret": "x",
            "headers": {"Authorization": "y", "Accept": "json"},
            "tokens": ["z", "z"],
            "code": 482913,
            "pin": "",
            "list": [{"password": "q"}, ("a-registered-one", 7, True, None, 1.5)],
            "a-registered-one": "as a key",
            "raw": b"bytes",
            "thing": Thing("has a-registered-one", SecretStr("never")),
            "secret": None,
            "token_known": False,
        }
    )
    assert shown == {
        "api_secret": MASK,
        "headers": {"Authorization": MASK, "Accept": "json"},
        "tokens": [MASK, MASK],
        "code": MASK,
        "pin": "",
        "list": [{"password": MASK}, [MASK, 7, True, None, 1.5]],
        MASK: "as a key",
        "raw": "5 bytes",
        "thing": f"Thing(note='has {MASK}', sealed=SecretStr('**********'))",
        "secret": None,
        "token_known": False,
    }


def test_an_error_masks_what_it_is_made_of() -> None:
    """No caller has to remember, and no part of the error is left out."""
    redact.know("a-registered-one")
    error = RetryLater("a-registered-one failed", said="it was a-registered-one", fix="drop a-registered-one")
    assert "registered" not in f"{error} {error!r} {error.what} {error.said} {error.fix} {error.args}"


def test_twenty_thousand_known_values_cost_little() -> None:
    """A studio with that many codes writes its log as fast as one without; nothing is compiled anew for each."""
    known = [secrets.token_hex(8) for _ in range(20_000)]
    text = f"{'an ordinary line of the log. ' * 8}{known[77]} and more"
    redact.mask(text)
    start = time.process_time()
    for number in range(0, 20_000, 100):
        redact.know(*known[number : number + 100])
        assert known[number] not in redact.mask(f"{text} {known[number]}")
    assert redact.mask(text).endswith(f"{MASK} and more")
    assert time.process_time() - start < 2.0


@pytest.mark.parametrize("nasty", ["a.b-" * 50_000, "a" * 200_000, "token" * 40_000, '"' * 100_000, "://" * 60_000])
def test_no_text_takes_long(nasty: str) -> None:
    """A vendor's answer can't stall the hub, whatever is in it."""
    redact.know("a-registered-one")
    start = time.process_time()
    redact.mask(nasty)
    assert time.process_time() - start < 2.0


def test_the_values_used_last_are_kept_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of codes does not push out the key of the connection that is at work."""
    monkeypatch.setattr(redact, "_KEEP", 50)
    redact.know("the-key-of-the-connection")
    for number in range(100):
        redact.know(f"code-{number:05}")
        redact.know("the-key-of-the-connection")
    assert redact.mask("the-key-of-the-connection code-00099 code-00001") == f"{MASK} {MASK} code-00001"
