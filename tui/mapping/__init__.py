"""The mapping tables: what is edited, and how each of them looks."""
