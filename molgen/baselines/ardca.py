"""arDCA: the columns of an alignment one after another, each by a softmax regression on all that came before.

P(a_i | a_<i) = softmax_a(h_i(a) + sum_{j<i} J_ij(a, a_j)) (Trinquier et al. 2021, doi 10.1038/s41467-021-25756-4,
equations 2 and 3). The likelihood is exact, draws are independent, and every column is a convex problem of its own:
mean negative log-likelihood + `couplings` |J_i|^2 + `fields` |h_i|^2, solved by L-BFGS. On one protein family it is as
good as deep models or better, which is why it enters every comparison.

Axis letters: n rows, C columns, 21 states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, embedding_bag

from molgen.baselines import columns, storage
from molgen.errors import MolgenError
from molgen.protein.alignment import STATES

K = len(STATES)
RANK = 1e-9  # eigenvalues below this share of the greatest belong to rows that depend on others
HISTORY = 10  # pairs of gradients that L-BFGS keeps


@dataclass(frozen=True)
class ArdcaRecipe:
    """How strongly parameters are held at zero, and in which order columns come.

    Attributes:
        couplings: L2 on J, of a mean over rows, as in the paper.
        fields: L2 on h.
        order: "entropic", columns that vary least first (better likelihoods, as in the paper), or "natural".
        iterations: of L-BFGS, at the most, for each column.
    """

    kind: Literal["ardca"] = "ardca"
    couplings: float = 0.005
    fields: float = 0.003
    order: Literal["entropic", "natural"] = "entropic"
    iterations: int = 200

    def __post_init__(self) -> None:
        if self.couplings <= 0 or self.fields <= 0 or self.iterations < 1:
            raise MolgenError(f"{self}: penalties must be above 0, or nothing holds a state that was never seen")


DEFAULT = ArdcaRecipe()


class Ardca(columns.ByColumns):
    """Fields and couplings, columns in the order in which they are drawn."""

    def __init__(self, order: np.ndarray, fields: np.ndarray, couplings: np.ndarray, card: dict[str, Any]) -> None:
        """order (C,); fields (C, 21); couplings (21 C (C - 1) / 2, 21), those of column i are 21 i rows, by j."""
        self.order, self.card = order, card
        self.fields, self.couplings = torch.from_numpy(fields), torch.from_numpy(couplings)

    @property
    def columns(self) -> int:
        """C of the alignment."""
        return len(self.fields)

    @classmethod
    def fit(
        cls,
        states: np.ndarray,
        recipe: ArdcaRecipe = DEFAULT,
        *,
        data: dict[str, Any] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Self:
        """Fits the states (n, C) of an alignment: 290 x 139 takes ten seconds of one core.

        `data` is the card's entry on the training set; `progress` receives how many more columns are done.
        """
        columns.refuse_no_alignment(states)
        order = (
            np.argsort(_entropy(states), kind="stable") if recipe.order == "entropic" else np.arange(states.shape[1])
        )
        rows = torch.from_numpy(states[:, order]).long()
        fields, couplings = [], []
        for column, (features, back) in enumerate(_features(rows)):
            h, weights = _regression(features, rows[:, column], recipe)
            fields.append(h)
            couplings.append(back(weights))
            if progress is not None:
                progress(1)
        card = storage.new_card(recipe, data, "protein", {"columns": len(order)})
        return cls(order, torch.stack(fields).numpy(), torch.cat(couplings).numpy(), card)

    def _placed(self, rows: list[str]) -> list[str]:
        places = np.argsort(self.order)
        return ["".join(row[place] for place in places) for row in rows]

    def _ordered(self, designs: Sequence[str]) -> Sequence[str]:
        return ["".join(text[place] for place in self.order) if len(text) == self.columns else "" for text in designs]

    def _logits(self, column: int, states: Tensor) -> Tensor:
        """log P(a_i | a_<i) up to a constant (B, 21), of states (B, C) in the order of drawing."""
        h = self.fields[column].expand(len(states), -1)
        if not column:
            return h
        first = K * column * (column - 1) // 2
        bag = states[:, :column] + K * torch.arange(column)
        return h + embedding_bag(bag, self.couplings[first : first + K * column], mode="sum")

    def save(self, path: Path) -> None:
        """Writes parameters and card."""
        arrays = {"order": self.order, "fields": self.fields.numpy(), "couplings": self.couplings.numpy()}
        storage.write(path, arrays, self.card)

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` wrote."""
        arrays, card = storage.read(path, "ardca", ["order", "fields", "couplings"])
        return cls(arrays["order"], arrays["fields"], arrays["couplings"], card)


def _entropy(states: np.ndarray) -> np.ndarray:
    """The entropy of each column of states (n, C), nats (C,)."""
    p = (states[:, :, None] == np.arange(K)).mean(axis=0)
    return -(p * np.log(np.where(p > 0, p, 1.0))).sum(axis=1)


def _features(rows: Tensor) -> Iterator[tuple[Tensor, Callable[[Tensor], Tensor]]]:
    """For each column the features (n, r) to regress on, and the way from their weights (r, 21) to couplings.

    Features are the one-hot states X of the columns before. Where these are more than rows, they are turned by an
    orthogonal matrix into as many as the rows have dimensions: couplings X^T B W with X X^T = V S V^T, B = V S^(-1/2)
    give the same logits V S^(1/2) W and the same |J|^2 = |W|^2, and the optimum lies among them. Three times as fast.
    """
    products = torch.zeros(len(rows), len(rows), dtype=torch.float64)  # X X^T: columns in which two rows agree
    for column in range(rows.shape[1]):
        x = torch.nn.functional.one_hot(rows[:, :column], K).float().reshape(len(rows), K * column)
        if len(rows) >= K * column:
            yield x, lambda weights: weights
        else:
            values, vectors = torch.linalg.eigh(products)
            kept = values > RANK * values[-1]
            roots = values[kept].sqrt()
            turn = x.T @ (vectors[:, kept] / roots).float()
            yield (vectors[:, kept] * roots).float(), lambda weights, turn=turn: turn @ weights
        products += rows[:, column, None] == rows[:, column]


def _regression(features: Tensor, states: Tensor, recipe: ArdcaRecipe) -> tuple[Tensor, Tensor]:
    """h (21,) and weights (r, 21) of the regression of states (n,) on features (n, r)."""
    h = (torch.bincount(states, minlength=K) + 1.0).log()
    h = (h - h.mean()).requires_grad_()
    weights = torch.zeros(features.shape[1], K, requires_grad=True)
    solver = torch.optim.LBFGS(
        [h, weights], max_iter=recipe.iterations, history_size=HISTORY, line_search_fn="strong_wolfe",
        tolerance_grad=1e-5, tolerance_change=1e-7,
    )  # fmt: skip

    def loss() -> Tensor:
        solver.zero_grad()
        penalty = recipe.couplings * weights.square().sum() + recipe.fields * h.square().sum()
        found = cross_entropy(h + features @ weights, states) + penalty
        found.backward()
        return found

    with torch.enable_grad():
        solver.step(loss)
    return h.detach(), weights.detach()
