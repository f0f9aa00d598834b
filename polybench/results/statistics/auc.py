"""The area under a ROC curve as a mean over items, so that areas are compared as any other mean.

The share of the other class that an item is ranked correctly against is its structural component (DeLong et al.,
Biometrics 44, 1988); the mean of these values is the area, and their variance is DeLong's. Where items come in groups,
whole groups are drawn and flipped, as Obuchowski's variance (Biometrics 53, 1997) counts them.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from polybench.core.errors import DataError
from polybench.results.image_rows import Values


def auc_values(scores: Values, positive: NDArray[np.bool_]) -> Values:
    """A value for each item, whose mean is the area under the ROC curve; ties count as half.

    Args:
        scores: Probability of the positive class, (n,).
        positive: Whether each item is positive, (n,).

    Raises:
        DataError: If all items are of one class.

    Example:
        >>> values = auc_values(np.array([0.8, 0.6, 0.4, 0.7, 0.1]), np.array([True, True, True, False, False]))
        >>> round(float(values.mean()), 4)  # 4 of 6 pairs are ranked correctly
        0.6667
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        raise DataError("The area under a ROC curve needs positives and negatives, but all items are of one class.")
    ranks = rankdata(scores)
    values = np.empty(len(scores))
    values[positive] = (ranks[positive] - rankdata(scores[positive])) / negatives
    values[~positive] = 1 - (ranks[~positive] - rankdata(scores[~positive])) / positives
    area = values[positive].mean()
    found: Values = area + (values - area) * len(scores) / np.where(positive, positives, negatives)
    return found
