"""The parts of the Mail screen."""
