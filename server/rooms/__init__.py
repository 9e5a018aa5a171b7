"""Rooms as clients see them: conversations, routes, handlers, and the channel of each room."""
