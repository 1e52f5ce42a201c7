"""The one error of the stage: a sentence for a person, ending in what to do next."""


class StageError(Exception):
    """Something outside our control (network, disk, port, package) stands in the way.

    The message names what failed and the next step; the command line prints it and exits with status 1.
    """


class Unavailable(StageError):
    """This machine can never have the thing, however often it is tried."""
