"""The conformance kit: what the hub expects of every plugin, as named tests.

    from hub.testing.conformance import Conformance
    import studiohub_acme

    class TestAcme(Conformance):
        plugin = studiohub_acme

pytest collects those tests that the plugin's kind and abilities ask for. They run on its own simulator, in the process,
on a stopped clock. One that does not fit the vendor is exempted with a written reason: `exempt = {"test_…": "…"}`.
"""

from __future__ import annotations

from hub.testing.conformance.bench import Bench
from hub.testing.conformance.contract import ContractKit
from hub.testing.conformance.everyone import EveryoneKit
from hub.testing.conformance.kit import Kit, fault
from hub.testing.conformance.locks import LockKit
from hub.testing.conformance.lost import LostKit
from hub.testing.conformance.network import NetworkKit
from hub.testing.conformance.people import PeopleKit
from hub.testing.conformance.promise import Broken, expect, promise
from hub.testing.conformance.run import Outcome, run_kit
from hub.testing.conformance.secrets import SecretsKit
from hub.testing.conformance.sources import SourceKit
from hub.testing.conformance.trackers import TrackerKit
from hub.testing.conformance.webhooks import WebhookKit

__all__ = ["Bench", "Broken", "Conformance", "Outcome", "expect", "fault", "promise", "run_kit"]


class Conformance(
    EveryoneKit, NetworkKit, SecretsKit, SourceKit, WebhookKit, LockKit, LostKit, PeopleKit, TrackerKit, ContractKit
):
    """Everything that the hub expects of a plugin. `Kit` says what a subclass may set."""

    __doc__ = f"{Kit.__doc__}"
