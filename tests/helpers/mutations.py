"""Mistakes that somebody could make in the theory, each with the tests that must then fail; see test_mutations.py."""

from typing import NamedTuple


class Mutation(NamedTuple):
    """One mistake: in ``file`` of the package ``old`` becomes ``new``; then one of ``caught`` must fail."""

    file: str
    old: str
    new: str
    mistake: str
    caught: str  # file::test below tests/, or a notebook; several with a space between


CONNECTION = "core/test_operators.py::test_connection_is_the_derivative_of_the_output"
COVARIANCE = "core/test_operators.py::test_operator_is_the_covariance_of_the_mean_connection"
BYOL = "core/test_byol_operators.py::test_terms_in_full_and_matrix_free_are_the_same_as_written"
REFUSED = "core/test_operators.py::test_what_has_no_covariance_operator"
FORMULA = "core/test_contrastive.py::test_loss_is_its_formula"
SPECTRAL = "core/test_spectral_losses.py::test_losses_are_their_formulas"
SAMPLED = "lessons/test_latent_variables_emerge_exact_tree.py::test_sampling_agrees_with_the_law"
PATTERNS = "core/test_belief.py::test_pattern_law_is_the_sum_over_all_latents"
MATRIX = "lessons/test_byol_solved.py::test_motion_is_autograd_of_the_population_loss"
MODES = "lessons/test_byol_solved.py::test_aligned_modes_are_the_matrices"
LAYERS = "lessons/test_collapse_and_grassmannian.py::test_layers_move_as_autograd_says_and_their_product_as_its_law"
ANGLES = "lessons/test_collapse_and_grassmannian.py::test_principal_angles_are_those_of_scipy"
KERNEL = "lessons/test_collapse_and_grassmannian_kernel.py::test_kernel_is_that_of_autograd"

OPERATORS = [
    Mutation(
        "operators/connection.py",
        "forward.layer_inputs[layer - 1][..., None, :, None] * j.unsqueeze(-2)",
        "forward.layer_inputs[layer - 1][..., :, None, None] * j.unsqueeze(-3)",
        "axes of the connection in another order",
        CONNECTION,
    ),
    Mutation(
        "operators/connection.py",
        ".unflatten(-1, gates.shape[-2:]) * gates.unsqueeze(-3)",
        ".unflatten(-1, gates.shape[-2:])",
        "J without the gates below the top",
        CONNECTION,
    ),
    Mutation(
        "operators/connection.py",
        "torch.diag_embed(top.flatten(-2))",
        "torch.diag_embed(torch.ones_like(top).flatten(-2))",
        "J without the gate of the top",
        "02_gradient_as_connection.ipynb",
    ),
    Mutation(
        "operators/_fast.py",
        "torch.bmm(j.flatten(2).mT,",
        "torch.bmm(j.transpose(-3, -1).flatten(2).mT,",
        "own output where the top output belongs",
        COVARIANCE,
    ),
    Mutation(
        "operators/covariance.py",
        "    factor -= factor.mean(0)\n",
        "",
        "second moment instead of variance",
        "core/test_flow.py::test_one_step_is_the_predicted_update",
    ),
    Mutation("operators/covariance.py", "2 / n**2 * (", "1 / n**2 * (", "each pair counted once", COVARIANCE),
    Mutation(
        "operators/covariance.py",
        " or not torch.allclose(pair_weights, pair_weights.mT)",
        "",
        "unsymmetric pair weights let in",
        REFUSED,
    ),
    Mutation(
        "operators/byol.py",
        "share * (p.mT - p.mT @ p)",
        "share * (p - p.mT @ p)",
        "P for its transpose between points",
        BYOL,
    ),
    Mutation("operators/byol.py", "-share * p.mT @ p", "share * p.mT @ p", "within with the wrong sign", BYOL),
    Mutation("operators/byol.py", "push * p.mT - pull", "push * p.mT + pull", "the mean with the wrong sign", BYOL),
    Mutation("operators/byol.py", "@ self.middle.mT", "@ self.middle", "matrix-free with the transpose", BYOL),
    Mutation(
        "operators/byol.py",
        "(online and through)",
        "online",
        "a mean that is held still counts as centred",
        "core/test_byol_operators.py::test_the_terms_add_up_to_minus_the_gradient",
    ),
]

