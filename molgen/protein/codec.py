"""The only door between protein sequences as text and as tensors: one-letter codes <-> tokens <-> fields."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from molgen.codec import Encoded
from molgen.errors import MolgenError
from molgen.protein.alphabet import INDEX, RESIDUES, Judged, judge

if TYPE_CHECKING:
    from molgen.batch import Fields

END = 0  # a residue's token is its class + 1


class ProteinCodec:
    """Sequences of `shortest` to `longest` residues to tensors and back."""

    def __init__(self, longest: int = 50, shortest: int = 5) -> None:
        self.longest, self.shortest = longest, shortest

    def encode(self, texts: Iterable[str]) -> list[Encoded]:
        """Tokens of every text, or the reason why it has none.

        What the alphabet passes over (gaps, a stop at the end) is no part of a design.
        """
        return [_spelled(judged) for judged in judge(list(texts), self.longest, self.shortest)]

    def decode(self, tokens: Iterable[Sequence[int]]) -> list[str]:
        """The sequence of every token sequence, up to its first `end`.

        Raises:
            MolgenError: a number that is no token.
        """
        return [self._text(row) for row in tokens]

    def _text(self, tokens: Sequence[int]) -> str:
        letters: list[str] = []
        for token in tokens:
            if token == END:
                break
            if not 0 < token <= len(RESIDUES):
                raise MolgenError(f"there is no token {token}; tokens are 0 (end) to {len(RESIDUES)}")
            letters.append(RESIDUES[token - 1])
        return "".join(letters)

    def texts(self, fields: Fields, n: int) -> list[str]:
        """The sequence of the first `n` designs of fields, as drawn."""
        position, sizes = fields.position[:n].cpu().numpy(), fields.sizes[:n].tolist()
        return ["".join(RESIDUES[k] for k in row[:size]) for row, size in zip(position, sizes, strict=True)]


def _spelled(judged: Judged) -> Encoded:
    if judged.sequence is None:
        return Encoded(None, judged.reason or "")
    return Encoded((*(INDEX[residue] + 1 for residue in judged.sequence), END))
