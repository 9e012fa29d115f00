"""A made-up studio on simulated vendors: the whole product in twenty seconds, with nothing real behind it."""

from __future__ import annotations

from hub.demo.headless import run_headless

__all__ = ["run_headless"]
