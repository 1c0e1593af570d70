import numpy as np
import pytest

from throughline.balance.synthetic import nearest_rows, synthetic_rows


def codes_of(*rows):
    return np.array(rows, dtype=np.int64).reshape(len(rows), -1)


def drawn(count, seed=0):
    draw = np.random.default_rng(seed)
    numbers = np.column_stack([draw.normal(5, 2, count), draw.gamma(2, 3, count)])
    codes = np.column_stack([draw.choice(3, count, p=[0.7, 0.2, 0.1]), draw.integers(0, 2, count)])
    return numbers, codes.astype(np.int64)


def test_the_papers_example_of_distances():
    # Chawla et al., section 6.1: F1 to F2 and F1 to F3
    numbers = np.array([[1.0, 2.0, 3.0], [4.0, 6.0, 5.0], [3.0, 5.0, 6.0]])
    codes = codes_of([0, 1, 2], [0, 3, 4], [0, 1, 5])
    squared = [9 + 16 + 4 + 2 * 4, 4 + 9 + 9 + 4]
    assert squared[1] < squared[0]
    assert nearest_rows(numbers, codes, np.array([0]), 1, penalty=2.0).tolist() == [[2]]
    assert nearest_rows(numbers, codes, np.array([0]), 2, penalty=2.0)[0].tolist() in (
        [1, 2],
        [2, 1],
    )


def test_the_nearest_rows_are_those_of_a_search_over_all_pairs():
    numbers, codes = drawn(700)
    found = nearest_rows(numbers, codes, np.arange(700), 5, penalty=1.7)
    for row in range(700):
        squared = ((numbers - numbers[row]) ** 2).sum(axis=1)
        squared += 1.7**2 * (codes != codes[row]).sum(axis=1)
        squared[row] = np.inf
        assert set(found[row]) == set(np.argsort(squared)[:5])


def test_a_row_lies_between_a_row_and_its_neighbour():
    numbers = np.array([[0.0, 0.0], [1.0, 1.0], [100.0, 50.0], [101.0, 51.0]])
    codes = codes_of([0], [0], [1], [1])
    made, made_codes = synthetic_rows(numbers, codes, 40, 1, 1.0, np.random.default_rng(1))
    low = made[:, 0] < 50
    assert low.sum() == 20  # every row is used as often
    assert ((made[low] >= 0) & (made[low] <= 1)).all()
    np.testing.assert_allclose(made[low, 0], made[low, 1])
    np.testing.assert_allclose(made[~low, 0] - 100, made[~low, 1] - 50)
    assert made_codes[low].tolist() == [[0]] * 20
    assert made_codes[~low].tolist() == [[1]] * 20
    assert len(np.unique(made[:, 0])) == 40


def test_a_category_is_the_neighbours_most_frequent_one():
    numbers = np.zeros((4, 1))
    codes = codes_of([3, 1], [2, 0], [2, 5], [2, 0])
    _, made = synthetic_rows(numbers, codes, 4, 3, 0.0, np.random.default_rng(1))
    assert made[:, 0].tolist() == [2, 2, 2, 2]
    assert sorted(made[:, 1].tolist()) == [0, 0, 0, 0]


@pytest.mark.parametrize(("rows", "count"), [(1, 3), (2, 5), (6, 2)])
def test_few_rows_and_few_wanted(rows, count):
    numbers, codes = drawn(rows)
    made, made_codes = synthetic_rows(numbers, codes, count, 5, 1.0, np.random.default_rng(1))
    assert made.shape == (count, 2)
    assert made_codes.shape == (count, 2)
    assert (made >= numbers.min(axis=0) - 1e-9).all()
    assert (made <= numbers.max(axis=0) + 1e-9).all()


def test_numbers_alone_and_categories_alone():
    numbers, codes = drawn(30)
    none = np.empty((30, 0))
    made, made_codes = synthetic_rows(numbers, none.astype(np.int64), 7, 5, 1.0, random())
    assert made.shape == (7, 2)
    assert made_codes.shape == (7, 0)
    made, made_codes = synthetic_rows(none, codes, 7, 5, 1.0, random())
    assert made.shape == (7, 0)
    assert set(map(tuple, made_codes)) <= set(map(tuple, codes)) | {(0, 0), (0, 1)}


def random():
    return np.random.default_rng(1)


def test_it_makes_rows_like_those_of_imbalanced_learn():
    from imblearn.over_sampling import SMOTENC

    numbers, codes = drawn(400)
    penalty = float(np.median(numbers.std(axis=0)))
    made, made_codes = synthetic_rows(numbers, codes, 1200, 5, penalty, random())
    all_rows = np.vstack([np.column_stack([numbers, codes]), np.full((1600, 4), 50.0)])
    labels = np.repeat([1, 0], [400, 1600])
    theirs, _ = SMOTENC(categorical_features=[2, 3], k_neighbors=5, random_state=1).fit_resample(
        all_rows, labels
    )
    theirs = theirs[2000:]
    assert len(theirs) == 1200
    np.testing.assert_allclose(made.mean(axis=0), theirs[:, :2].mean(axis=0), rtol=0.05)
    np.testing.assert_allclose(made.std(axis=0), theirs[:, :2].std(axis=0), rtol=0.1)
    for column in range(2):
        for code in range(3):
            ours = (made_codes[:, column] == code).mean()
            assert ours == pytest.approx((theirs[:, 2 + column] == code).mean(), abs=0.06)
