"""What news articles say about international space cooperation, as linked data."""

from __future__ import annotations

TYPE_CHECKING = False  # what `typing` has, without loading it: nothing is loaded before somebody asks for it
if TYPE_CHECKING:
    from os import PathLike

    from rdflib import Dataset


def open(path: str | PathLike[str]) -> Dataset:  # noqa: A001  (spacecoop.open reads well)
    """Open the built dataset of the workspace at *path* as an ``rdflib.Dataset``, held by Oxigraph.

    A query sees all graphs at once, as it does in ``spacecoop query``.
    Raises FileNotFoundError where the workspace has not been built, WorkspaceError where there is none.
    """
    from pathlib import Path

    import rdflib

    from spacecoop import workspace

    built = workspace.find(Path(path)).out / "dataset.nq"
    if not built.is_file():
        raise FileNotFoundError(f"{built} is not there; run `spacecoop build` first")
    dataset = rdflib.Dataset(store="Oxigraph", default_union=True)
    dataset.parse(built, format="ox-nquads")
    for prefix, iri in workspace.find(Path(path)).prefixes.items():
        dataset.bind(prefix, iri, replace=True)
    return dataset
