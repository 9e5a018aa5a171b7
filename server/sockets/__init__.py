"""Connections: the opening handshake, admission, rate limits, liveness and closing."""
