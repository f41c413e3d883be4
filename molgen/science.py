"""What the pipeline asks of a kind of design: how it is read, judged, described, compared and shown. Needs no torch.

Each modality is a package, `molgen/molecule` or `molgen/protein`, with modules of the same names: `columns`, `sections`
and `science`. The pipeline asks for them by the modality's name, and nothing else in it depends on that name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from molgen.profile import Profile
    from molgen.reading import Designs
    from molgen.scoring import Rule, Score

MODALITIES = ("molecule", "protein")


@dataclass(frozen=True)
class Read:
    """A text and what became of it: a design, or the reason why not."""

    design: str | None  # its canonical text
    parsed: Any  # what rules and scores take; None where it was refused
    reason: str | None  # begins with a machine word before the colon
    note: str = ""  # what was changed, '' if nothing


class Index(Protocol):
    """A reference set that answers which of its designs is the most similar one."""

    note: str  # a sentence on the texts that were left out, '' if there are none

    def __len__(self) -> int: ...

    @property
    def texts(self) -> Sequence[str]:
        """Its designs, as they were given."""
        ...

    def nearest(
        self, queries: np.ndarray, progress: Callable[[int], None] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The row (m,) and the similarity (m,) of the most similar design of the set, for every query."""
        ...

    def save(self, path: Path) -> None:
        """Writes the index whole."""
        ...


class Science(Protocol):
    """The module `science` of a modality."""

    CODE: tuple[str, ...]  # sources that decide a chunk's table, below molgen/
    SCORES: tuple[Score, ...]
    LIKENESS: str  # what `similarities` gives, in a word
    WHOLE_REASONS: frozenset[str]  # rules whose reasons the funnel keeps whole
    SELECTIONS: Mapping[str, Callable[[pd.DataFrame], bytes]]  # files of the selected designs, and how they are made

    def versions(self) -> dict[str, str]:
        """Of the libraries that decide a chunk's table."""
        ...

    def judge(self, texts: Sequence[str], profile: Profile | None = None) -> list[Read]:
        """Reads every text; without a profile as drawn designs are judged: nothing is repaired."""
        ...

    def build_rules(self, profile: Profile) -> tuple[Rule, ...]:
        """The hard rules, cheap ones first."""
        ...

    def build_flags(self, profile: Profile) -> tuple[Rule, ...]:
        """The rules that only flag."""
        ...

    def described(self, parsed: Sequence[Any], profile: Profile) -> pd.DataFrame:
        """What they are compared by: scaffold, constitution, fingerprint (bytes); and a status, '' if all is well."""
        ...

    def packed(self, fingerprints: pd.Series) -> np.ndarray:
        """The column `fingerprint` as an array (n, ...)."""
        ...

    def fingerprints(self, designs: Sequence[str]) -> np.ndarray:
        """`packed` of designs that passed."""
        ...

    def similarities(self, one: np.ndarray, many: np.ndarray) -> np.ndarray:
        """Of one packed fingerprint to each of many: (n,) in [0, 1]."""
        ...

    def known(self, constitutions: Sequence[str], fingerprints: np.ndarray, index: Index) -> np.ndarray:
        """(n,) bool: which designs the set holds."""
        ...

    def index_key(self) -> list[Any]:
        """What an index depends on besides its texts."""
        ...

    def index_chunk(self, texts: Sequence[str]) -> pd.DataFrame:
        """What an index keeps of a chunk of texts, as a table with a row each; work for one process."""
        ...

    def join_index(
        self, texts: Sequence[str], chunks: Sequence[pd.DataFrame], name: str, note: Callable[[np.ndarray], str]
    ) -> Index:
        """The index of chunks; `note` makes a sentence of which texts are readable (n,) bool."""
        ...

    def load_index(self, path: Path) -> Index:
        """Reads an index."""
        ...

    def late(self, table: pd.DataFrame, profile: Profile) -> pd.DataFrame:
        """The table of all rows with what is looked up for ranked designs only, before some are selected."""
        ...

    def read_designs(self, path: Path | str, column: str | None = None, also: Sequence[str] = ()) -> Designs:
        """Reads a user's file; `also` names columns of a table whose cells come with the designs."""
        ...

    def column_names(self, path: Path | str, column: str | None = None) -> tuple[str, ...]:
        """The names of the columns of a user's file; () where it has none."""
        ...

    def find_column(self, path: Path | str, column: str | None = None, how: str = "--column") -> str:
        """The column that `read_designs` would read; MolgenError where there is none."""
        ...

    def first_training(self, designs: Sequence[str], family: str) -> dict[str, Any]:
        """Settings of `molgen train` for a prior that begins anew on a user's own designs; {} for the family's."""
        ...

    def drawing(self, design: str) -> Any:
        """A picture as markup of 240 x 170, or a plain sentence why there is none."""
        ...

    def thumbnail(self, design: str) -> str:
        """A small picture as a markdown image, '' for none."""
        ...


def science(modality: str) -> Science:
    """The science of a modality."""
    return cast(Science, import_module(f"molgen.{modality}.science"))


def sections(modality: str) -> Any:
    """The sections of a profile that only this modality has: SECTIONS, and `check(profile, source)`."""
    return import_module(f"molgen.{modality}.sections")


def columns(modality: str) -> Any:
    """The columns of the candidate table that only this modality has, and how people call them."""
    return import_module(f"molgen.{modality}.columns")
