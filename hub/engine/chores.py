"""What an engine does beside its lanes: mails, alarms, and throwing away what is old."""

from __future__ import annotations

from datetime import timedelta

from hub.engine.engine import Engine
from hub.engine.retention import tidy
from hub.notify.alarms import Alarms
from hub.notify.sender import send_mails
from hub.notify.waiting import tell_waiting

__all__ = ["add_chores"]


def add_chores(engine: Engine) -> None:
    """Have the engine do them too, from its start."""
    alarms = Alarms(engine)
    engine.every("mail", timedelta(seconds=2), lambda: send_mails(engine))
    engine.every("mails that wait", timedelta(minutes=1), lambda: tell_waiting(engine))
    engine.every("alarms", timedelta(seconds=15), alarms.tell)
    engine.every("retention", timedelta(hours=1), lambda: tidy(engine.database, engine.settings, engine.clock.now()))
