"""The door for molecules as text: parse, sanitise, standardise, and say why a text is refused.

Nothing is repaired silently. What was changed on the way in (a salt removed, an atom map cleared) stands in `note`.
Stereochemistry and isotopes are kept.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rdkit import Chem, rdBase
from rdkit.Chem.MolStandardize import rdMolStandardize
from rdkit.Chem.Scaffolds import MurckoScaffold

from molgen.molecule.salts import COUNTER_METALS, counter_name, ionic

MAX_CHARACTERS = 20_000
MAX_HEAVY_ATOMS = 200

# Elements that a drug-like molecule may hold; everything else that is no dummy is called a metal in the reason.
NON_METALS = frozenset("H He B C N O F Ne Si P S Cl Ar As Se Br Kr Te I Xe".split())
ASK_FOR_PARENT = "give the parent molecule only"


@dataclass(frozen=True)
class Judged:
    """A text and what became of it: a molecule with its canonical SMILES, or the reason why not."""

    text: str
    mol: Chem.Mol | None
    canonical: str | None
    reason: str | None  # begins with a machine word before the colon: 'empty', 'unparsable: ...', 'valence: ...'
    note: str = ""  # what was changed, '' if nothing


class _RefusedError(Exception):
    """Carries the reason of refusal from a step to `judge`; never leaves this module."""


def judge(
    texts: Sequence[str], *, strip_salts: bool = False, max_heavy_atoms: int = MAX_HEAVY_ATOMS, organic: bool = True
) -> list[Judged]:
    """Parse and sanitise every text; give as many results, in the same order.

    A reason begins with one of the words: empty, control, unicode, blank, too long, reaction, unparsable, valence,
    kekulize, sanitise, too large, dummy atom, radical, metal, no carbon, fragments, mixture.

    strip_salts: take known counter-ions and solvents off a salt (a bond from sodium to oxygen is one), neutralise
        what remains, and say so in the note. Where that leaves more than one molecule, the text is refused.
        Without it, a text of more than one fragment is refused.
    max_heavy_atoms: limit on atoms other than hydrogen, checked before anything costly.
    organic: refuse molecules without carbon (they are valid, and no drug).
    """
    return [_judge_one(text, strip_salts, max_heavy_atoms, organic) for text in texts]


def scaffold(mol: Chem.Mol) -> str:
    """Canonical SMILES of the Bemis-Murcko scaffold, without stereochemistry; '' for a molecule without rings."""
    return Chem.MolToSmiles(MurckoScaffold.GetScaffoldForMol(mol), isomericSmiles=False)


def without_stereo(mol: Chem.Mol) -> str:
    """Canonical SMILES of the constitution: no stereochemistry, no isotopes."""
    return Chem.MolToSmiles(mol, isomericSmiles=False)


def _judge_one(text: str, strip_salts: bool, max_heavy_atoms: int, organic: bool) -> Judged:
    notes: list[str] = []
    try:
        with rdBase.BlockLogs():
            mol = _standard(_parse(_plain(text, notes), max_heavy_atoms), strip_salts, notes)
            _refuse_inorganic(mol, organic)
    except _RefusedError as refused:
        return Judged(text, None, None, str(refused))
    return Judged(text, mol, Chem.MolToSmiles(mol), None, "; ".join(notes))


def _plain(text: str, notes: list[str]) -> str:
    """The SMILES in the text, once nothing is left that no SMILES holds."""
    stripped = text.strip(" \t\r\n")
    if not stripped:
        raise _RefusedError("empty")
    for position, character in enumerate(stripped, start=1):
        if not " " <= character <= "~":
            raise _RefusedError(_odd_character(character, position))
    stripped = _without_extension(stripped, notes)
    if " " in stripped:
        raise _RefusedError(
            f"blank: at character {stripped.index(' ') + 1}; one SMILES a cell, names in another column"
        )
    if len(stripped) > MAX_CHARACTERS:
        raise _RefusedError(f"too long: {len(stripped)} characters (limit {MAX_CHARACTERS})")
    return stripped


def _odd_character(character: str, position: int) -> str:
    word = "control" if unicodedata.category(character).startswith("C") else "unicode"
    name = unicodedata.name(character, "control character")
    return f"{word}: U+{ord(character):04X} {name} at character {position}"


def _without_extension(text: str, notes: list[str]) -> str:
    match = re.fullmatch(r"(\S+) +\|[^|]*\|", text)
    if match is None:
        return text
    notes.append("CXSMILES extension dropped")
    return match.group(1)


def _parse(text: str, max_heavy_atoms: int) -> Chem.Mol:
    if ">" in text:
        raise _RefusedError("reaction: one molecule is expected, not a reaction")
    with rdBase.CaptureErrorLog() as log:
        mol = _read(text)
    if mol is None:
        raise _RefusedError(f"unparsable: {_message(log.messages, text)}")
    heavy = sum(atom.GetAtomicNum() > 1 for atom in mol.GetAtoms())
    if heavy > max_heavy_atoms:
        raise _RefusedError(f"too large: {heavy} heavy atoms (limit {max_heavy_atoms})")
    return mol


def _read(text: str) -> Chem.Mol | None:
    if text.startswith("InChI="):
        return Chem.MolFromInchi(text, sanitize=False, removeHs=False)
    return Chem.MolFromSmiles(text, sanitize=False)


def _message(log: str, text: str) -> str:
    """RDKit's complaint in one line, without the time of day and without the text itself."""
    lines = [re.sub(r"^\[[\d:]+\] (SMILES Parse Error: )?", "", line) for line in log.splitlines()]
    complaint = lines[0].split(" for input:")[0].split(" while parsing:")[0] if lines else "not a SMILES"
    position = re.search(r"around position (\d+)", log)
    return f"{complaint} near character {position.group(1)}" if position else complaint


