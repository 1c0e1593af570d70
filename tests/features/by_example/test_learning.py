import pytest

from throughline.errors import UserError
from throughline.features.by_example.learning import learn
from throughline.features.by_example.wording import in_words

MODELS = ["737-824", "A320-232", "EMB-145LR", "R66"]


def learnt(examples, data=()):
    inputs = [{"x": text} for text in examples]
    return learn("y", inputs, list(examples.values()), [{"x": text} for text in data])


def test_the_data_may_make_an_example_ambiguous():
    with pytest.raises(UserError) as refused:
        learnt({"737-824": "737"}, MODELS)
    assert str(refused.value) == (
        "The examples of derive_by_example for 'y' can be read as (the first run of digits in 'x') "
        "or as (the first piece of 'x' split at '-'), which give '66' and 'R66' for 'R66'; add an "
        "example with that input."
    )
    found = learnt({"737-824": "737", "R66": "R66"}, MODELS)
    assert found.values == ("737", "A320", "EMB", "R66")


def test_readings_that_agree_on_the_data_are_no_matter():
    assert in_words(learnt({"N14228": "28"}, ["N39463", "N24211"]).program) == (
        "the last 2 characters of 'x'"
    )
    with pytest.raises(UserError, match="'42' and '2' for 'N3742'"):
        learnt({"N14228": "28"}, ["N39463", "N3742"])


def test_a_program_that_says_something_about_the_data_is_preferred():
    """Whether the day or the month comes first is told by dates that only one reading has."""
    dates = ["13/01/2013", "25/12/2013", "01/01/2014", "31/10/2013", "14/02/2013"]
    assert learnt({"03/03/2013": "Mar"}, dates).values == ("Jan", "Dec", "Jan", "Oct", "Feb")
    with pytest.raises(UserError, match="'Feb' and 'Jan' for '01/02/2013'|'Jan' and 'Feb'"):
        learnt({"03/03/2013": "Mar"}, ["01/02/2013"])


def test_what_nothing_explains_names_the_example():
    with pytest.raises(
        UserError, match="finds no way from the input to the output of 'abc' -> 'xyz'"
    ):
        learnt({"abc": "xyz", "d": "d"})
    with pytest.raises(UserError, match="holds for 'def' -> 'zz' and for the example before it"):
        learnt({"abc": "ab", "def": "zz", "ghi": "gh"})
    with pytest.raises(UserError, match="holds for 'ghi' -> 'i' and for the examples before it"):
        learnt({"abc": "ab", "def": "de", "ghi": "i"})


def test_one_example_must_not_be_a_constant_for_the_most_part():
    with pytest.raises(UserError, match="from one example whose output.*'Ada' -> 'Dear Ada'"):
        learnt({"Ada": "Dear Ada"})
    assert in_words(learnt({"Ada": "Dear Ada", "Bo": "Dear Bo"}).program) == "'Dear ', then 'x'"
