"""Tables of molecules as SDF, for drawing and modelling programs."""

from io import StringIO

import pandas as pd
from rdkit import Chem, rdBase
from rdkit.Chem import rdDepictor


def to_sdf(table: pd.DataFrame) -> bytes:
    """The designs as SDF with 2D coordinates; the columns that hold something become properties.

    A design that cannot be read keeps its record, with its properties and without atoms.
    """
    stream = StringIO()
    writer = Chem.SDWriter(stream)
    for row in table.to_dict("records"):
        with rdBase.BlockLogs():
            mol = Chem.MolFromSmiles(row["design"]) or Chem.Mol()
        rdDepictor.Compute2DCoords(mol)
        mol.SetProp("_Name", _one_line(row["id"]))
        for name, value in row.items():
            if pd.notna(value) and value != "":
                mol.SetProp(name, _one_line(value))
        writer.write(mol)
    writer.close()
    return stream.getvalue().encode()


def _one_line(value: object) -> str:
    return " ".join(str(value).split())
