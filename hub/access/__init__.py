"""Records and mapping rows → who should be able to open what, and why."""
