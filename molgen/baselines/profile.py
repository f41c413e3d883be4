"""A profile: the frequencies of residues and gaps in each column of an alignment, columns independent of each other.

p(a) = prod_i p_i(a_i). The floor of every model of a protein family: it knows what stands where and no pair of columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor

from molgen.baselines import columns, storage
from molgen.errors import MolgenError
from molgen.protein.alignment import STATES


@dataclass(frozen=True)
class ProfileRecipe:
    """`pseudocount`: rows of equal frequencies that are added to the alignment, so that no state is impossible."""

    kind: Literal["profile"] = "profile"
    pseudocount: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.pseudocount < float("inf"):
            raise MolgenError(
                f"a pseudocount of {self.pseudocount}: it must be above 0, or a new residue has no chance"
            )


DEFAULT = ProfileRecipe()


class Profile(columns.ByColumns):
    """log p of every state of every column."""

    def __init__(self, log_p: np.ndarray, card: dict[str, Any]) -> None:
        self.log_p, self.card = torch.from_numpy(log_p), card  # (C, 21)

    @property
    def columns(self) -> int:
        """C of the alignment."""
        return len(self.log_p)

    @classmethod
    def fit(cls, states: np.ndarray, recipe: ProfileRecipe = DEFAULT, *, data: dict[str, Any] | None = None) -> Self:
        """Counts the states (n, C) of an alignment; `data` is the card's entry on the training set."""
        columns.refuse_no_alignment(states)
        counts = (states[:, :, None] == np.arange(len(STATES))).sum(axis=0) + recipe.pseudocount / len(STATES)
        card = storage.new_card(recipe, data, "protein", {"columns": states.shape[1]})
        return cls(np.log(counts / (len(states) + recipe.pseudocount)), card)

    def _logits(self, column: int, states: Tensor) -> Tensor:
        return self.log_p[column].expand(len(states), -1)

    def save(self, path: Path) -> None:
        """Writes log p and card."""
        storage.write(path, {"log_p": self.log_p.numpy()}, self.card)

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` wrote."""
        arrays, card = storage.read(path, "profile", ["log_p"])
        return cls(arrays["log_p"], card)
