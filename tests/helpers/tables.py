"""The tables of the course, some of their rows, and files as they lie on the disk."""

import numpy as np

from ssl_explain.results import DATA, read_table


def stored(name):
    return read_table(DATA / f"{name}.csv")


def rows(table, **wanted):
    """The rows with these entries; there are some."""
    keep = np.all([table[name] == value for name, value in wanted.items()], axis=0)
    assert keep.any(), wanted
    return {name: column[keep] for name, column in table.items()}


def files(folder):
    """The bytes of every file in a folder, by its name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def as_rows(columns):
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
