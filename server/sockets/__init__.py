"""Connections: the handshake, who is admitted, what each may send, and how each ends."""
