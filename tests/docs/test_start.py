"""Whoever pastes docs/start.md, block by block, ends with doors that open for the right people; whoever goes on with
docs/backup.md has all of it again in an empty home."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest

from tests.docs.reading import page
from tests.hub.test_simulate_docs import Reader, pasted

BLOCKS = re.findall(r"^```(sh|toml)\n(.*?)^```", page("start"), re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Everything was pasted, but for what installs studiohub."""
    with pasted(tmp_path_factory.mktemp("start"), BLOCKS) as made:
        yield made


def said(reader: Reader, words: str) -> str:
    """What the block with these words has printed."""
    (found,) = (text for block, text in reader.said.items() if words in block)
    return " ".join(found.split())


@pytest.mark.slow
def test_the_page_says_what_is_seen(reader: Reader) -> None:
    """Two get in, one is blocked; what changes at the desk changes at the door; the last plan is empty."""
    assert "51dc1f21-c25d-450f-9346-45138b2bd467" in said(reader, "studiohub openings")
    first = next(text for block, text in reader.said.items() if block == "studiohub plan\n")
    assert ("+ 2 create" in first, "1 blocked" in first) == (True, True)
    assert "policy observe: nothing is changed" in first
    applied = said(reader, "studiohub apply")
    assert applied.count("● created") == 2
    assert '"opened": true' in said(reader, "_simulator/open")
    assert "no badge in desk" in said(reader, "studiohub explain anna@example.com")
    assert "● Cleo Frei (desk:3) has access" in said(reader, "4A1B2C5D")
    ended = said(reader, ",ended/")
    assert "Ben Moser (desk:2) has no access" in ended
    assert re.search(r"plan p\w+ for door: \+ 0 create = 2 unchanged", ended)


def test_the_connection_of_the_page_is_what_the_simulator_prints(reader: Reader) -> None:
    """So that who copies it from the terminal has the same."""
    printed = (reader.folder / "terminal-0.log").read_text(encoding="utf-8")
    lines = re.findall(r"^(?:site_id|api_key|base_url) = .*$|^export \w+=.*$", printed, re.MULTILINE)
    text = (reader.folder / "studio.toml").read_text(encoding="utf-8") + reader.exports
    assert len(lines) >= 4
    assert [line for line in lines if line.partition("#")[0].strip() not in text] == []


@pytest.mark.slow
def test_what_was_backed_up_is_there_again_in_an_empty_home(reader: Reader) -> None:
    """The blocks of docs/backup.md, in folders of this test, about somebody whose access is over."""
    safe, home = reader.folder / "safe", reader.folder / "restored"
    safe.mkdir()
    shutil.copy(reader.folder / "home" / "key", safe / "key")
    found = re.findall(r"^```(sh)\n(.*?)^```", page("backup"), re.DOTALL | re.MULTILINE)
    assert len(found) == 4
    here = reader.said
    reader.said = {}
    for kind, block in found:
        text = block.replace("/mnt/safe", str(safe)).replace("/var/lib/studiohub", str(home))
        reader.paste(kind, text.replace("anna@example.com", "ben@example.com"))
    backup, restore, past, person = reader.said.values()
    reader.said = here
    assert "hub.zip" in backup
    assert "0 create" in restore or "nothing to change" in restore
    assert "backup" in past
    assert '"member": "desk:2"' in person
