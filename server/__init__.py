"""Sockets and frames: everything between a client and the rules.

`wire` spells messages; `http` answers requests that open no socket; `sockets` takes connections in,
limits them and lets them go; `rooms` carries messages to the engine and its changes to the members
of a room; `ops` is what an operator sees. `app` builds all of it, and nothing else does.
"""