LOSSES = [
    Mutation(
        "losses/contrastive.py",
        "r_pos - require_negatives(r_neg).mean(-1)",
        "r_pos + require_negatives(r_neg).mean(-1)",
        "no push",
        FORMULA,
    ),
    Mutation(
        "losses/contrastive.py",
        "require_negatives(r_neg).mean(-1)",
        "require_negatives(r_neg).sum(-1)",
        "negatives summed, not averaged",
        "01_two_views_one_network.ipynb",
    ),
    Mutation(
        "losses/contrastive.py",
        "require_negatives(r_neg) + r0",
        "require_negatives(r_neg) - r0",
        "margin with the wrong sign",
        FORMULA,
    ),
    Mutation(
        "losses/contrastive.py", "r_pos + tau * torch", "r_pos + torch", "InfoNCE without its τ in front", FORMULA
    ),
    Mutation(
        "losses/contrastive.py",
        "torch.cat([r_pos.unsqueeze(-1), require_negatives(r_neg)], dim=-1)",
        "require_negatives(r_neg)",
        "InfoNCE without the positive in its sum",
        FORMULA,
    ),
    Mutation(
        "losses/contrastive.py",
        "first.unsqueeze(-2) - second[",
        "first.unsqueeze(-2) - first[",
        "a view compared with itself",
        "core/test_contrastive.py::test_objective_compares_the_pairs_it_says",
    ),
    Mutation(
        "lessons/real_images/surrogate.py",
        "require_negatives(r_neg).detach()",
        "require_negatives(r_neg)",
        "a gradient through weights that are held still",
        "lessons/test_real_images_surrogate.py::test_the_derivatives_are_the_weights",
    ),
    Mutation(
        "losses/weights.py",
        "mean_outputs.unsqueeze(1) - mean_outputs.unsqueeze(0)",
        "mean_outputs.unsqueeze(1) - 0.5 * mean_outputs.unsqueeze(0)",
        "pair weights that are not symmetric",
        "core/test_weights.py::test_pair_weights_have_the_closed_form",
    ),
    Mutation(
        "losses/weights.py",
        "return -push.view(r.shape)",
        "return push.view(r.shape)",
        "pair weights with the wrong sign",
        "04_losses_reweigh_pairs.ipynb",
    ),
    Mutation(
        "losses/spectral.py", "(c.diagonal() + eps).sqrt()", "(c.diagonal() + eps)", "VICReg's variance", SPECTRAL
    ),
    Mutation("losses/spectral.py", "var(0, correction=0)", "var(0, correction=1)", "Barlow divides by n - 1", SPECTRAL),
    Mutation("losses/spectral.py", '"pull": 2.0', '"pull": 1.0', "half the pull", SPECTRAL),
    Mutation(
        "losses/predictive.py",
        "+ eta / 2 *",
        "+ eta *",
        "weight decay twice as strong",
        "core/test_dual.py::test_decay_adds_the_weights_that_learn_to_the_gradient",
    ),
]

WORLDS = [
    Mutation("worlds/latent_tree.py", "(u >= q)", "(u >= 0.5)", "q has no effect", SAMPLED),
    Mutation(
        "worlds/latent_tree.py",
        "self._children(kept) & (u >= q)",
        "(u >= q)",
        "below a node that was redrawn a child is kept",
        "core/test_latent_tree.py::test_whole_subtrees_are_redrawn",
    ),
    Mutation(
        "worlds/latent_tree.py",
        "self._children(view[-1]) ^ flips",
        "original ^ flips",
        "redrawn from its old self, not from its parent",
        SAMPLED,
    ),
    Mutation(
        "worlds/latent_tree.py",
        "(1 - level) / 2 for",
        "1 - level for",
        "a polarity for a probability, drawing",
        "core/test_latent_tree.py::test_data_has_the_law_of_the_model",
    ),
    Mutation("worlds/belief.py", "((1 + rho) / 2)", "rho", "a polarity for a probability, in the law", PATTERNS),
    Mutation(
        "worlds/belief.py",
        "(1 - strength) ** 2",
        "(1 - strength)",
        "one view keeps a child, and both count as keeping it",
        SAMPLED,
    ),
    Mutation(
        "worlds/belief.py",
        "return spread.sqrt()",
        "return spread",
        "the square of a ceiling",
        "core/test_belief.py::test_beliefs_and_ceilings_are_the_posterior_of_brute_force",
    ),
    Mutation(
        "worlds/ring.py",
        "- by.unsqueeze(-1)) % self.cells",
        "- by.unsqueeze(-1)).clamp(0, self.cells - 1)",
        "a shift that does not go round",
        "core/test_rings_and_clouds.py::test_every_view_shows_the_object_of_its_point_near_its_place",
    ),
    Mutation(
        "worlds/clouds.py",
        "points + q * clouds",
        "q * points + clouds",
        "q acts between points, not within",
        "core/test_rings_and_clouds.py::test_clouds_have_the_promised_variances",
    ),
]
