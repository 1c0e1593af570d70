"""The one exception for what a user can cause."""


class UserError(Exception):
    """A mistake that the user can mend: one sentence with what was wrong, where, and what to do.

    Command lines print the sentence without a stack trace and exit with code 2.
    """
