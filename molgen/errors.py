"""The two ways in which a command ends without its result."""


class MolgenError(Exception):
    """Something that the user can mend: the message names the value, the place and the remedy (exit code 2)."""


class OutputError(MolgenError):
    """The result could not be written: a full disk or a folder without permission (exit code 1)."""
