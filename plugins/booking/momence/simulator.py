"""Momence in memory: the operations of `momence.openapi.yaml`, with what is known of the vendor's ways.

What happens in the dashboard or the members' app is a method (`add_member`, `sell`, `book`, …). Where Momence has
an event for it, a delivery is put into `deliveries`, signed; nothing is sent.
"""

from __future__ import annotations

from hub.clock import Clock
from hub.testing import Outbox
from plugins.booking.momence._sim_base import MomenceFaults
from plugins.booking.momence._sim_staff import Staff
from plugins.booking.momence._sim_world import MomenceWorld

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "PASSWORD", "USERNAME", "WEBHOOK_SECRET", "MomenceFaults", "MomenceSimulator"]

# These open nothing but a simulator.
CLIENT_ID = "api-1-nordlicht"
CLIENT_SECRET = "6f1c2b7e9d804a53"  # noqa: S105
USERNAME = "hub@example.com"
PASSWORD = "correct horse: battery&staple"  # noqa: S105
WEBHOOK_SECRET = "whs-51d0c9e8b7a6"  # noqa: S105


class MomenceSimulator(Staff):
    """A host. `webhook_header` is the secret that deliveries show, `webhook_key` the one that they are signed with."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        seed: int = 1,
        client_id: str = CLIENT_ID,
        client_secret: str = CLIENT_SECRET,
        username: str = USERNAME,
        password: str = PASSWORD,
        webhook_header: str = WEBHOOK_SECRET,
        webhook_key: str = WEBHOOK_SECRET,
    ) -> None:
        super().__init__(MomenceWorld(), MomenceFaults(), clock=clock, seed=seed)
        self.logins = {
            "client_id": client_id,
            "client_secret": client_secret,
            "username": username,
            "password": password,
        }
        self.webhook_header, self.webhook_key = webhook_header, webhook_key
        self.deliveries = []
        self.webhooks = Outbox()
        self._last = 1000
