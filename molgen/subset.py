"""The small part of MOSES that lies in the repository for the tests: data/test/moses_subset.csv.gz.

Rows are chosen by the sha256 of seed and SMILES, smallest first. That is a random sample as good as any, and depends
neither on the order of the file nor on a version of a random generator.
"""

import gzip
import hashlib
from collections.abc import Iterable
from pathlib import Path

from molgen.datasets import read_smiles
from molgen.errors import MolgenError
from molgen.resources import data_folder

SIZES = {"train": 5_000, "test": 1_000}
HEADER = "SMILES,SPLIT"


def choose(smiles: Iterable[str], count: int, seed: int) -> list[str]:
    """`count` of the texts in alphabetical order; the same ones whatever the order they come in."""

    def lot(text: str) -> bytes:
        return hashlib.sha256(f"{seed} {text}".encode()).digest()

    return sorted(sorted(smiles, key=lot)[:count])


def write_subset(path: Path, seed: int = 0) -> None:
    """Makes the file from MOSES in the cache; the same bytes each time (the gzip header carries no time)."""
    chosen = {split: choose(read_smiles(f"moses-{split}"), count, seed) for split, count in SIZES.items()}
    rows = [f"{text},{split}" for split, texts in chosen.items() for text in texts]
    path.write_bytes(gzip.compress("\n".join([HEADER, *rows, ""]).encode("ascii"), 9, mtime=0))


def read_subset(split: str) -> list[str]:
    """The SMILES of `train` (5,000) or `test` (1,000); only a checkout has them, a wheel does not."""
    if split not in SIZES:
        raise MolgenError(f"The test subset has the splits train and test, not {split!r}.")
    path = data_folder() / "test" / "moses_subset.csv.gz"
    if not path.is_file():
        raise MolgenError(f"{path} is missing: the test subset lies only in a checkout of molgen.")
    rows = gzip.decompress(path.read_bytes()).decode("ascii").splitlines()[1:]
    return [text for text, of in (row.split(",") for row in rows) if of == split]
