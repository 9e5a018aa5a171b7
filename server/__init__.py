"""Sockets and frames: everything between a client and the rules.

`wire` defines the messages; `http` answers requests that open no socket; `sockets` accepts, limits
and closes connections; `rooms` passes messages to the engine, and its changes to the members of a
room; `ops` holds the command line, logs and metrics. Only `app` builds and connects these parts.
"""
