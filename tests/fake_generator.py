"""A generator that draws from a few real molecules, so that the pipeline's tests need no network and no weights."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from molgen.seeds import rng

KNOWN = ("CC(=O)Oc1ccccc1C(=O)O", "CC(C)Cc1ccc(cc1)C(C)C(=O)O", "CN1C=NC2=C1C(=O)N(C(=O)N2C)C")  # the training set
CORES = ("c1ccc({})cc1", "c1ccc({})nc1", "C1CCN({})CC1", "c1ccc2[nH]c({})nc2c1", "C1COCCN1{}", "c1csc({})n1")
ARMS = ("C(=O)NC", "CC(=O)N1CCOCC1", "CCO", "S(=O)(=O)NC", "CN1CCCC1", "C(=O)Nc1ccccc1", "CCC#N", "COC", "C(F)(F)F")
ODD = ("C1CC", "c1ccccc1C(Cl)(Cl)=O", "", "CC.O")  # not parsable, bad valence, nothing, two fragments


class FakeGenerator:
    """Draws known, new, repeated and invalid texts; the seed decides which. Writes a line to `log` for each call."""

    def __init__(self, training: Path | None = None, log: Path | None = None) -> None:
        name = None if training is None else str(training)
        self.card: dict[str, Any] = {"family": "fake", "data": {"name": name}}
        self.log = log

    def sample(
        self,
        n: int,
        seed: int,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        progress: Callable[[int], None] | None = None,
    ) -> list[str]:
        if self.log is not None:
            with self.log.open("a") as file:
                file.write(f"{n} {seed}\n")
        draws = rng(seed, "fake")
        texts = [self._one(draws) for _ in range(n)]
        if progress is not None:
            progress(n)
        return texts

    @staticmethod
    def _one(draws: Any) -> str:
        kind = draws.random()
        if kind < 0.04:
            return KNOWN[draws.integers(len(KNOWN))]
        if kind < 0.08:
            return ODD[draws.integers(len(ODD))]
        core = CORES[draws.integers(len(CORES))]
        arm = ARMS[draws.integers(len(ARMS))]
        return core.format(arm + "C" * int(draws.integers(4)) if arm.endswith("C") else arm)


def write_training_set(folder: Path) -> Path:
    """The known molecules as a file; one is spelled otherwise than today's RDKit would."""
    path = folder / "training.csv"
    path.write_text("smiles\n" + "\n".join(KNOWN) + "\n")
    return path
