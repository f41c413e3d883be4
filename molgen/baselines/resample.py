"""Resampling: draws training designs themselves.

No generator's distribution is nearer to the training set, and none is less novel: the ceiling of every figure of
distribution at that n, and the floor of novelty.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, Self

from molgen.baselines import storage
from molgen.generator import ROWS, in_blocks
from molgen.seeds import rng


@dataclass(frozen=True)
class ResampleRecipe:
    """`replace`: each draw from the whole set; otherwise no design comes again before all have come."""

    kind: Literal["resample"] = "resample"
    replace: bool = True


DEFAULT = ResampleRecipe()


class Resample:
    """The training designs, as they are written."""

    def __init__(self, designs: Sequence[str], card: dict[str, Any]) -> None:
        self.designs, self.card = list(designs), card
        self.recipe = ResampleRecipe(**card["recipe"])

    @classmethod
    def fit(
        cls,
        designs: Sequence[str],
        recipe: ResampleRecipe = DEFAULT,
        *,
        modality: str = "molecule",
        data: dict[str, Any] | None = None,
    ) -> Self:
        """Keeps the designs; `data` is the card's entry on the training set."""
        storage.refuse_nothing(len(designs))
        return cls(designs, storage.new_card(recipe, data, modality, {}))

    def sample(
        self,
        n: int,
        seed: int,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        progress: Callable[[int], None] | None = None,
    ) -> list[str]:
        """`n` training designs. Temperature and top_p change nothing: each is equally likely."""
        draw = self._with_replacement if self.recipe.replace else self._without
        return in_blocks(n, temperature, top_p, progress, lambda block: draw(seed, block))

    def _with_replacement(self, seed: int, block: range) -> list[str]:
        places = rng(seed, "draw", block.start // ROWS).integers(len(self.designs), size=ROWS)
        return [self.designs[place] for place in places[: len(block)]]

    def _without(self, seed: int, block: range) -> list[str]:
        passes = {number // len(self.designs) for number in block}
        orders = {one: rng(seed, "order", one).permutation(len(self.designs)) for one in passes}
        cuts = (divmod(number, len(self.designs)) for number in block)
        return [self.designs[orders[one][place]] for one, place in cuts]

    def with_motif(self, text: str) -> NoReturn:
        """MolgenError: it keeps no motif."""
        storage.refuse_motif(self.card, text)

    def save(self, path: Path) -> None:
        """Writes designs and card."""
        storage.write(path, {"designs": storage.as_array(self.designs)}, self.card)

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` wrote."""
        arrays, card = storage.read(path, "resample", ["designs"])
        return cls(storage.as_designs(arrays["designs"]), card)
