"""The puppeteer: controls and live pictures."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ssl_explain.widgets.connection_explorer import ConnectionState, connection_explorer
    from ssl_explain.widgets.layers_explorer import LayersExplorer, LayersState, layers_explorer
    from ssl_explain.widgets.loss_explorer import CloudState, LossState, cloud_explorer, loss_explorer
    from ssl_explain.widgets.operator_explorer import OperatorExplorer, OperatorState, operator_explorer
    from ssl_explain.widgets.pairs_explorer import PairsExplorer, PairsState, pairs_explorer
    from ssl_explain.widgets.prediction import predict
    from ssl_explain.widgets.ring_explorer import RingExplorer, RingState, ring_explorer
    from ssl_explain.widgets.tree_explorer import TreeExplorer, tree_explorer
    from ssl_explain.widgets.tree_state import TreeState

__all__ = [
    "CloudState",
    "ConnectionState",
    "LayersExplorer",
    "LayersState",
    "LossState",
    "OperatorExplorer",
    "OperatorState",
    "PairsExplorer",
    "PairsState",
    "RingExplorer",
    "RingState",
    "TreeExplorer",
    "TreeState",
    "cloud_explorer",
    "connection_explorer",
    "layers_explorer",
    "loss_explorer",
    "operator_explorer",
    "pairs_explorer",
    "predict",
    "ring_explorer",
    "tree_explorer",
]

_HOMES = {
    "connection_explorer": ("ConnectionState", "connection_explorer"),
    "layers_explorer": ("LayersExplorer", "LayersState", "layers_explorer"),
    "loss_explorer": ("CloudState", "LossState", "cloud_explorer", "loss_explorer"),
    "operator_explorer": ("OperatorExplorer", "OperatorState", "operator_explorer"),
    "pairs_explorer": ("PairsExplorer", "PairsState", "pairs_explorer"),
    "prediction": ("predict",),
    "ring_explorer": ("RingExplorer", "RingState", "ring_explorer"),
    "tree_explorer": ("TreeExplorer", "tree_explorer"),
    "tree_state": ("TreeState",),
}


def __getattr__(name: str) -> Any:
    """Import an explorer when it is asked for: each brings its own figures, and some of them seaborn."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
