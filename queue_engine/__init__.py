"""The rules of a winner-stays lobby, and one thin asyncio shell around them.

The core is pure: room, command and time in, changes out. It is `rules`, `seats`, `game_clock`,
`names`, `games`, and what they work on: `model`, `commands`, `changes`, `transaction`, `house`,
`refusals`. The shell runs it: for each room that `engine` has open, a `room_task` drains a
`mailbox`, plays what is in it on a `replica` of the room, and commits all changes at once.
"""
