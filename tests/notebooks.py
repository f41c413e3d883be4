"""Notebooks as the tests run them."""

import os
from collections.abc import Mapping
from pathlib import Path

import nbformat
import pytest
from jupyter_client import AsyncKernelManager
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]


def executed(notebook: Path, sockets: Path, environment: Mapping[str, str]) -> nbformat.NotebookNode:
    """The notebook after its kernel ran it. Its sockets are files: a port may be taken before the kernel binds it."""
    places = {"transport": "ipc", "ip": str(sockets)} if os.name == "posix" else {}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**environment, "PYTHONPATH": str(ROOT)}.items():
            patch.setenv(name, value)
        return NotebookClient(
            nbformat.read(notebook, 4),
            km=AsyncKernelManager(kernel_name="python3", **places),
            timeout=240,
            resources={"metadata": {"path": notebook.parent}},
        ).execute()


def shown(run: nbformat.NotebookNode, cell: str) -> str:
    """What the cell put out, text and HTML."""
    outputs = next(one["outputs"] for one in run.cells if one["id"] == cell)
    return "".join(output.get("text", "") + str(output.get("data", {}).get("text/html", "")) for output in outputs)


def is_without_outputs(notebook: Path) -> bool:
    """Has it code, and is it committed as it was before it ran?"""
    cells = [cell for cell in nbformat.read(notebook, 4).cells if cell.cell_type == "code"]
    return bool(cells) and all(cell.outputs == [] and cell.execution_count is None for cell in cells)
