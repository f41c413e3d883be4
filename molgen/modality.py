"""What a kind of design brings: its name, the grammar that networks see, and the door between text and tensors.

A third modality is one more constant here; nothing else asks which modality it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from molgen.batch import Fields, Grammar
from molgen.errors import MolgenError
from molgen.molecule.grammar import MoleculeGrammar
from molgen.molecule.vocabulary import Vocabulary

if TYPE_CHECKING:
    from molgen.molecule.codec import Encoded


class Codec(Protocol):
    """The only door between text and tensors."""

    def encode(self, texts: Iterable[str]) -> list[Encoded]:
        """Tokens of every text, or the reason why it has none."""
        ...

    def decode(self, tokens: Iterable[Sequence[int]]) -> list[str]:
        """The text of every token sequence, as drawn."""
        ...

    def texts(self, fields: Fields, n: int) -> list[str]:
        """The text of the first `n` designs of drawn fields, as drawn: fragments are joined by dots."""
        ...


@dataclass(frozen=True)
class Modality:
    """A kind of design. `grammar` and `codec` are made from the plain settings that a card holds."""

    name: str
    grammar: Callable[[dict[str, Any]], Grammar]  # needs torch, not RDKit
    codec: Callable[[dict[str, Any]], Codec]  # needs RDKit, not torch


def _molecule_codec(settings: dict[str, Any]) -> Codec:
    from molgen.molecule.codec import MoleculeCodec  # where there is no RDKit, networks still train

    return MoleculeCodec(Vocabulary.of(settings))


MOLECULE = Modality("molecule", MoleculeGrammar.of, _molecule_codec)
MODALITIES = {MOLECULE.name: MOLECULE}


def modality_of(card: dict[str, Any]) -> Modality:
    """The modality that a card names; MolgenError where this version does not have it."""
    if card["modality"] not in MODALITIES:
        raise MolgenError(f"unknown modality {card['modality']!r}; this version has {', '.join(MODALITIES)}")
    return MODALITIES[card["modality"]]
