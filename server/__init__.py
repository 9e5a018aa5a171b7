"""Sockets and frames: everything between a client and the rules.

A message's way in is `handshake`, `conversation`, `routes`, `handlers`; its way out is
`channel`, `view`, `connection`. `app` joins them, `messages` alone knows how a message is
spelt.
"""
