"""A genetic algorithm on molecular graphs: crossover and mutation of training molecules.

Graph GA (Jensen, Chem. Sci. 2019, 10, 3567) with the operators of the package mol-ga (Tripp and Hernandez-Lobato 2023,
arXiv:2310.09267). Without a score there is no selection: each draw is a child of two training molecules or a mutant of
one, what the operators alone make of the training set. With a score, the parents are the population to which the
training set evolves.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Self

from rdkit import rdBase

from molgen.baselines import storage
from molgen.errors import MolgenError
from molgen.generator import in_blocks
from molgen.seeds import spawn

ScoreFunction = Callable[[list[str]], Sequence[float]]  # higher is better; NaN: could not be scored
CHILD_MUTATES = 0.01  # share of children that are mutated after crossover, as in mol-ga


@dataclass(frozen=True)
class GeneticRecipe:
    """The operators, and the selection where there is a score.

    Attributes:
        mutants: share of draws that are mutants of one molecule; the others are children of two.
        tries: pairs of parents after which a draw gives up and returns a parent as it is.
        generations, population, offspring: of the evolution towards a score.
        patience: generations in a row without a new molecule after which the evolution ends: a population that has
            converged makes none.
    """

    kind: Literal["genetic"] = "genetic"
    mutants: float = 0.1
    tries: int = 30
    generations: int = 20
    population: int = 1000
    offspring: int = 200
    patience: int = 5


DEFAULT = GeneticRecipe()


class Genetic:
    """The parents, and how children are made of them."""

    def __init__(self, parents: Sequence[str], card: dict[str, Any]) -> None:
        self.parents, self.card = list(parents), card
        self.recipe = GeneticRecipe(**card["recipe"])

    @classmethod
    def fit(
        cls,
        designs: Sequence[str],
        recipe: GeneticRecipe = DEFAULT,
        *,
        seed: int = 0,
        score: ScoreFunction | None = None,
        data: dict[str, Any] | None = None,
    ) -> Self:
        """Takes the designs as parents, or, with a score, what they evolve to; `data` is the card's entry on them."""
        storage.refuse_nothing(len(designs))
        parents = list(designs) if score is None else evolve(designs, score, recipe, seed)
        card = storage.new_card(recipe, data, "molecule", {}, seed=seed, evolved=score is not None)
        return cls(parents, card)

    def sample(
        self,
        n: int,
        seed: int,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        progress: Callable[[int], None] | None = None,
    ) -> list[str]:
        """`n` children or mutants, each decided by its own number. Temperature and top_p change nothing."""
        operators = _operators()

        def draw(block: range) -> list[str]:
            with rdBase.BlockLogs():
                return [self._draw(operators, random.Random(spawn(seed, "draw", number))) for number in block]

        return in_blocks(n, temperature, top_p, progress, draw)

    def _draw(self, operators: ModuleType, chance: random.Random) -> str:
        """A molecule that an operator made, or, after `tries` attempts without one, a parent."""
        for _ in range(self.recipe.tries):
            if chance.random() < self.recipe.mutants:
                made = operators.mutate(chance.choice(self.parents), chance)
            else:
                pair = chance.choice(self.parents), chance.choice(self.parents)
                made = operators.reproduce(*pair, CHILD_MUTATES, chance)
            if made is not None:
                return made
        return chance.choice(self.parents)

    def save(self, path: Path) -> None:
        """Writes parents and card."""
        storage.write(path, {"parents": storage.as_array(self.parents)}, self.card)

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` wrote."""
        arrays, card = storage.read(path, "genetic", ["parents"])
        return cls(storage.as_designs(arrays["parents"]), card)


def evolve(designs: Sequence[str], score: ScoreFunction, recipe: GeneticRecipe, seed: int) -> list[str]:
    """The population after `recipe.generations`, best first: truncation selection, parents drawn by mol-ga's quantiles.

    Molecules that cannot be scored never enter it. No molecule is scored twice.

    Raises:
        MolgenError: not one of the designs could be scored.
    """
    from mol_ga.sample_population import uniform_quantile_sampling

    operators, chance = _operators(), random.Random(spawn(seed, "evolve"))
    known = set(designs)
    population = _best(_scored(score, sorted(known)), recipe)
    if not population:
        raise MolgenError(f"none of {len(known)} designs could be scored: there is nothing to evolve from")
    idle = 0
    for _ in range(recipe.generations):
        parents = uniform_quantile_sampling(population, 2 * recipe.offspring, chance)
        with rdBase.BlockLogs():
            made = operators.graph_ga_blended_generation(parents, recipe.offspring, chance, None, recipe.mutants)
        new = sorted(made - known)  # sets have no order that a seed decides
        idle = 0 if new else idle + 1
        if idle == recipe.patience:
            break
        known.update(new)
        population = _best([*population, *_scored(score, new)], recipe)
    return [design for _, design in population]


def _best(population: list[tuple[float, str]], recipe: GeneticRecipe) -> list[tuple[float, str]]:
    return heapq.nlargest(recipe.population, population)


def _scored(score: ScoreFunction, designs: list[str]) -> list[tuple[float, str]]:
    if not designs:
        return []
    return [(float(one), design) for one, design in zip(score(designs), designs, strict=True) if one == one]


def _operators() -> ModuleType:
    """mol-ga's operators. Importing and calling them turns RDKit's log off for good: only inside of `BlockLogs`."""
    with rdBase.BlockLogs():
        from mol_ga.graph_ga import gen_candidates
    return gen_candidates
