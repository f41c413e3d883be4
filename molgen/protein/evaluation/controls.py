"""Negative controls: designs made without any model, of which an evaluation must say what is wrong with them.

Whoever prints a rate of 'predicted active' prints it for `shuffled` designs beside it: classifiers of antimicrobial
peptides mostly see composition.
"""

from collections.abc import Sequence

import numpy as np

from molgen.protein.alphabet import RESIDUES
from molgen.seeds import rng


def shuffled(sequences: Sequence[str], seed: int) -> list[str]:
    """The residues of each sequence in random order: composition and length stay, all order goes."""
    chance = rng(seed, "shuffled")
    return ["".join(chance.permutation(list(one))) if one else "" for one in sequences]


def independent(sequences: Sequence[str], seed: int) -> list[str]:
    """Every residue drawn from the composition of all sequences together; the lengths stay."""
    chance, pool = rng(seed, "independent"), np.array(list("".join(sequences)))
    return ["".join(pool[chance.integers(len(pool), size=len(one))]) if one else "" for one in sequences]


def uniform(sequences: Sequence[str], seed: int) -> list[str]:
    """Every residue any of the 20 alike; the lengths stay."""
    chance, pool = rng(seed, "uniform"), np.array(list(RESIDUES))
    return ["".join(pool[chance.integers(len(pool), size=len(one))]) if one else "" for one in sequences]


def mutated(sequences: Sequence[str], seed: int, share: float = 0.1) -> list[str]:
    """Copies in which each residue becomes another one with probability `share`."""
    chance = rng(seed, "mutated")

    def one_mutated(sequence: str) -> str:
        changes = chance.random(len(sequence)) < share
        others = chance.integers(1, len(RESIDUES), size=len(sequence))
        return "".join(
            RESIDUES[(RESIDUES.index(old) + int(other)) % len(RESIDUES)] if change else old
            for old, change, other in zip(sequence, changes, others, strict=True)
        )

    return [one_mutated(sequence) for sequence in sequences]
