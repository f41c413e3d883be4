"""Splits that hold out whole scaffolds, so that a held-out molecule is no close relative of a training molecule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rdkit import Chem, rdBase

from molgen.molecule.chemistry import Judged, judge, scaffold, without_stereo
from molgen.seeds import spawn


def scaffold_groups(texts: Sequence[str]) -> list[str]:
    """What each molecule is held out with: all of equal group lie on one side of a split.

    The Bemis-Murcko scaffold (J. Med. Chem. 1996, 39, 2887) of the parent molecule; where there is no ring, the
    constitution: acyclic molecules have no scaffold in common, and only equal ones belong together. Of what molgen
    refuses (a metal, a mixture), the scaffold of what is written; of what is no SMILES, the text.
    """
    with rdBase.BlockLogs():
        return [_group(one) for one in judge(texts, strip_salts=True)]


def _group(judged: Judged) -> str:
    mol = judged.mol or Chem.MolFromSmiles(judged.text)
    return judged.text if mol is None else scaffold(mol) or without_stereo(mol)


def hold_out(groups: Sequence[str], share: float, seed: int) -> np.ndarray:
    """(n,) bool: the rows held out, `share` of all to the row wherever a group of one is left to fill the rest.

    Groups are taken in an order drawn by the seed, and one that no longer fits is passed over. Those that alone would
    be more than a tenth of what is held out come last: a long series is learned from. Only which rows are equal
    matters, not how their group is spelled.
    """
    first: dict[str, int] = {}
    number = np.array([first.setdefault(group, row) for row, group in enumerate(groups)], dtype=np.int64)
    sizes = np.bincount(number, minlength=len(groups))
    held_out, wanted = np.zeros(len(groups), dtype=bool), round(share * len(groups))
    for row in sorted(first.values(), key=lambda row: (sizes[row] > wanted / 10, spawn(seed, "scaffold", row))):
        if sizes[row] <= wanted - held_out.sum():
            held_out |= number == row
    return held_out
