"""The search for the simplest programs that explain all examples.

A version space in the sense of Gulwani (POPL 2011): a graph whose nodes are positions in all
outputs at once, so that the graphs of the examples are intersected by construction; its edges are
the constants and the pieces that lead every output from one node to the next. A program is a path,
and the cheapest paths are the simplest programs. Pieces that no data tell apart count once.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import nsmallest
from os.path import commonprefix
from typing import NamedTuple

from throughline.errors import UserError
from throughline.features.by_example import cost
from throughline.features.by_example.language import Constant, Part, Piece, Program
from throughline.features.by_example.merging import merged
from throughline.features.by_example.pieces import Row, Values, pieces, told_apart
from throughline.features.by_example.takes import Texts

_SLACK = 6
_MOST_PATHS = 100
_MOST_NODES = 3_000
_LONGEST_CONSTANT = 40

_Node = tuple[int, ...]
"""A position in each output."""


class _Edge(NamedTuple):
    """What leads on from a node: what it adds to the outputs, and how."""

    added: Texts
    constant: bool
    to: _Node


_Graph = Mapping[_Node, list[_Edge]]


class _Step(NamedTuple):
    """A part, its cost, and what it gives for each row of the data."""

    part: Part
    cost: float
    values: Values


class _Path(NamedTuple):
    """The steps from a node to the end of all outputs."""

    cost: float
    steps: tuple[_Step, ...]


class Found(NamedTuple):
    """A program that explains the examples, its cost, and what it gives for each row of data."""

    program: Program
    cost: float
    values: Values


def search(inputs: Sequence[Row], outputs: Texts, data: Sequence[Row]) -> list[Found]:
    """Finds the simplest programs that read the row, in no order; none if there is none.

    Args:
        inputs: The input columns of each example.
        outputs: The output of each example.
        data: Inputs from the data, to tell programs apart.

    Raises:
        UserError: If the examples are too long to search.
    """
    known = pieces(inputs, outputs)
    steps = _Steps(known, data)
    graph = _cheap(_graph(outputs, known), outputs, steps.cost)
    found: dict[Program, Found] = {}
    for path in _paths(graph, outputs, steps):
        if any(isinstance(step.part, Piece) for step in path.steps):
            program = merged(Program(parts=tuple(step.part for step in path.steps)))
            found[program] = Found(program, cost.of_program(program), _values(path, len(data)))
    return list(found.values())


def _values(path: _Path, count: int) -> Values:
    rows = zip(*[step.values for step in path.steps], strict=True) if count else ()
    return tuple(None if None in row else "".join(map(str, row)) for row in rows)


def _graph(outputs: Texts, results: Iterable[Texts]) -> _Graph:
    """The edges from every node that can be reached from the start of the outputs."""
    by_start = [
        [added for added in results if outputs[0].startswith(added[0], at)]
        for at in range(len(outputs[0]) + 1)
    ]
    graph: dict[_Node, list[_Edge]] = {}
    waiting = [_start(outputs)]
    while waiting:
        node = waiting.pop()
        if node not in graph:
            graph[node] = list(_edges(node, outputs, by_start[node[0]]))
            waiting += [edge.to for edge in graph[node]]
        if len(graph) > _MOST_NODES:
            raise UserError(
                "The outputs of the examples of derive_by_example are too long to be explained; "
                "give shorter ones."
            )
    return graph


def _start(outputs: Texts) -> _Node:
    return tuple(0 for _ in outputs)


def _end(outputs: Texts) -> _Node:
    return tuple(len(output) for output in outputs)


def _edges(node: _Node, outputs: Texts, results: Iterable[Texts]) -> Iterator[_Edge]:
    rest = tuple(output[at:] for at, output in zip(node, outputs, strict=True))
    for added in results:
        if all(map(str.startswith, rest, added)):
            yield _Edge(added, False, _moved(node, added))
    shared = commonprefix(rest)[:_LONGEST_CONSTANT]
    for length in range(1, len(shared) + 1):
        constant = (shared[:length],) * len(node)
        yield _Edge(constant, True, _moved(node, constant))


def _moved(node: _Node, added: Texts) -> _Node:
    return tuple(at + len(text) for at, text in zip(node, added, strict=True))


def _cheap(graph: _Graph, outputs: Texts, costs: Callable[[_Edge], float]) -> _Graph:
    """The edges that lie on a path which costs little more than the cheapest one."""
    start, end = _start(outputs), _end(outputs)
    forwards = sorted(graph, key=sum)
    before, after = {start: 0.0}, {end: 0.0}
    for node in forwards:
        for edge in graph[node]:
            cost_there = before[node] + costs(edge)
            before[edge.to] = min(cost_there, before.get(edge.to, cost_there))
    for node in reversed(forwards):
        onwards = [costs(edge) + after[edge.to] for edge in graph[node] if edge.to in after]
        after.update({node: min(onwards)} if onwards else {})
    most = after.get(start, 0) + _SLACK
    return {
        node: [
            edge
            for edge in graph[node]
            if edge.to in after and before[node] + costs(edge) + after[edge.to] <= most
        ]
        for node in forwards
    }


class _Steps:
    """The steps along an edge; what a piece gives for the data is computed where it is wanted."""

    def __init__(self, known: Mapping[Texts, Sequence[Piece]], data: Sequence[Row]) -> None:
        self._known = known
        self._data = data
        self._computed: dict[Texts, list[_Step]] = {}

    def cost(self, edge: _Edge) -> float:
        """The cost of the cheapest step."""
        if edge.constant:
            return cost.of_part(Constant(text=edge.added[0]))
        return cost.of_part(self._known[edge.added][0])

    def along(self, edge: _Edge) -> list[_Step]:
        """The constant, or the pieces that the data tell apart."""
        if edge.constant:
            constant = Constant(text=edge.added[0])
            values = (constant.text,) * len(self._data)
            return [_Step(constant, cost.of_part(constant), values)]
        if edge.added not in self._computed:
            cheap = [
                piece
                for piece in self._known[edge.added]
                if cost.of_part(piece) <= self.cost(edge) + _SLACK
            ]
            apart = told_apart(cheap, self._data)
            self._computed[edge.added] = [_Step(p, cost.of_part(p), v) for p, v in apart]
        return self._computed[edge.added]


def _paths(graph: _Graph, outputs: Texts, steps: _Steps) -> list[_Path]:
    """The cheapest paths through the graph, found from its end."""
    end = _end(outputs)
    paths: dict[_Node, list[_Path]] = {end: [_Path(0, ())]}
    for node in sorted(graph, key=sum, reverse=True):
        if node != end:
            onwards = [(edge, paths[edge.to]) for edge in graph[node] if paths[edge.to]]
            paths[node] = _cheapest(
                [
                    _Path(step.cost + path.cost, (step, *path.steps))
                    for edge, rest in onwards
                    for step in steps.along(edge)
                    for path in rest
                    if not (edge.constant and _starts_with_constant(path))
                ]
            )
    return paths[_start(outputs)]


def _starts_with_constant(path: _Path) -> bool:
    return bool(path.steps) and isinstance(path.steps[0].part, Constant)


def _cheapest(paths: Sequence[_Path]) -> list[_Path]:
    least = min((path.cost for path in paths), default=0)
    near = [path for path in paths if path.cost <= least + _SLACK]
    return nsmallest(_MOST_PATHS, near, key=lambda path: path.cost)
