"""Studio files for tests: the one of the design, and a small one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

__all__ = ["DESIGN", "SECRETS", "SMALL", "Write"]

Write = Callable[[str], Path]
"""Writes a studio file and says where it is."""

DESIGN = """
[studio]
name = "Studio Nordlicht"
timezone = "Europe/Zurich"
language = "de"

[[connections]]
name = "desk"
plugin = "files"
path = "export"                 # folder of CSV files, relative to this file

[[connections]]
name = "door"
plugin = "exivo"
site_id = "site-1"
api_key = "key-1"
api_secret = { env = "EXIVO_SECRET" }
base_url = "http://127.0.0.1:8081/v1"   # optional: another host, a simulator
policy = "sync"                 # sync | grant_only | observe; asked for, no silent default
hold_removals_above = { count = 5, percent = 10 }
protect = ["desk:4711"]
requests_per_second = 2         # optional, as `every = "15m"` (how often the lane wakes by itself) is on any connection
every = "15m"

[[connections]]
name = "anny"
plugin = "anny"
access_token = { file = "token.txt" }
organization_id = "org-1"

[[connections]]
name = "bsport"
plugin = "bsport"

[[connections]]
name = "momence"
plugin = "momence"
client_id = "id-1"
client_secret = { env = "MOMENCE_SECRET" }

[[connections]]
name = "spivi"
plugin = "spivi"
site_id = "4471"
source_name = "hub"
password = { env = "SPIVI_PASSWORD" }
policy = "grant_only"

[[passes]]                      # pass → access group; of several, the lowest number wins
source = "desk"
pass = ["abo-12", "abo-12-sauna"]
target = "door"
group = "AG-1"
priority = 1

[[resources]]                   # booking of a resource → locks
source = "anny"
resource = ["r-7"]
target = "door"
locks = ["C-1", "C-2"]
minutes_before = 15
minutes_after = 15
credential = "both"             # code | link | both

[[communities]]
source = "anny"
community = "c-1"
target = "door"
locks = ["C-1"]

[[rooms]]                       # room plan or location → box; spot → seat
source = "bsport"
room_plan = "ride"              # or: location = "…"
target = "spivi"
box = "4471"
seats = { "1" = "1", "2" = "2" }
send = true                     # "Send to Spivi" unless a session says otherwise

[[links]]                       # member ↔ vendor id by hand
member = "momence:812"
target = "spivi"
id = "99812"
"""
"""The whole file as the design shows it, with the connections that its tables name."""

SECRETS = {"EXIVO_SECRET": "exivo-s3cr3t", "MOMENCE_SECRET": "momence-s3cr3t", "SPIVI_PASSWORD": "spivi-s3cr3t"}

SMALL = """
[studio]
name = "Nordlicht"
timezone = "Europe/Zurich"

[[connections]]
name = "desk"
plugin = "files"
path = "export"

[[connections]]
name = "spivi"
plugin = "spivi"
site_id = "1"
password = { env = "SPIVI_PASSWORD" }
policy = "sync"
"""
