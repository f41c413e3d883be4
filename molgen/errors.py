"""The ways in which a command ends without its result."""


class MolgenError(Exception):
    """Something that the user can mend: the message names the value, the place and the remedy (exit code 2)."""


class NoLikelihoodError(MolgenError):
    """The family of a generator has no likelihood, nor a bound of it."""


class OutputError(MolgenError):
    """The result could not be written: a full disk or a folder without permission (exit code 1)."""
