"""Where the files that molgen ships lie: target profiles and trained priors.

In a checkout (and with `pip install --editable`) they are read from its `data/` folder, so that an edited profile
counts at once. A wheel carries the same folders inside the package, as `molgen/data`.
"""

import difflib
from pathlib import Path
from typing import Literal

from molgen.errors import MolgenError

Kind = Literal["profiles", "priors"]
_SUFFIXES: dict[Kind, str] = {"profiles": ".toml", "priors": ".safetensors"}


def data_folder() -> Path:
    """The folder that holds `profiles/`, `priors/` and SOURCES.md."""
    package = Path(__file__).resolve().parent
    for folder in (package.parent / "data", package / "data"):
        if (folder / "SOURCES.md").is_file():
            return folder
    raise MolgenError(
        f"molgen's data folder is missing: no SOURCES.md in {package.parent / 'data'} nor in {package / 'data'}. "
        "Install molgen again from its checkout (make setup)."
    )


def names(kind: Kind) -> list[str]:
    """The names that ship: `names("profiles")` gives ['cns', 'fragment', 'oral_drug']."""
    return sorted(path.stem for path in (data_folder() / kind).glob(f"*{_SUFFIXES[kind]}"))


def find(kind: Kind, name: str | Path) -> Path:
    """The file that the user means: a path that exists, or else the name of one that ships.

    Raises MolgenError with the names that ship and the nearest of them.
    """
    if Path(name).is_file():
        return Path(name)
    shipped = names(kind)
    if str(name) in shipped:
        return data_folder() / kind / f"{name}{_SUFFIXES[kind]}"
    near = difflib.get_close_matches(Path(name).stem, shipped, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise MolgenError(
        f"{name} is neither a file nor one of the {kind} that ship with molgen ({', '.join(shipped) or 'none'}).{hint}"
    )
