"""Generic: what should stand at a target against what the ledger says → plan → apply."""
