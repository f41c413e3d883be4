"""Packed graphs give the fields that the tokens spell, and those of torch-geometric."""

import numpy as np
import pytest
import torch
from torch_geometric.loader import DataLoader
from torch_geometric.utils import to_dense_adj, to_dense_batch

from molgen.graphs import Graphs
from molgen.molecule.codec import MoleculeCodec
from molgen.sequences import Sequences
from tests.tiny import GRAMMAR

HARD = [
    "C", "CC#N", "C1CC1", "OC(=O)c1ccccc1", "C1C2CC3CC1CC(C2)C3", "O=S(=O)([O-])[N+](C)(C)C", "C1CCCCCCCCCCCC1",
    "FC(F)(F)S(=O)(=O)N", "[NH3+]CC([O-])=O", "c1ccc2[nH]ccc2c1",
]  # fmt: skip


@pytest.fixture(scope="module")
def data() -> Sequences:
    return Sequences.of([e.tokens for e in MoleculeCodec().encode(HARD)])


def test_fields_are_the_graph_that_the_codec_reads(data: Sequences) -> None:
    codec, fields = MoleculeCodec(), Graphs.of(data, GRAMMAR).fields(np.arange(len(data)))
    for row, size in enumerate(fields.sizes.tolist()):
        graph = codec.read(data.take(np.array([row])).flat.tolist())
        assert size == len(graph.atom)
        assert fields.position[row, :size].tolist() == graph.atom.tolist()
        assert fields.pair[row, :size, :size].tolist() == graph.bond.tolist()
        assert not fields.position[row, size:].any() and not fields.pair[row, size:].any()


def test_any_rows_in_any_order_are_gathered_as_the_grammar_unrolls_them(data: Sequences) -> None:
    graphs = Graphs.of(data, GRAMMAR)
    for rows in ([3], [7, 0, 7], [9, 8, 1, 2]):
        packed = graphs.fields(np.array(rows))
        walked = GRAMMAR.fields(data.padded(np.array(rows), GRAMMAR.end))
        for name in ("position", "pair", "mask"):
            assert torch.equal(getattr(packed, name), getattr(walked, name)), name


def test_torch_geometric_collates_the_same_dense_graphs(data: Sequences) -> None:
    codec = MoleculeCodec()
    graphs = [codec.to_data(codec.read(data.take(np.array([row])).flat.tolist())) for row in range(len(data))]
    batch = next(iter(DataLoader(graphs, batch_size=len(graphs))))
    position, mask = to_dense_batch(batch.x, batch.batch)
    pair = to_dense_adj(batch.edge_index, batch.batch, batch.edge_attr)
    fields = Graphs.of(data, GRAMMAR).fields(np.arange(len(data)))
    assert torch.equal(fields.position, position) and torch.equal(fields.mask, mask)
    assert torch.equal(fields.pair, pair.long())
