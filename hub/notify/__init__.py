"""Mail: what goes into the outbox, and how it leaves it exactly once."""
