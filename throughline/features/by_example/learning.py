"""Learning a program from examples, or saying why that cannot be done."""

from collections.abc import Sequence

from throughline.errors import UserError
from throughline.features.by_example.choice import Doubt, doubt, ranked
from throughline.features.by_example.language import Constant, Program
from throughline.features.by_example.pieces import Row
from throughline.features.by_example.search import Found, search
from throughline.features.by_example.wording import in_words


def learn(name: str, inputs: Sequence[Row], outputs: Sequence[str], data: Sequence[Row]) -> Found:
    """Finds the simplest program that explains the examples.

    Args:
        name: The name of the new column, for messages.
        inputs: The input columns of each example.
        outputs: The output of each example.
        data: Inputs from the data; they decide between programs.

    Raises:
        UserError: If no program explains the examples, or several do that differ on the data.
    """
    found = ranked(search(inputs, tuple(outputs), data))
    if not found:
        raise UserError(_unexplained(name, inputs, outputs))
    if len(outputs) == 1 and _mostly_constant(found[0].program, outputs[0]):
        raise UserError(
            f"The op derive_by_example cannot learn {name!r} from one example whose output is for "
            f"the most part not in its input ({_example(inputs[0], outputs[0])}); add another one."
        )
    if doubtful := doubt(found, data, len(outputs)):
        raise UserError(_ambiguous(name, doubtful))
    return found[0]


def _mostly_constant(program: Program, output: str) -> bool:
    """Whether most letters and digits of an output are written into the program."""
    written = "".join(part.text for part in program.parts if isinstance(part, Constant))
    return 2 * sum(map(str.isalnum, written)) > sum(map(str.isalnum, output))


def _unexplained(name: str, inputs: Sequence[Row], outputs: Sequence[str]) -> str:
    """Names the first example that cannot be explained together with those before it."""
    count = 1
    while count < len(outputs) and search(inputs[:count], tuple(outputs[:count]), ()):
        count += 1
    example = _example(inputs[count - 1], outputs[count - 1])
    if count == 1:
        return (
            f"The op derive_by_example finds no way from the input to the output of {example} for "
            f"{name!r}; check it, or derive the column in another way."
        )
    return (
        f"The op derive_by_example finds no rule for {name!r} that holds for {example} and for the "
        f"{'example' if count == 2 else 'examples'} before it; check them, or leave one out."
    )


def _ambiguous(name: str, doubtful: Doubt) -> str:
    one, other = (in_words(reading.program) for reading in doubtful.readings)
    left, right = doubtful.results
    return (
        f"The examples of derive_by_example for {name!r} can be read as ({one}) or as ({other}), "
        f"which give {left!r} and {right!r} for {_input(doubtful.row)}; add an example with that "
        "input."
    )


def _example(row: Row, output: str) -> str:
    return f"{_input(row)} -> {output!r}"


def _input(row: Row) -> str:
    return ", ".join(map(repr, row.values()))
