"""A made-up studio on simulated vendors, with nothing real behind it: in words, or living in the terminal UI."""

from __future__ import annotations

from hub.demo.headless import run_headless
from hub.demo.live import run_live

__all__ = ["run_headless", "run_live"]
