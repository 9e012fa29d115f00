"""`studiohub member-link`: a link for somebody at the desk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub import member_links
from hub.vault import Vault
from tests.hub.test_cli import Shop, shop

__all__ = ["shop"]


def ends(shop: Shop, link: str) -> timedelta:
    """In how many days a link ends."""
    token = link.strip().split("/me/")[1].rstrip("/")
    vault, now = Vault.load(shop.home), datetime.now(UTC)
    good = [days for days in range(400) if member_links.read_token(vault, token, now=now + timedelta(days=days))]
    return timedelta(days=max(good) + 1)


def test_it_prints_a_link_that_works_and_the_audit_says_who(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIOHUB_PUBLIC_URL", "https://hub.example/")
    shop.ready().join("1")
    shop("sync")
    typed = shop("member-link", "desk:1")
    assert typed.code == 0
    assert typed.out.startswith("https://hub.example/me/gAAAA")
    assert ends(shop, typed.out) == timedelta(days=30)
    assert "Anna Graf 1 (desk:1)" in typed.err
    assert ends(shop, shop("member-link", "1", "--days", "3").out) == timedelta(days=3)
    monkeypatch.setenv("STUDIOHUB_MEMBER_LINK_DAYS", "7")
    assert ends(shop, shop("member-link", "1").out) == timedelta(days=7)
    lines = [line for line in shop("audit", "--json").json if line["act"] == "member-link"]
    assert [(line["subject"], line["detail"]) for line in lines] == [
        ("desk:1", "7 days"),
        ("desk:1", "3 days"),
        ("desk:1", "30 days"),
    ]
    assert typed.out.strip().split("/me/")[1][:-1] not in str(lines)


def test_it_says_what_is_missing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.ready().join("1")
    shop("sync")
    typed = shop("member-link", "1")
    assert (typed.code, typed.out) == (2, "")
    assert "STUDIOHUB_PUBLIC_URL" in typed.err
    monkeypatch.setenv("STUDIOHUB_PUBLIC_URL", "https://hub.example")
    assert shop("member-link", "nobody").code == 2
    assert shop("member-link", "1", "--days", "0").code == 2
