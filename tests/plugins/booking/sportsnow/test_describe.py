"""What the plugin says of itself."""

from __future__ import annotations

from datetime import timedelta

from hub.plugins import Plugins
from plugins.booking import sportsnow
from plugins.booking.sportsnow.simulator import SportsNowSimulator


def test_the_plugin_keeps_the_contract() -> None:
    """A source, with a simulator that can be made as `studiohub simulate` makes it."""
    described = Plugins().register(sportsnow)
    assert (described.name, described.kind, described.misses) == ("sportsnow", "booking", 1)
    assert described.simulator is SportsNowSimulator
    assert described.simulator(seed=7).world.lessons


def test_there_is_nothing_to_subscribe_to() -> None:
    """No webhook and no change feed is known."""
    plugins = Plugins()
    assert plugins.register(sportsnow).abilities == frozenset()
    assert not plugins.has("sportsnow", "read_webhook")
    assert not plugins.has("sportsnow", "subscribe_webhooks")


def test_the_near_timetable_is_polled_every_quarter_of_an_hour_and_the_rest_every_hour() -> None:
    """Each for its own window; every kind that is read is in a poll."""
    polls = {poll.name: poll for poll in sportsnow.describe().polls}
    near, far = polls["this week"], polls["five weeks more"]
    assert (near.every, near.after) == (timedelta(minutes=15), timedelta(days=7))
    assert (far.every, far.after) == (timedelta(hours=1), timedelta(weeks=5))
    kinds = {kind for poll in polls.values() for kind in poll.kinds}
    assert kinds == {"session", "instructor", "location", "member", "badge", "pass", "member_pass", "booking"}


def test_the_token_is_a_secret() -> None:
    """It is sealed, and shown nowhere."""
    settings = sportsnow.describe().settings
    assert settings.secret_names() == {"token"}
    assert "hidden-value" not in repr(settings(provider="a", token="hidden-value"))  # type: ignore[call-arg]
