"""Two vendors made for tests of the engine, as small as the contract allows, and as a stranger would install them.

`roll` is a booking system with webhooks, `latch` a lock whose vendor never forgives a grant that is made twice. Both
are served by one application (`server`), in the test's process or in one of its own.
"""
