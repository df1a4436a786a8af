"""The puppeteer: controls and live pictures."""

from ssl_explain.kit.prediction import predict
from ssl_explain.widgets.connection_explorer import ConnectionState, connection_explorer
from ssl_explain.widgets.directions_explorer import DirectionsExplorer, DirectionsState, directions_explorer
from ssl_explain.widgets.layers_explorer import LayersExplorer, LayersState, layers_explorer
from ssl_explain.widgets.loss_explorer import CloudState, LossState, cloud_explorer, loss_explorer
from ssl_explain.widgets.operator_explorer import OperatorExplorer, OperatorState, operator_explorer
from ssl_explain.widgets.pairs_explorer import PairsExplorer, PairsState, pairs_explorer
from ssl_explain.widgets.pictures_explorer import PicturesExplorer, PicturesState, pictures_explorer
from ssl_explain.widgets.race_explorer import RaceExplorer, RaceState, race_explorer
from ssl_explain.widgets.real_step_explorer import RealStepExplorer, RealStepState, real_step_explorer
from ssl_explain.widgets.ring_explorer import RingExplorer, RingState, ring_explorer
from ssl_explain.widgets.shared_explorer import SharedExplorer, SharedState, shared_explorer
from ssl_explain.widgets.tree_explorer import TreeExplorer, tree_explorer
from ssl_explain.widgets.tree_state import TreeState
from ssl_explain.widgets.views_explorer import ViewsExplorer, ViewsState, views_explorer
from ssl_explain.widgets.world_explorer import WorldExplorer, WorldState, world_explorer

__all__ = [
    "CloudState",
    "ConnectionState",
    "DirectionsExplorer",
    "DirectionsState",
    "LayersExplorer",
    "LayersState",
    "LossState",
    "OperatorExplorer",
    "OperatorState",
    "PairsExplorer",
    "PairsState",
    "PicturesExplorer",
    "PicturesState",
    "RaceExplorer",
    "RaceState",
    "RealStepExplorer",
    "RealStepState",
    "RingExplorer",
    "RingState",
    "SharedExplorer",
    "SharedState",
    "TreeExplorer",
    "TreeState",
    "ViewsExplorer",
    "ViewsState",
    "WorldExplorer",
    "WorldState",
    "cloud_explorer",
    "connection_explorer",
    "directions_explorer",
    "layers_explorer",
    "loss_explorer",
    "operator_explorer",
    "pairs_explorer",
    "pictures_explorer",
    "predict",
    "race_explorer",
    "real_step_explorer",
    "ring_explorer",
    "shared_explorer",
    "tree_explorer",
    "views_explorer",
    "world_explorer",
]
