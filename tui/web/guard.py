"""Who may come in by the browser: where the server listens, under which names it answers, and what every answer says.

A page of somebody else must not reach it, neither with its own script (`Origin`) nor by a name that it points at this
machine (`Host`, "DNS rebinding"), and neither must other people who work on the same machine (the key in the address).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web

from hub.errors import UserError

__all__ = ["Guard", "make_guard", "where"]

COOKIE = "studiohub"


@dataclass(frozen=True)
class Guard:
    """What is let in. `key` None: a proxy asks who it is."""

    hosts: frozenset[str]
    origins: frozenset[str]
    key: str | None
    port: int

    def refuses(self, request: web.Request) -> str:
        """Why a request is not answered; empty where it is."""
        hosts = request.headers.getall("Host", [])
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            return "This address is not one under which studiohub was started. Use the address that it printed."
        if request.headers.get("Sec-Fetch-Site") == "cross-site" and request.method != "GET":
            return "This request comes from a page that is not studiohub's."
        if self.key is not None and not self._knows(request):
            return "This needs the whole address that `studiohub tui --web` printed, with the key at its end."
        return ""

    def refuses_socket(self, request: web.Request) -> str:
        """Why a WebSocket is not opened; empty where it is."""
        origins = request.headers.getall("Origin", [])
        if len(origins) != 1 or origins[0].lower() not in self.origins:
            return "This request comes from a page that is not studiohub's."
        return ""

    @property
    def cookie(self) -> str:
        """Its name: cookies of one machine are not kept apart by ports."""
        return f"{COOKIE}-{self.port}"

    def brings_key(self, request: web.Request) -> bool:
        """Whether the right key stands in the address."""
        return self.key is not None and secrets.compare_digest(request.query.get("key", "").encode(), self.key.encode())

    def _knows(self, request: web.Request) -> bool:
        kept = request.cookies.get(self.cookie, "")
        return self.brings_key(request) or secrets.compare_digest(kept.encode(), (self.key or "").encode())

    @property
    def headers(self) -> dict[str, str]:
        """What every answer says: nothing of another host, in no frame of anybody's, kept by nobody."""
        # A policy can't name an IPv6 address; there 'self' has to do.
        sockets = " ".join(sorted(origin.replace("http", "ws", 1) for origin in self.origins if "[" not in origin))
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
            f"connect-src 'self' {sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return {
            "Content-Security-Policy": policy,
            "Cache-Control": "no-store",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }


def where(host: str, behind_proxy: str | None) -> str:
    """The address to listen on. Raises UserError for one that others can reach without anybody asking who they are."""
    wanted = "127.0.0.1" if host.lower() == "localhost" else host
    if behind_proxy is not None or _is_loopback(wanted):
        return wanted
    raise UserError(
        f"{host} can be reached from other machines, and the browser page has no log-in",
        fix="Leave --host out. For other machines put a proxy before it that asks who it is, and say its address: "
        "--behind-proxy https://hub.example.org. Whoever gets past the proxy sees every member, and door codes.",
        code="web_host",
    )


def make_guard(host: str, port: int, behind_proxy: str | None) -> Guard:
    """Who is let in there. Raises UserError for a proxy's address that can't be used."""
    near = {"127.0.0.1", "localhost", "[::1]", f"[{host}]" if ":" in host else host}
    hosts = {f"{name}:{port}" for name in near}
    if port == 80:
        hosts |= near
    if behind_proxy is None:
        return Guard(frozenset(hosts), frozenset(f"http://{name}" for name in hosts), secrets.token_urlsafe(24), port)
    parts = urlsplit(behind_proxy)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise UserError(
            f"--behind-proxy {behind_proxy!r} is no address", fix="Write https://hub.example.org.", code="web_proxy"
        )
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise UserError(
            "a proxy that is reached by plain http shows everything to whoever is on the way",
            fix=f"Give it a certificate, and write https://{parts.netloc}.",
            code="web_proxy",
        )
    name = parts.netloc.lower()
    return Guard(frozenset(hosts | {name}), frozenset({f"{parts.scheme}://{name}"}), None, port)


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
