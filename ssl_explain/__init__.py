"""ssl_explain: the theory of self-supervised learning, as code behind interactive notebooks.

Notation (levels count from the leaves; layer 1 is the bottom layer):

======================  ==============================  ==========================================
paper                   here                            shape
======================  ==============================  ==========================================
x, x'                   ``Views.x``                     (n points, a views, d inputs)
z_μ                     ``Views.latents[level]``        (n, nodes of that level), 0 or 1
ρ                       ``LatentTree.polarity[level]``  (edges from level + 1 down to level,)
f_l                     ``net.activations(x)[l - 1]``   (n, node, d_out)
W_l                     ``net.weights[l - 1]``          (node, d_out, d_in)
D_l                     ``ForwardPass.gates[l - 1]``    (n, node, d_out)
K_l                     ``connection(fp, l)``           (n, a, d_out, d_in, d_top)
OP_l                    ``covariance_operator(fp, l)``  (weight, weight); matrix-free
ξ(x, x')                ``pair_weights(loss, f_mean)``  (n, n)
r+, r_k-                ``r_pos``, ``r_neg``            (n,), (n, h negatives)
τ, r0, H                ``temperature``, ``margin``,    numbers
                        ``negatives``
q                       ``strength``                    a number in [0, 1]
P                       ``LinearPredictor.matrix``      (d_top, d_top)
f_a                     ``DualNet.own_target``          the target network
Θ                       ``theta``                       (d inputs, k columns)
C                       ``simple_matrix(views)``        (d, d), symmetric
α, β, η                 ``Rates.predictor``,            numbers
                        ``.target``, ``.decay``
======================  ==============================  ==========================================
"""

from ssl_explain.dynamics.correlation import BestCorrelation
from ssl_explain.dynamics.flow import flow, predicted_update
from ssl_explain.dynamics.training import Training, train
from ssl_explain.losses.contrastive import contrastive, info_nce, simple_contrastive, soft_triplet
from ssl_explain.losses.predictive import cosine, half_square, predictive
from ssl_explain.losses.spectral import barlow_twins, paired, spectral_contrastive, vicreg
from ssl_explain.losses.weights import pair_weights, pull_and_push
from ssl_explain.networks.conv import ConvNet
from ssl_explain.networks.dual import Centring, DualNet, linear_predictor, mlp_predictor
from ssl_explain.networks.relu import ReLUNet
from ssl_explain.networks.tree import TreeNet
from ssl_explain.operators.byol import byol_terms
from ssl_explain.operators.connection import connection
from ssl_explain.operators.covariance import covariance_operator
from ssl_explain.records import ForwardPass, Trace, Views
from ssl_explain.topology import Tree
from ssl_explain.worlds.augment import Recipe
from ssl_explain.worlds.clouds import Clouds
from ssl_explain.worlds.latent_tree import LatentTree
from ssl_explain.worlds.pictures import PictureWorld, digits
from ssl_explain.worlds.ring import Ring

__all__ = [
    "BestCorrelation",
    "Centring",
    "Clouds",
    "ConvNet",
    "DualNet",
    "ForwardPass",
    "LatentTree",
    "PictureWorld",
    "ReLUNet",
    "Recipe",
    "Ring",
    "Trace",
    "Training",
    "Tree",
    "TreeNet",
    "Views",
    "barlow_twins",
    "byol_terms",
    "connection",
    "contrastive",
    "cosine",
    "covariance_operator",
    "digits",
    "flow",
    "half_square",
    "info_nce",
    "linear_predictor",
    "mlp_predictor",
    "pair_weights",
    "paired",
    "predicted_update",
    "predictive",
    "pull_and_push",
    "simple_contrastive",
    "soft_triplet",
    "spectral_contrastive",
    "train",
    "vicreg",
]
