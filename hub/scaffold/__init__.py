"""A new plugin from templates: a package that installs, loads and passes the conformance kit on a made-up vendor."""

from __future__ import annotations

from hub.scaffold.make import KINDS, Made, make_plugin

__all__ = ["KINDS", "Made", "make_plugin"]
