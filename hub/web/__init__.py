"""What the hub serves over HTTP: webhooks in, health and metrics out."""

from __future__ import annotations

from hub.web.app import make_app

__all__ = ["make_app"]
