"""How hard a molecule looks to make: the synthetic accessibility score, one weak hint and no verdict."""

from rdkit import Chem

from molgen.scoring import Property


def synthetic_accessibility(mol: Chem.Mol) -> float:
    """The SA score of Ertl and Schuffenhauer 2009 (doi 10.1186/1758-2946-1-8), from 1 (easy) to 10 (hard).

    It rewards fragments that are frequent in PubChem and punishes size, stereocentres, spiro, bridged and large rings.
    Approved drugs have a median of 3.0 and a 95th percentile of 4.9. The first call loads its table (some 2 seconds).
    """
    from rdkit.Contrib.SA_Score import sascorer  # noqa: PLC0415 - loads a table, so only where it is used

    value = sascorer.calculateScore(mol)
    if value is None:
        raise ValueError("a molecule without fragments has no SA score")
    return value


SA_SCORE = Property("sa_score", "1 to 10", "lower", synthetic_accessibility)

SCORES: tuple[Property, ...] = (SA_SCORE,)
