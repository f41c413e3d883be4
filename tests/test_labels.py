"""Properties of training designs."""

import numpy as np
import pytest
import torch

from molgen.errors import MolgenError
from molgen.executor import Serial
from molgen.labels import labelled
from molgen.molecule.vocabulary import Vocabulary
from molgen.nn.told import moments, standardised
from molgen.protein.codec import ProteinCodec
from molgen.protein.grammar import ProteinGrammar
from molgen.sequences import Sequences
from tests.tiny import eight


def test_labels_are_the_properties_of_the_spelled_molecules() -> None:
    data = labelled(eight(), ("mw", "rings", "tpsa"), Vocabulary(), Serial(), seed=0)
    ethanol, benzene = data.labels[0], data.labels[1]
    assert ethanol.tolist() == pytest.approx([46.069, 0, 20.23], abs=1e-2)
    assert benzene.tolist() == pytest.approx([78.114, 1, 0], abs=1e-2)
    assert np.array_equal(data.take(np.array([1])).labels[0], benzene)


def test_only_a_sample_is_labelled_and_the_seed_decides_which() -> None:
    def known(seed: int) -> list[bool]:
        return (~np.isnan(labelled(eight(), ("mw",), Vocabulary(), Serial(), seed, most=3).labels[:, 0])).tolist()

    assert sum(known(0)) == 3 and known(0) == known(0) and any(known(0) != known(seed) for seed in range(1, 5))


def test_an_unknown_property_is_named() -> None:
    with pytest.raises(MolgenError, match="no property 'smell'; there are"):
        labelled(eight(), ("smell",), Vocabulary(), Serial(), seed=0)


def test_labels_of_proteins_are_properties_of_proteins() -> None:
    data = Sequences.of([one.tokens or () for one in ProteinCodec().encode(["KLAKLAK", "AAAAAAAAAA"])])
    found = labelled(data, ("length", "gravy"), ProteinGrammar(), Serial(), seed=0, modality="protein")
    kyte_doolittle = (3 * -3.9 + 2 * 3.8 + 2 * 1.8) / 7
    assert found.labels.ravel().tolist() == pytest.approx([7, kyte_doolittle, 10, 1.8], abs=1e-5)
    with pytest.raises(MolgenError, match=r"no property 'logp' \(.*--modality molecule\); there are"):
        labelled(data, ("logp",), ProteinGrammar(), Serial(), seed=0, modality="protein")


def test_given_columns_keep_their_rows_among_those_that_are_computed() -> None:
    """Also where only a sample is computed: what the file says costs nothing."""
    active = np.arange(8, dtype=np.float32)[:, None]
    data = Sequences(eight().flat, eight().offsets, active)
    found = labelled(data, ("rings", "active", "mw"), Vocabulary(), Serial(), seed=0).labels
    assert found[:, 1].tolist() == list(range(8))
    assert found[:2, 0].tolist() == [0, 1] and found[:2, 2].tolist() == pytest.approx([46.069, 78.114], abs=1e-2)
    few = labelled(data, ("rings", "active"), Vocabulary(), Serial(), seed=0, most=3).labels
    assert np.isnan(few[:, 0]).sum() == 5 and few[:, 1].tolist() == list(range(8))
    alone = labelled(data, ("active",), Vocabulary(), Serial(), seed=0).labels
    assert np.array_equal(alone, active)


def test_mean_and_deviation_of_a_property_are_over_the_designs_that_have_it() -> None:
    """An assay that few designs went through: of 1, 3 and two unknown, mean 2 and deviation 1."""
    labels = np.array([[1, 0], [np.nan, 4], [3, np.nan], [np.nan, 8]], dtype=np.float32)
    data = eight().take(np.arange(4))
    centre, spread = moments(Sequences(data.flat, data.offsets, labels))
    assert centre.tolist() == [2, 4] and spread.tolist() == pytest.approx([1, (32 / 3) ** 0.5])


def test_more_or_fewer_properties_than_the_network_knows_are_not_spread_over_them() -> None:
    centre, spread = torch.tensor([1.0, 2.0]), torch.tensor([2.0, 4.0])
    assert standardised(torch.tensor([[3.0, torch.nan]]), centre, spread).tolist() == [[1.0, 0.0, 1.0, 0.0]]
    with pytest.raises(ValueError, match="1 properties are told, the network knows 2"):
        standardised(torch.ones(3, 1), centre, spread)
