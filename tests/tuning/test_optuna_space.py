from throughline.recipe.space import parse_space
from throughline.tuning.optuna_space import QUANTILE, drawn_by


def study():
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=7))


def drawn(said, count=200):
    space, asked = parse_space({"p": said}), study()
    return [drawn_by(asked.ask(), space) for _ in range(count)]


def test_a_normal_distribution_is_a_quantile_to_optuna():
    trial = study().ask()
    drawn_by(trial, parse_space({"p": {"normal": [5, 2]}}))
    assert 0 < trial.params[f"{QUANTILE}p"] < 1
