"""Scores of features: a linear probe and nearest neighbours, with labels that training never uses.

Both are fitted on the features of one set of pictures and scored on those of another. Compare the scores with those of
raw pixels and of the untrained network under the same probe.
"""

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from ssl_explain import require


def _check(train: Tensor, y_train: Tensor, test: Tensor, y_test: Tensor) -> None:
    """Check features: one width, finite, one label each, at least two classes."""
    for name, features, labels in (("train", train, y_train), ("test", test, y_test)):
        got, fits = f"{len(features)} points and {len(labels)} labels", len(features) == len(labels) > 0
        require.that(fits, name, "have one label for each of its points", got, "pass the labels of the same pictures")
        require.finite(name, features)
    require.last_axis("test", test, train.shape[-1], "take both from the same layer of the same network")
    require.integer("classes", len(y_train.unique()), 2, "take more pictures")


def probe(
    train: Float[Tensor, "n d_train"],
    y_train: Integer[Tensor, " labels"],
    test: Float[Tensor, "m d_test"],
    y_test: Integer[Tensor, " test_labels"],
) -> float:
    """Share of test points that a linear classifier gets right: standardised features, logistic regression.

    Every feature is brought to mean 0 and variance 1 over ``train`` (one that never changes stays out); the
    classifier is scikit-learn's with its usual penalty, ½‖w‖² + Σ loss.

    Raises:
        ValueError: features of different widths or not finite, labels of another number, a single class.

    Example:
        >>> x, y = torch.tensor([[-2.0], [-1.0], [1.0], [2.0]]), torch.tensor([0, 0, 1, 1])
        >>> probe(x, y, x + 0.5, y)
        1.0
    """
    from sklearn.linear_model import LogisticRegression  # it takes a second to import
    from threadpoolctl import threadpool_limits

    _check(train, y_train, test, y_test)
    mean, spread = train.mean(0), train.std(0, correction=0)
    alive = spread > 1e-6 * train.abs().amax(0)
    a, b = (((x - mean) / spread)[:, alive].double().cpu().numpy() for x in (train, test))
    if not alive.any():
        a, b = a.reshape(len(a), 0), b.reshape(len(b), 0)
        common = int(y_train.mode().values)
        return float((y_test == common).double().mean())
    with threadpool_limits(1):  # threads cost more than they gain on matrices this small
        classifier = LogisticRegression(max_iter=2000).fit(a, y_train.cpu().numpy())
        return float(classifier.score(b, y_test.cpu().numpy()))


def neighbours(
    train: Float[Tensor, "n d_train"],
    y_train: Integer[Tensor, " labels"],
    test: Float[Tensor, "m d_test"],
    y_test: Integer[Tensor, " test_labels"],
    *,
    k: int = 1,
) -> float:
    """Share of test points whose ``k`` nearest training points (Euclidean, as the features are) vote for their class.

    Raises:
        ValueError: features of different widths or not finite, labels of another number, k above the number of points.

    Example:
        >>> x, y = torch.tensor([[-2.0], [-1.0], [1.0], [2.0]]), torch.tensor([0, 0, 1, 1])
        >>> neighbours(x, y, torch.tensor([[-0.5], [0.4]]), torch.tensor([0, 0]))
        0.5
    """
    from sklearn.neighbors import KNeighborsClassifier
    from threadpoolctl import threadpool_limits

    _check(train, y_train, test, y_test)
    require.integer("k", k, 1, "1 asks the nearest point alone", high=len(train))
    classifier = KNeighborsClassifier(k).fit(train.double().cpu().numpy(), y_train.cpu().numpy())
    with threadpool_limits(1):
        return float(classifier.score(test.double().cpu().numpy(), y_test.cpu().numpy()))


def spectrum(features: Float[Tensor, "n d"]) -> Float[Tensor, " d"]:
    """Shares of the variance along its principal directions, largest first; they sum to one.

    Raises:
        ValueError: features that are not finite, or all alike.
        TypeError: features in half precision.

    Example:
        >>> spectrum(torch.tensor([[3.0, 1.0], [3.0, -1.0], [-3.0, 1.0], [-3.0, -1.0]]))
        tensor([0.9000, 0.1000])
    """
    require.precise("features", features)
    centred = require.finite("features", features) - features.mean(0)
    variance = torch.linalg.eigvalsh(centred.T @ centred).flip(0).clamp_min(0)
    if not variance.sum() > 0:
        raise ValueError("`features` must differ between points, got features all alike; nothing has a direction.")
    return variance / variance.sum()
