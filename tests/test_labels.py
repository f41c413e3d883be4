"""Properties of training designs."""

import numpy as np
import pytest

from molgen.errors import MolgenError
from molgen.executor import Serial
from molgen.labels import labelled
from molgen.molecule.vocabulary import Vocabulary
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
    with pytest.raises(MolgenError, match="no property 'logp'; there are"):
        labelled(data, ("logp",), ProteinGrammar(), Serial(), seed=0, modality="protein")