def _standard(mol: Chem.Mol, strip_salts: bool, notes: list[str]) -> Chem.Mol:
    """Sanitise, then refuse or take apart what is no single molecule."""
    _clear_atom_maps(mol, notes)
    _refuse_dummies(mol)
    mol = _sanitised(mol)
    mol = _as_salt(mol, notes) if strip_salts else mol
    fragments = list(Chem.GetMolFrags(mol, asMols=True)) if len(Chem.GetMolFrags(mol)) > 1 else [mol]
    if len(fragments) > 1 and not strip_salts:
        raise _RefusedError(f"fragments: {len(fragments)}; draw one molecule, or set strip_salts = true for salts")
    _refuse_metals(fragments)
    return _parent(fragments, notes) if strip_salts else fragments[0]


def _clear_atom_maps(mol: Chem.Mol, notes: list[str]) -> None:
    mapped = [atom for atom in mol.GetAtoms() if atom.GetAtomMapNum()]
    for atom in mapped:
        atom.SetAtomMapNum(0)
    if mapped:
        notes.append("atom map numbers removed")


def _sanitised(mol: Chem.Mol) -> Chem.Mol:
    try:
        Chem.SanitizeMol(mol)
    except Chem.AtomValenceException as problem:
        raise _RefusedError(f"valence: {problem}") from problem
    except (Chem.KekulizeException, Chem.AtomKekulizeException) as problem:
        raise _RefusedError(f"kekulize: {' '.join(str(problem).split())}") from problem
    except Chem.MolSanitizeException as problem:
        raise _RefusedError(f"sanitise: {problem}") from problem
    mol = Chem.RemoveHs(mol)
    Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
    return mol


def _as_salt(mol: Chem.Mol, notes: list[str]) -> Chem.Mol:
    """The same molecule with bonds to counter-metals as charges; the note says so."""
    salt, metals = ionic(mol)
    if not metals:
        return mol
    notes.append(f"bonds of {', '.join(metals)} read as ionic")
    return _sanitised(salt)


def _refuse_dummies(mol: Chem.Mol) -> None:
    dummies = sum(atom.GetAtomicNum() == 0 for atom in mol.GetAtoms())
    if dummies:
        raise _RefusedError(f"dummy atom: {dummies} ('*' or an R group); draw the whole molecule")


def _refuse_metals(fragments: Sequence[Chem.Mol]) -> None:
    for fragment in fragments:
        symbols = {atom.GetSymbol() for atom in fragment.GetAtoms()} - NON_METALS
        counter_ion = len(fragments) > 1 and fragment.GetNumAtoms() == 1 and symbols <= COUNTER_METALS.keys()
        if symbols and not counter_ion:
            raise _RefusedError(f"metal: {', '.join(sorted(symbols))}; {ASK_FOR_PARENT}")


def _refuse_inorganic(mol: Chem.Mol, organic: bool) -> None:
    radicals = [f"{atom.GetSymbol()}{atom.GetIdx() + 1}" for atom in mol.GetAtoms() if atom.GetNumRadicalElectrons()]
    if radicals:
        raise _RefusedError(f"radical: at {', '.join(radicals)}")
    if organic and not any(atom.GetAtomicNum() == 6 for atom in mol.GetAtoms()):
        raise _RefusedError("no carbon: not an organic molecule")


def _parent(fragments: Sequence[Chem.Mol], notes: list[str]) -> Chem.Mol:
    """The one molecule that is neither counter-ion nor solvent, neutralised; the notes say what was done.

    Where all are, as in sodium acetate, it is the only organic one; of two (piperazine citrate) nobody can say.
    """
    neutral = [_neutral(fragment) for fragment in fragments]
    spelled = [Chem.MolToSmiles(mol) for mol in neutral]
    organic = {text: mol for text, mol in zip(spelled, neutral, strict=True) if _is_organic(mol)}
    if not organic:
        raise _RefusedError("no carbon: not an organic molecule")
    named = [counter_name(mol) or text for text, mol in zip(spelled, neutral, strict=True)]
    parents = [text for text, mol in organic.items() if not counter_name(mol)] or list(organic)
    if len(parents) > 1:
        listed = ", ".join(sorted(parents))
        raise _RefusedError(f"mixture: {len(parents)} different molecules ({listed}); {ASK_FOR_PARENT}")
    kept = spelled.index(parents[0])
    notes.extend(_removed(named, kept))
    if spelled[kept] != Chem.MolToSmiles(fragments[kept]):
        notes.append("neutralised")
    return neutral[kept]


def _neutral(mol: Chem.Mol) -> Chem.Mol:
    if not any(atom.GetFormalCharge() for atom in mol.GetAtoms()) or mol.GetNumAtoms() == 1:
        return mol
    return rdMolStandardize.Uncharger().uncharge(mol)


def _is_organic(mol: Chem.Mol) -> bool:
    return any(atom.GetAtomicNum() == 6 for atom in mol.GetAtoms())


def _removed(named: Sequence[str], kept: int) -> list[str]:
    counted = Counter(name for row, name in enumerate(named) if row != kept)
    listed = ", ".join(name if count == 1 else f"{count} {name}" for name, count in counted.items())
    return [f"removed {listed}"] if listed else []
