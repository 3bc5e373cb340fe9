"""Class weights equal what is computed by hand."""

import numpy as np
import pytest

from study.errors import DeclarationError
from study.evaluation.class_weights import class_weights, loss_weights, resolve_pos_weight
from study.spec import Recipe


def test_balanced_is_negatives_over_positives_and_a_number_is_itself() -> None:
    assert resolve_pos_weight("balanced", [30, 90]) == pytest.approx(1 / 3)
    assert resolve_pos_weight(2, [30, 90]) == 2.0


def test_balanced_is_refused_where_there_are_more_than_two_classes() -> None:
    with pytest.raises(DeclarationError, match="class_weight_power"):
        resolve_pos_weight("balanced", [3, 4, 5])


@pytest.mark.parametrize("power", [0.0, 0.3, 1.0])
def test_class_weights_fall_with_the_power_of_the_count_and_their_mean_over_images_is_1(power: float) -> None:
    counts = [10, 40, 250]
    weights = class_weights(counts, power)
    assert np.average(weights, weights=counts) == pytest.approx(1)
    assert weights[0] / weights[2] == pytest.approx(25**power)
    assert weights[0] / weights[1] == pytest.approx(4**power)


def test_two_classes_weigh_1_and_pos_weight_more_weigh_by_their_power() -> None:
    recipe = Recipe(pos_weight=0.4, class_weight_power=0.5)
    assert loss_weights(recipe, [30, 90]) == [1.0, 0.4]
    assert loss_weights(recipe, [10, 40, 250]) == class_weights([10, 40, 250], 0.5)
