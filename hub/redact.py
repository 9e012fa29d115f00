"""Keeps secrets out of whatever is written: logs, errors, traces, crash reports.

Two nets: values that were registered as secret are replaced wherever they appear, and so is what stands behind a name
that sounds like a secret. Registering is done where a secret is decrypted or received, so no caller has to remember.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

__all__ = ["MASK", "forget_all", "know", "mask", "mask_value"]

MASK = "•••"

_known: dict[str, None] = {}
_pattern: re.Pattern[str] | None = None
_KEEP = 20_000
_SHORTEST = 4

_NAMED = re.compile(
    r"""(?ix)
    (?P<name>["']?\b(?:api[_-]?secret|api[_-]?key|api[_-]?token|access[_-]?token|refresh[_-]?token|client[_-]?secret|
        signing[_-]?key|pass(?:word|wd)|pin[_-]?code|pincode|authorization|secret|cookie|x-api-key|
        x-webhook-secret)\b["']?\s*[:=]\s*)
    (?P<value>"[^"]*"|'[^']*'|(?:Basic|Bearer|Token)\s+\S+|[^\s,;&}\])]+)
    """
)
_URL_LOGIN = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.\-]*://)[^/\s:@]*:[^/\s@]+@", re.IGNORECASE)
_SECRET_NAMES = re.compile(
    r"(?i)(secret|password|passwd|token|api_?key|authorization|pin_?code|^code$|^pin$|^url$|^link$|cookie|credential)"
)


def know(*secrets: str | None) -> None:
    """Register secret values. Short ones (under four characters) would mask ordinary text and are left out."""
    global _pattern
    for secret in secrets:
        if not secret or len(secret) < _SHORTEST:
            continue
        for form in {secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("=")}:
            _known.pop(form, None)
            _known[form] = None
            _pattern = None
    while len(_known) > _KEEP:
        _known.pop(next(iter(_known)))


def know_login(user: str, password: str) -> None:
    """Register a Basic login, in the form in which it travels."""
    know(password, base64.b64encode(f"{user}:{password}".encode()).decode().rstrip("="))


def forget_all() -> None:
    """Drop every registered value. For tests."""
    global _pattern
    _known.clear()
    _pattern = None


def mask(text: str) -> str:
    """The text with every secret replaced."""
    global _pattern
    if _known and _pattern is None:
        _pattern = re.compile("|".join(re.escape(secret) for secret in sorted(_known, key=len, reverse=True)))
    if _pattern is not None:
        text = _pattern.sub(MASK, text)
    text = _URL_LOGIN.sub(lambda match: f"{match['scheme']}{MASK}@", text)
    return _NAMED.sub(lambda match: f"{match['name']}{MASK}", text)


def mask_value(value: Any, name: str = "") -> Any:
    """A value with secrets replaced, into mappings and sequences. A value whose name sounds secret goes whole."""
    if name and _SECRET_NAMES.search(name) and isinstance(value, str | bytes | int) and not isinstance(value, bool):
        return MASK if value else value
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, Mapping):
        return {key: mask_value(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [mask_value(item) for item in value]
    if isinstance(value, int | float) or value is None:
        return value
    return mask(repr(value))
