"""Similarity of molecules: Morgan fingerprints, and the exact nearest neighbour in a large reference set.

Fingerprints are packed, eight bits a byte, lowest bit first: (n, 128) uint8 for 1024 bits. Stereochemistry does not
enter them. Making them imports no torch; `nearest` imports it when it is called, for its integer matrix product.
"""

import platform
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
from rdkit import Chem, DataStructs, rdBase
from rdkit.Chem import rdFingerprintGenerator

from molgen.errors import MolgenError
from molgen.molecule import chemistry

if TYPE_CHECKING:
    import torch

RADIUS = 2
BITS = 1024
BYTES = BITS // 8
VERSION = 2  # of the fingerprints and of the file
BLOCK = 8192  # references in one matrix product
QUERIES = 2048  # queries in one matrix product: counts take BLOCK x QUERIES x 4 bytes

# What standardising may change: several fragments, charges, a metal bound to the rest. Plain organic SMILES have none.
_CHANGEABLE = re.compile(r"[.+]|\[[^\]]*-|\[(?:Li|Na|K|Mg|Ca|Zn)")

Progress = Callable[[int], None]
Mapper = Callable[[Callable[[Sequence[str]], "Part"], Sequence[Sequence[str]]], Iterable["Part"]]


def morgan(mols: Sequence[Chem.Mol]) -> np.ndarray:
    """Morgan fingerprints (radius 2, 1024 bits), packed: (n, 128) uint8."""
    make = rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS).GetFingerprint
    packed = b"".join(DataStructs.BitVectToBinaryText(make(mol)) for mol in mols)
    return np.frombuffer(packed, dtype=np.uint8).reshape(-1, BYTES)


@dataclass(frozen=True)
class Part:
    """The fingerprints of one chunk of SMILES."""

    bits: np.ndarray  # (r, 128) uint8, of the readable ones in their order
    readable: np.ndarray  # (n,) bool


def comparable(text: str) -> Chem.Mol | None:
    """The molecule of a SMILES in the form in which molecules are compared, or None.

    Known counter-ions and solvents are taken off and charges neutralised, as designs are standardised; what cannot be
    (a mixture, say) is compared as it stands.
    """
    if _CHANGEABLE.search(text):
        mol = chemistry.judge([text], strip_salts=True)[0].mol
        if mol is not None:
            return mol
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(text)
    return mol if mol is not None and mol.GetNumAtoms() > 0 else None


def fingerprint_chunk(smiles: Sequence[str]) -> Part:
    """Fingerprints of a chunk of SMILES in their comparable form, the unreadable ones left out and marked.

    Work for one process.
    """
    mols = [comparable(text) for text in smiles]
    readable = np.array([mol is not None for mol in mols], dtype=bool)
    return Part(morgan([mol for mol, good in zip(mols, readable, strict=True) if good]), readable)


