"""A grammar of few atoms, eight designs, and networks so small that a test trains them."""

import numpy as np

from molgen.batch import Batch
from molgen.families.vae import VaeRecipe
from molgen.molecule.codec import MoleculeCodec
from molgen.molecule.grammar import MoleculeGrammar
from molgen.sequences import Sequences

GRAMMAR = MoleculeGrammar()
EIGHT = ["CCO", "c1ccccc1", "CC(=O)O", "CN", "CC#N", "C1CC1", "CC(C)Cl", "OCCO"]
TINY_VAE = VaeRecipe(
    width=32, depth=1, inputs=16, latent=4, encoder_width=16, encoder_depth=2, readout=16, beta=0.01, free_nats=0.0
)


def eight() -> Sequences:
    """The eight designs as tokens."""
    return Sequences.of([e.tokens for e in MoleculeCodec().encode(EIGHT)])


def whole(data: Sequences) -> Batch:
    """All of them as one batch."""
    return data.batch(np.arange(len(data)), GRAMMAR)
