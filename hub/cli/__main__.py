"""`python -m hub.cli` is `studiohub`."""

from __future__ import annotations

from hub.cli import main

main()
