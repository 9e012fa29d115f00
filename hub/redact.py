"""Keeps secrets out of whatever is written: logs, errors, traces, crash reports.

Two nets: values that were registered as secret are replaced wherever they appear, and so is what stands behind a name
that sounds like a secret. Registering is done where a secret is decrypted or received, so no caller has to remember.
"""

from __future__ import annotations

import base64
import bisect
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

__all__ = ["MASK", "forget_all", "know", "know_login", "know_url", "mask", "mask_value"]

MASK = "•••"

_known: dict[str, None] = {}
_by_start: dict[str, list[str]] = {}
"""The registered values by their first four characters, the longest first."""
_KEEP = 100_000
_SHORTEST = 4
_BRIEF = 8
"""Values shorter than this are replaced only where they stand alone: a code of four digits is part of many numbers."""

_NAMED = re.compile(
    r"""(?ix)
    (?P<name>
      \b(?:[\w\-]{0,40}(?:secrets?|passwords?|passwd|passphrase|tokens?|api[_-]?keys?|(?:signing|private)[_-]?key|
           authorization|pin[_-]?code|cookies?) | pin)
      \\?["']? [ \t]*[:=][ \t]*
    )
    (?!
      \{ | (?:env|file): | (?:null|none|true|false)\b |      # where a secret comes from, and that there is none
      (?<=:[ ]) (?!(?:Basic|Bearer|Token|Digest)\b) (?-i:[A-Z]?[a-z’']+ [ ] [a-z])   # a sentence about it
    )
    (?P<value>
      "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | \[[^\]]*\] |
      (?:Basic|Bearer|Token|Digest)\s+[^\s,;&"'}\])]+ |
      [^\s,;&}\])]+
    )
    """
)
_COOKIE = re.compile(r"(?im)^(?P<name>\W*(?:set-)?cookie:\s*)[^\r\n]+")
_BEARER = re.compile(r"(?i)\b(?P<name>Bearer\s+)(?=\S*\d)[\w\-.~+/]{8,}=*")
_URL_LOGIN = re.compile(r"""(?i)(?P<scheme>\b[a-z][a-z0-9+.\-]{0,20}://)[^/\s:@"']*:[^/\s"']*@""")
_SECRET_NAMES = re.compile(
    r"(?i)(secret|password|passwd|token|api_?key|authorization|pin_?code|^code$|^pin$|^url$|^link$|cookie|credential)"
)


def know(*secrets: str | None) -> None:
    """Register secret values. Short ones (under four characters) would mask ordinary text and are left out."""
    for secret in secrets:
        if not secret or len(secret) < _SHORTEST:
            continue
        for form in _forms(secret):
            if form in _known:
                # The ones used last are kept longest.
                del _known[form]
            else:
                bisect.insort(_by_start.setdefault(form[:_SHORTEST], []), form, key=lambda known: -len(known))
            _known[form] = None
    while len(_known) > _KEEP:
        oldest = next(iter(_known))
        del _known[oldest]
        _by_start[oldest[:_SHORTEST]].remove(oldest)


def _forms(secret: str) -> set[str]:
    """A secret as it stands in headers, addresses, JSON and Python's own quotes."""
    forms = {secret, _base64(secret)}
    if not secret.isalnum() or not secret.isascii():
        forms |= {quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], repr(secret)[1:-1]}
    return forms


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode().rstrip("=")


def know_login(user: str, password: str) -> None:
    """Register a Basic login, in the form in which it travels."""
    know(password, _base64(f"{user}:{password}"))


def know_url(url: str) -> None:
    """Register an address that holds a login: all of it, and the password alone."""
    know(url)
    try:
        password = urlsplit(url).password
    except ValueError:
        return
    if password:
        know(password, unquote(password))


def forget_all() -> None:
    """Drop every registered value. For tests."""
    _known.clear()
    _by_start.clear()


def mask(text: str) -> str:
    """The text with every secret replaced."""
    text = _mask_known(text)
    if "://" in text:
        text = _URL_LOGIN.sub(lambda match: f"{match['scheme']}{MASK}@", text)
    text = _COOKIE.sub(lambda match: f"{match['name']}{MASK}", text)
    text = _NAMED.sub(_mask_named, text)
    return _BEARER.sub(lambda match: f"{match['name']}{MASK}", text)


def _mask_known(text: str) -> str:
    if not _known:
        return text
    width = _SHORTEST
    places = [at for at in range(len(text) - width + 1) if text[at : at + width] in _by_start]
    parts: list[str] = []
    done = 0
    for at in places:
        if at < done:
            continue
        for secret in _by_start[text[at : at + width]]:
            if text.startswith(secret, at) and _stands_alone(text, at, secret):
                parts += (text[done:at], MASK)
                done = at + len(secret)
                break
    return "".join((*parts, text[done:])) if parts else text


def _stands_alone(text: str, at: int, secret: str) -> bool:
    if len(secret) >= _BRIEF:
        return True
    end = at + len(secret)
    belongs = str.isdigit if secret.isdigit() else str.isalnum
    return not (belongs(text[at - 1 : at]) or belongs(text[end : end + 1]))


def _mask_named(match: re.Match[str]) -> str:
    value = match["value"]
    # Quotes stay, so that what was JSON or TOML stays so.
    mark = value[0] if value[0] in "\"'" and value[0] == value[-1] else ""
    return f"{match['name']}{mark}{MASK}{mark}"


def mask_value(value: Any, name: str = "") -> Any:
    """A value with secrets replaced, into mappings and sequences. A value whose name sounds secret goes whole."""
    if isinstance(value, Mapping):
        return {mask(key) if isinstance(key, str) else key: mask_value(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [mask_value(item, name) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    if name and _SECRET_NAMES.search(name) and isinstance(value, str | bytes | int | float):
        return MASK if value else value
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, int | float):
        return value
    return mask(repr(value))
