"""The refusals of commands: a family of exceptions, each with its status code.

The message is one sentence for the user. A refused command has changed nothing.
"""


class Refusal(Exception):
    """Base of all refusals."""

    status_code: int


class NotAllowed(Refusal):
    """The user is not allowed to do this."""

    status_code = 403


class NoSuchUser(Refusal):
    """The user named by the command is not in the room."""

    status_code = 404


class NotNow(Refusal):
    """The room's current state does not permit this."""

    status_code = 409
