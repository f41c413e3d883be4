"""What a kind of design brings: its name, the grammar that networks see, and the door between text and tensors.

A third modality is one more constant here; nothing else asks which modality it has. Its science, which needs no torch,
is found by the same name (molgen/science.py). Importing this brings neither torch nor RDKit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from molgen.codec import Codec, Encoded
from molgen.errors import MolgenError

if TYPE_CHECKING:
    from molgen.batch import Grammar

__all__ = ["MODALITIES", "MOLECULE", "PROTEIN", "Codec", "Encoded", "Modality", "modality_of", "named"]

Settings = dict[str, Any]


@dataclass(frozen=True)
class Modality:
    """A kind of design. `grammar` and `codec` are made from the plain settings that a card holds.

    Attributes:
        settings: gives those of a fresh grammar.
    """

    name: str
    settings: Callable[[], Settings]
    grammar: Callable[[Settings], Grammar]  # needs torch, not RDKit
    codec: Callable[[Settings], Codec]  # needs RDKit for molecules, not torch


def _molecule_settings() -> Settings:
    from molgen.molecule.vocabulary import Vocabulary

    return Vocabulary().settings()


def _molecule_grammar(settings: Settings) -> Grammar:
    from molgen.molecule.grammar import MoleculeGrammar

    return MoleculeGrammar.of(settings)


def _molecule_codec(settings: Settings) -> Codec:
    from molgen.molecule.codec import MoleculeCodec  # where there is no RDKit, networks still train
    from molgen.molecule.vocabulary import Vocabulary

    return MoleculeCodec(Vocabulary.of(settings))


def _protein_settings() -> Settings:
    return {"longest": 50, "shortest": 5, "motif": ""}


def _protein_grammar(settings: Settings) -> Grammar:
    from molgen.protein.grammar import ProteinGrammar

    return ProteinGrammar.of(settings)


def _protein_codec(settings: Settings) -> Codec:
    from molgen.protein.codec import ProteinCodec

    return ProteinCodec(settings["longest"], settings["shortest"])


MOLECULE = Modality("molecule", _molecule_settings, _molecule_grammar, _molecule_codec)
PROTEIN = Modality("protein", _protein_settings, _protein_grammar, _protein_codec)
MODALITIES = {modality.name: modality for modality in (MOLECULE, PROTEIN)}


def named(name: str) -> Modality:
    """The modality of that name.

    Raises:
        MolgenError: one that this version does not have.
    """
    if name not in MODALITIES:
        raise MolgenError(f"unknown modality {name!r}; this version has {', '.join(MODALITIES)}")
    return MODALITIES[name]


def modality_of(card: dict[str, Any]) -> Modality:
    """The modality that a card names; MolgenError where this version does not have it."""
    return named(card["modality"])
