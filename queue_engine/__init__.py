"""The rules of a winner-stays lobby, and one thin asyncio shell around them.

The core (`rules`, `seats`, `turn`, `model`, `commands`, `changes`, `tictactoe`, `refusals`) is
pure: room, command and time in, changes out. `engine` runs it: one task per room drains a
mailbox, plays what is in it, and commits all changes at once.
"""
