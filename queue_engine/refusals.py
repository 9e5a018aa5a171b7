"""Why a command was turned down: a family of exceptions, each with its status code.

The message is one sentence that the user may read. A refused command has changed nothing.
"""


class Refusal(Exception):
    """Base of all refusals."""

    status_code: int


class NotAllowed(Refusal):
    """Whoever asked may not do this."""

    status_code = 403


class NoSuchUser(Refusal):
    """The user spoken of is not in the room."""

    status_code = 404


class NotNow(Refusal):
    """The room is not in a state for this."""

    status_code = 409