@dataclass(frozen=True)
class ReferenceIndex:
    """A reference set that answers which of its molecules is the most similar one."""

    name: str
    bits: np.ndarray  # (n, 128) uint8
    smiles: "Texts"  # (n,) as they were given
    unreadable: int = 0  # texts that were no molecule, left out
    note: str = ""  # a sentence on them, '' if there are none

    def __post_init__(self) -> None:
        if self.bits.dtype != np.uint8 or self.bits.shape != (len(self.smiles), BYTES):
            raise ValueError(f"{self.bits.dtype} bits of shape {self.bits.shape} for {len(self.smiles)} SMILES")

    def __len__(self) -> int:
        return len(self.smiles)

    @property
    def texts(self) -> "Texts":
        """The molecules, as they were given."""
        return self.smiles

    @classmethod
    def build(
        cls,
        smiles: Sequence[str],
        *,
        name: str = "reference",
        chunk: int = 10_000,
        mapper: Mapper = map,
        progress: Progress | None = None,
    ) -> "ReferenceIndex":
        """Make the index of a list of SMILES; unreadable ones are left out and counted.

        mapper: `map`, or the map of a process pool (`pool.map`, `pool.imap`), that gives the results in order.
        progress: called with the number of texts done after each chunk.
        """
        chunks = [smiles[start : start + chunk] for start in range(0, len(smiles), chunk)]
        parts: list[Part] = []
        for part, texts in zip(mapper(fingerprint_chunk, chunks), chunks, strict=True):
            parts.append(part)
            if progress is not None:
                progress(len(texts))
        return cls.join(smiles, parts, name=name)

    @classmethod
    def join(
        cls, smiles: Sequence[str], parts: Sequence[Part], *, name: str = "reference", note: str = ""
    ) -> "ReferenceIndex":
        """Make the index of chunks that were fingerprinted elsewhere, in the order of the SMILES."""
        readable = np.concatenate([part.readable for part in parts]) if parts else np.zeros(0, dtype=bool)
        kept = [text for text, good in zip(smiles, readable, strict=True) if good]
        if not kept:
            raise MolgenError(f"the reference set '{name}' holds no readable molecule among {len(smiles)} texts")
        return cls(name, np.concatenate([part.bits for part in parts]), Texts.of(kept), int((~readable).sum()), note)

    def save(self, path: Path) -> None:
        """Write the index (numpy's npz, nothing pickled), whole or not at all."""
        partial = path.with_name(f".{path.name}.tmp.npz")
        head = np.array([VERSION, self.unreadable])
        texts = {"name": np.array(self.name), "note": np.array(self.note)}
        np.savez(partial, head=head, bits=self.bits, **texts, **self.smiles.arrays())
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> "ReferenceIndex":
        """Read an index; MolgenError where the file is none of this version."""
        try:
            with np.load(path, allow_pickle=False) as data:
                version, unreadable = (int(value) for value in data["head"])
                texts = Texts(data["text"], data["ends"])
                note = str(data["note"]) if "note" in data else ""
                found = cls(str(data["name"]), data["bits"], texts, unreadable, note)
        except (OSError, KeyError, ValueError, EOFError, BadZipFile) as problem:
            raise MolgenError(f"{path} is no reference index ({problem}); delete it, it is made anew") from problem
        if version != VERSION:
            raise MolgenError(f"{path} has version {version} of the reference index, not {VERSION}; delete it")
        return found

    def nearest(
        self, queries: Sequence[Chem.Mol] | np.ndarray, progress: Progress | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The most similar reference of each query: its index (m,) int64 and the Tanimoto similarity (m,) float64.

        Exact; ties go to the lowest index. Queries are molecules or packed fingerprints (m, 128). Needs some 300 MB
        beside the index, whatever its size. progress: called with the number of references compared.
        """
        packed = queries if isinstance(queries, np.ndarray) else morgan(queries)
        found = [
            _nearest(packed[start : start + QUERIES], self.bits, progress) for start in range(0, len(packed), QUERIES)
        ]
        if not found:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float64)
        return np.concatenate([index for index, _ in found]), np.concatenate([best for _, best in found])


@dataclass(frozen=True)
class Texts:
    """Many short texts in one block of memory: as compact as their file, read one by one."""

    text: np.ndarray  # (bytes,) uint8
    ends: np.ndarray  # (n,) int64: where each text ends

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Texts":
        encoded = [text.encode() for text in texts]
        return cls(np.frombuffer(b"".join(encoded), dtype=np.uint8), np.cumsum([*map(len, encoded)], dtype=np.int64))

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, row: int) -> str:
        row = range(len(self.ends))[row]
        start = self.ends[row - 1] if row else 0
        return self.text[start : self.ends[row]].tobytes().decode()

    def __iter__(self) -> Iterator[str]:
        return (self[row] for row in range(len(self)))

    def arrays(self) -> dict[str, np.ndarray]:
        """What a file must hold."""
        return {"text": self.text, "ends": self.ends}


def popcounts(packed: np.ndarray) -> np.ndarray:
    """On-bits of each row of (n, 128) uint8."""
    words = np.ascontiguousarray(packed).view(np.uint64)
    return np.bitwise_count(words).sum(axis=1, dtype=np.int64)


def _nearest(packed: np.ndarray, bits: np.ndarray, progress: Progress | None) -> tuple[np.ndarray, np.ndarray]:
    """Exact nearest neighbour by blocks of references with the same number of on-bits b.

    Within such a block the greatest number c of shared bits is also the greatest similarity c / (a + b - c), so one
    integer matrix product and its row maxima decide. A query with a bits cannot exceed min(a, b) / max(a, b) there
    (Swamidass and Baldi 2007, doi 10.1021/ci600358f), which leaves blocks out once something better was found.
    """
    counts, sizes = popcounts(packed), popcounts(bits)
    best, index = np.full(len(packed), -1.0), np.zeros(len(packed), dtype=np.int64)
    spread, order = spread_bits(packed), np.argsort(sizes, kind="stable")
    for block in blocks(sizes[order], around=int(np.median(counts)), most=BLOCK):
        rows = order[block]
        size = int(sizes[rows[0]])
        reachable = np.minimum(counts, size) / np.maximum(np.maximum(counts, size), 1)
        active = np.flatnonzero(reachable >= best)
        if active.size:
            shared = products(spread[active], spread_bits(bits[rows])).numpy()
            _improve(best, index, active, counts[active] + size, shared, rows)
        if progress is not None:
            progress(len(rows))
    return index, best


def blocks(sizes: np.ndarray, around: int, most: int) -> Iterator[slice]:
    """Rows of equal size, at most `most` at a time; sizes nearest to `around` first, the lower of two. sizes ascend."""
    values, starts = np.unique(sizes, return_index=True)
    ends = np.append(starts[1:], len(sizes))
    for group in np.argsort(np.abs(values - around), kind="stable"):
        for start in range(int(starts[group]), int(ends[group]), most):
            yield slice(start, min(start + most, int(ends[group])))


def _improve(
    best: np.ndarray, index: np.ndarray, active: np.ndarray, total: np.ndarray, shared: np.ndarray, rows: np.ndarray
) -> None:
    """Take over what a block has that is better, or equally good at a lower index. Writes into best and index."""
    most = shared.max(axis=1)
    similarity = most / np.maximum(total - most, 1)
    good = np.flatnonzero(similarity >= best[active])
    where = rows[shared[good].argmax(axis=1)]
    queries, similarity = active[good], similarity[good]
    better = (similarity > best[queries]) | (where < index[queries])
    best[queries[better]], index[queries[better]] = similarity[better], where[better]


def spread_bits(packed: np.ndarray) -> np.ndarray:
    """One int8 of 0 or 1 for each bit: (n, 128) -> (n, 1024)."""
    return np.unpackbits(packed, axis=1, bitorder="little").view(np.int8)


def products(queries: np.ndarray, references: np.ndarray) -> "torch.Tensor":
    """(m, k) x (r, k) int8 -> (m, r) int32 of the sums of products, exact: of spread bits, how many are shared."""
    import torch  # worker processes make fingerprints without it

    left, right = torch.from_numpy(queries), torch.from_numpy(references).T
    if torch.backends.mkldnn.is_available() and platform.machine().lower() in ("x86_64", "amd64"):
        return torch._int_mm(left, right)  # four to five times as fast as float32
    return (left.float() @ right.float()).int()  # whole numbers below 2^24 are exact in float32
