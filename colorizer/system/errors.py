"""The exceptions for what a user can put right."""


class UserError(Exception):
    """Bad input or settings, in one sentence: what is wrong with which file, and what to do.

    The launch scripts print it without a traceback and exit with status 1.
    """


class LostConnection(UserError):
    """Another process is gone: what in this one still waits for it cannot be ended in order."""
