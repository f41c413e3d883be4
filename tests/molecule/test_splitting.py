"""Splits by scaffold: which molecules belong together, and how many are held out."""

import numpy as np
import pytest

from molgen.molecule.splitting import hold_out, scaffold_groups


def test_molecules_of_one_scaffold_belong_together_whatever_their_salt_or_stereochemistry() -> None:
    phenyl = ["Cc1ccccc1", "[Na+].[O-]C(=O)c1ccccc1", "C[C@H](O)c1ccccc1", "Cl.NCc1ccccc1"]
    assert set(scaffold_groups(phenyl)) == {"c1ccccc1"}
    assert scaffold_groups(["Cc1ccncc1"]) == ["c1ccncc1"]


def test_acyclic_molecules_belong_together_only_where_they_are_the_same() -> None:
    assert scaffold_groups(["CCO", "OCC", "CCN", "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"]) == [
        "CCO", "CCO", "CCN", "CC(N)C(=O)O", "CC(N)C(=O)O",
    ]  # fmt: skip


def test_what_is_refused_is_grouped_all_the_same() -> None:
    assert scaffold_groups(["C[Fe]c1ccccc1", "c1ccccc1.C1CCNCC1", "xyz"]) == ["c1ccccc1", "C1CCNCC1.c1ccccc1", "xyz"]


def test_a_fifth_is_held_out_in_whole_groups() -> None:
    groups = [*"aaabbc", *(str(n) for n in range(94))]
    held_out = hold_out(groups, 0.2, seed=0)
    assert held_out.sum() == 20
    outside = {group for group, out in zip(groups, held_out, strict=True) if not out}
    assert outside.isdisjoint(group for group, out in zip(groups, held_out, strict=True) if out)


def test_a_group_of_more_than_a_tenth_of_what_is_held_out_stays_in_training_if_others_suffice() -> None:
    groups = ["large"] * 3 + ["fits"] * 2 + [str(n) for n in range(95)]
    drawn = [hold_out(groups, 0.2, seed) for seed in range(40)]
    assert not any(held_out[:3].any() for held_out in drawn)
    assert any(held_out[3:5].all() for held_out in drawn)
    assert hold_out(["large"] * 5 + ["larger"] * 15, 0.25, seed=0).tolist() == [True] * 5 + [False] * 15


def test_the_seed_decides_and_the_spelling_of_the_groups_does_not() -> None:
    groups = [str(n // 2) for n in range(60)]
    first = hold_out(groups, 0.2, seed=1)
    assert np.array_equal(hold_out([f"spelled otherwise {group}" for group in groups], 0.2, seed=1), first)
    assert not np.array_equal(hold_out(groups, 0.2, seed=2), first)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_nothing_and_everything_can_be_held_out(share: float) -> None:
    assert hold_out([str(n) for n in range(30)], share, 0).mean() == share
