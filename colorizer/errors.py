"""The one exception for what a user can put right."""


class UserError(Exception):
    """Bad input or settings: one sentence that names the file or setting, what is wrong, what to
    do.

    The launch scripts print it without a traceback and exit with status 1.
    """
