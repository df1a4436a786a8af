"""Mistakes in networks, flows and measurements; see mutations.py."""

from mutations import ANGLES, KERNEL, LAYERS, MATRIX, MODES, Mutation

SOLVED = "lessons/byol_solved/"
GRASSMANN = "lessons/collapse_and_grassmannian/"

NETWORKS = [
    Mutation(
        "networks/layers.py",
        "(f > 0).to(x.dtype)",
        "(f >= 0).to(x.dtype)",
        "a gate is open where nothing comes through",
        "core/test_networks.py::test_forward_pass_tells_the_whole_story",
    ),
    Mutation(
        "networks/layers.py",
        "            top = nn.functional.normalize(top, dim=1)",
        "            top = nn.functional.normalize(top, dim=2)",
        "length one over points, not over outputs",
        "core/test_networks.py::test_output_has_unit_norm_or_is_silent",
    ),
    Mutation(
        "networks/layers.py",
        "* (2 / row.shape[-1])",
        "* (1 / row.shape[-1])",
        "weights drawn with half their variance",
        "core/test_networks.py::test_weights_have_the_promised_variance",
    ),
    Mutation(
        "networks/dual.py",
        "lerp_(theirs, 1 - self.momentum)",
        "lerp_(theirs, self.momentum)",
        "the target forgets what it should keep",
        "core/test_dual.py::test_the_target_follows_as_a_literal_loop",
    ),
    Mutation(
        "networks/dual.py",
        "        with torch.no_grad():\n            g = f.detach() if",
        "        with torch.enable_grad():\n            g = f if",
        "a gradient through the target",
        "core/test_dual.py::test_the_gradient_runs_through_the_online_side_alone",
    ),
    Mutation(
        "networks/dual.py",
        "averaged if self.through else averaged.detach()",
        "averaged",
        "a gradient through a mean that is held still",
        "core/test_dual.py::test_the_mean_is_seen_by_the_gradient_or_not",
    ),
]

FLOWS = [
    Mutation(
        "dynamics/training.py",
        " or dataclasses.replace(settings, start=self._stretches[-1].start) != self._stretches[-1]:",
        ":",
        "a change on the way begins no stretch",
        "course/test_labels.py::test_a_curve_that_rose_with_augmentation_is_not_called_one_without",
    ),
    Mutation(
        "dynamics/training.py",
        "_stretches.append(settings)\n        self.step = ",
        "_stretches.append(dataclasses.replace(settings, start=self._measured[-1][0]))\n        self.step = ",
        "a stretch begins where it was measured last",
        "course/test_labels.py::test_pictures_in_the_same_way",
    ),
    Mutation(
        "dynamics/flow.py",
        "factor = 2.0 if",
        "factor = 1.0 if",
        "one tower where both learn",
        "core/test_flow.py::test_one_step_is_the_predicted_update",
    ),
    Mutation(
        "dynamics/flow.py",
        "means = f.mean(-2)",
        "means = f.flatten(-3, -2)",
        "total variance for the one between points",
        "03_covariance_operator.ipynb",
    ),
    Mutation(
        SOLVED + "experiment.py",
        "-(predictor.T @ error)",
        "-(predictor @ error)",
        "P for its transpose",
        MATRIX,
    ),
    Mutation(SOLVED + "experiment.py", " - rates.decay * predictor", "", "weight decay on W alone", MATRIX),
    Mutation(
        SOLVED + "experiment.py",
        "run.predictor.mT @ run.predictor / predictor_speed",
        "run.predictor.mT @ run.predictor * predictor_speed",
        "an invariant that does not shrink as e^(-2ηt)",
        "lessons/test_byol_solved.py::test_the_invariant_holds_for_every_data_start_and_target",
    ),
    Mutation(
        SOLVED + "experiment.py",
        "momentum * a + (1 - momentum) * w",
        "(1 - momentum) * a + momentum * w",
        "EMA with its two shares swapped",
        "lessons/test_byol_solved.py::test_small_gradient_steps_follow_the_flow_with_an_error_of_first_order",
    ),
    Mutation(SOLVED + "modes.py", ", 2 * s * growth,", ", s * growth,", "s grows half as fast", MODES),
    Mutation(
        SOLVED + "modes.py",
        "missing = tau - (1 + noise) * p",
        "missing = tau - p",
        "the noise within points forgotten",
        MODES,
    ),
    Mutation(
        SOLVED + "modes.py",
        "rates.target * (1 - tau) - tau * growth",
        "rates.target * (1 - tau)",
        "the target as a share, while W grows",
        MODES,
    ),
    Mutation(
        SOLVED + "modes.py",
        "return 1 / (4 * (1 +",
        "return 1 / (2 * (1 +",
        "the threshold off by two",
        "lessons/test_byol_solved.py::test_the_threshold_by_bisection",
    ),
    Mutation(
        GRASSMANN + "experiment.py",
        "return 2 * centred.mT @ centred",
        "return centred.mT @ centred",
        "C of one tower",
        "lessons/test_collapse_and_grassmannian.py::test_matrices_are_those_of_autograd",
    ),
    Mutation(
        GRASSMANN + "experiment.py",
        "gradient - q @ (q.mT @ gradient)",
        "gradient",
        "no projection",
        LAYERS,
    ),
    Mutation("subspaces.py", "cosines.acos()", "cosines.asin()", "an angle and its complement", ANGLES),
    Mutation("subspaces.py", "clamp(0, 1).flip(-1)", "clamp(0, 1)", "small angles in falling order", ANGLES),
    Mutation(
        GRASSMANN + "two_layers.py",
        "return 2 * mc - mc @",
        "return mc - mc @",
        "one layer alone",
        LAYERS,
    ),
    Mutation(
        GRASSMANN + "kernel_drift.py",
        "return c**2 * (below",
        "return c * (below",
        "kernel scaled once",
        KERNEL,
    ),
    Mutation(
        GRASSMANN + "kernel_drift.py",
        "delta * (c / x.shape[-2])",
        "delta / x.shape[-2]",
        "a gradient without the scale of the output",
        "lessons/test_collapse_and_grassmannian_kernel.py::test_gradients_are_those_of_autograd",
    ),
]

MEASUREMENTS = [
    Mutation(
        "lessons/real_images/probe.py",
        "classifier = KNeighborsClassifier(k).fit(train.double().cpu().numpy(), y_train.cpu().numpy())",
        "classifier = KNeighborsClassifier(k).fit(test.double().cpu().numpy(), y_test.cpu().numpy())",
        "neighbours looked up among the test points",
        "lessons/test_real_images_probe.py::test_neighbours_by_hand",
    ),
    Mutation(
        "lessons/real_images/probe.py",
        "classifier.score(b, y_test.cpu().numpy())",
        "classifier.score(a, y_train.cpu().numpy())",
        "scored on the points that it was fitted on",
        "lessons/test_real_images_probe.py::test_the_probe_is_logistic_regression_on_standardised_features",
    ),
    Mutation(
        "lessons/real_images/experiment.py",
        "(train.cpu(), self.train[1], test.cpu(), self.test[1])",
        "(test.cpu(), self.test[1], train.cpu(), self.train[1])",
        "fitted on the test pictures",
        "lessons/test_real_images_probe.py::test_an_evaluation_is_its_probes",
    ),
    Mutation(
        "dynamics/correlation.py",
        "(f @ z).abs()",
        "(f @ z)",
        "a neuron that mirrors a latent does not count",
        "core/test_correlation.py::test_perfect_and_mirrored_neurons_score_one",
    ),
]
