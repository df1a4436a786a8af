"""The puppeteer: controls and live pictures."""

from ssl_explain.kit.prediction import predict
from ssl_explain.widgets.tree_explorer import TreeExplorer, tree_explorer
from ssl_explain.widgets.tree_state import TreeState

__all__ = [
    "TreeExplorer",
    "TreeState",
    "predict",
    "tree_explorer",
]
