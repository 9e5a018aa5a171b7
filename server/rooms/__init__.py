"""Rooms as clients see them: messages in, and the channel of each room out."""
