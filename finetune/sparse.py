"""Sparse matrices of who wants what."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import scipy.sparse

if TYPE_CHECKING:
    from finetune.event_table import Floats, Ints

Csr: TypeAlias = Any
"""A scipy.sparse.csr_matrix, of which scipy tells no types."""


def ones(starts: Ints, column: Ints, n_columns: int) -> Csr:
    """(n_rows, n_columns) float32: row r has 1 in the columns from starts[r] to before starts[r + 1]."""
    data = np.ones(len(column), dtype=np.float32)
    return scipy.sparse.csr_matrix((data, column, starts), shape=(len(starts) - 1, n_columns))


def counts(baskets: Csr) -> Ints:
    """(n_items,) how many users want each item. baskets: (n_users, n_items) of ones."""
    return np.asarray(baskets.sum(axis=0)).ravel().astype(np.int64)


def unit_rows(rows: Csr) -> Csr:
    """The rows at length 1; rows of nothing stay so."""
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    scale = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return (scipy.sparse.diags(scale.astype(np.float32)) @ rows).tocsr()


def weighted_columns(rows: Csr, weights: Floats) -> Csr:
    """The rows with each column times its weight. weights: (n_columns,)."""
    return (rows @ scipy.sparse.diags(weights.astype(np.float32))).tocsr()


def keep_largest(rows: Csr, kept: int) -> None:
    """Set all but the largest values of each row to 0, in place; more are kept where several are equal."""
    for begin, end in pairwise(rows.indptr.tolist()):
        if end - begin > kept:
            values = rows.data[begin:end]
            values[values < np.partition(values, end - begin - kept)[end - begin - kept]] = 0
    rows.eliminate_zeros()
