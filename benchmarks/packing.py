"""How much faster are packed graphs gathered than torch-geometric's DataLoader collates them?

    python -m benchmarks.packing

The committed part of MOSES, batches of 256 in random order, one thread; CPU microseconds a molecule, in one run.
"""

import gzip
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import typer
from torch_geometric.loader import DataLoader
from torch_geometric.utils import to_dense_adj, to_dense_batch

from benchmarks.machine import write_result
from molgen.graphs import Graphs
from molgen.molecule.codec import MoleculeCodec
from molgen.molecule.grammar import MoleculeGrammar
from molgen.sequences import Sequences

SUBSET = Path(__file__).parents[1] / "data" / "test" / "moses_subset.csv.gz"
BATCH, PASSES = 256, 3


def microseconds(work: Callable[[], int]) -> float:
    """CPU microseconds a molecule; `work` says how many it did. Once before, so that all is loaded."""
    work()
    started = time.process_time()
    done = sum(work() for _ in range(PASSES))
    return 1e6 * (time.process_time() - started) / done


def main(name: str = "packing") -> None:
    """Times packing, gathering, collating, and collating to dense tensors."""
    torch.set_num_threads(1)
    begun = time.monotonic()
    codec, grammar = MoleculeCodec(), MoleculeGrammar()
    texts = [line.split(",")[0] for line in gzip.open(SUBSET, "rt").read().splitlines()[1:]]
    data = Sequences.of([e.tokens for e in codec.encode(texts) if e.tokens])
    graphs, chance = Graphs.of(data, grammar), np.random.default_rng(0)
    objects = [codec.to_data(codec.read(data.take(np.array([row])).flat.tolist())) for row in range(len(data))]
    loader = DataLoader(objects, batch_size=BATCH, shuffle=True)

    def pack() -> int:
        return len(Graphs.of(data, grammar).starts) - 1

    def gather() -> int:
        rows = chance.permutation(len(data))
        return sum(len(graphs.fields(rows[i : i + BATCH]).mask) for i in range(0, len(rows), BATCH))

    def collate() -> int:
        return sum(batch.num_graphs for batch in loader)

    def collate_dense() -> int:
        done = 0
        for batch in loader:
            to_dense_batch(batch.x, batch.batch)
            to_dense_adj(batch.edge_index, batch.batch, batch.edge_attr)
            done += batch.num_graphs
        return done

    result = {work.__name__: microseconds(work) for work in (pack, gather, collate, collate_dense)}
    result |= {"collate_over_gather": result["collate"] / result["gather"]}
    result |= {"collate_dense_over_gather": result["collate_dense"] / result["gather"]}
    print(write_result(name, result, (time.monotonic() - begun) / 60).read_text())


if __name__ == "__main__":
    typer.run(main)
