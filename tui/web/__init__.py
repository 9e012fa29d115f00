"""The terminal UI in a browser: textual-serve behind our own page, our own doorkeeper and our own processes.

Nothing else of the project imports textual-serve or aiohttp.
"""
