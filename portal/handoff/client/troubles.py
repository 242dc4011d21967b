"""The two ways in which something does not go through."""


class Refused(Exception):
    """It can never be taken as it is; the message says why and names no person."""


class NotNow(Exception):
    """The same will pass later."""
