"""The best seating, by mixed-integer programming: HiGHS, imported only when it is needed.

One binary column for each seat that an item could take. What is best is said in levels, the most
important first; each level's best is found, kept, and the next one sought among what is left. One
thread, a fixed seed and a limit of nodes instead of a clock: the same problem, the same seating.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .columns import Columns
from .levels import Level, preferences, service_levels
from .rules import Row, rules
from .seating import Seating
from .value import value_of

if TYPE_CHECKING:
    from highspy import Highs

NODES = 50
"""Of the search tree, for each level: more of them rarely find more, but take long to look at."""
WEIGHED = 800
"""Columns up to which preferences are made the best too: what takes by far the longest."""


@dataclass(frozen=True)
class Found:
    """The best seating that was found, and what of it is proven."""

    seating: Seating
    serves_best: bool
    """None serves more, or lets fewer give way."""
    is_best: bool
    """And none meets preferences better."""


def improve(start: Seating) -> Found:
    """The best seating of the same problem; `start` itself, if the search finds none better."""
    problem = start.problem
    columns = Columns.of(problem)
    solver = _solver(columns, rules(problem, columns))
    values: Sequence[float] = columns.values_of(start)
    serves_best = True
    for level in service_levels(problem, columns):
        reached = _maximise(solver, level, values)
        serves_best = serves_best and reached.proven
        values = reached.values
        _keep(solver, level, values)
    is_best = serves_best
    last = preferences(problem, columns)
    if last:
        is_best = is_best and len(columns) <= WEIGHED
    if last and len(columns) <= WEIGHED:
        reached = _maximise(solver, last, values)
        is_best = is_best and reached.proven
        values = reached.values
    found = columns.seating_of(problem, values)
    # Room is counted in floating point by the solver, to a millionth; exactly by the seating.
    if found is None or value_of(found) < value_of(start):
        return Found(start, serves_best=False, is_best=False)
    # Of two that are as good, the one that followed the order of the file.
    chosen = start if value_of(found) == value_of(start) else found
    return Found(chosen, serves_best, is_best)


@dataclass(frozen=True)
class _Reached:
    values: Sequence[float]
    proven: bool


def _solver(columns: Columns, rows: Iterable[Row]) -> "Highs":
    from highspy import Highs, HighsVarType

    solver = Highs()  # type: ignore[no-untyped-call]
    for option, value in (
        ("output_flag", False),
        ("threads", 1),
        ("parallel", "off"),
        ("random_seed", 0),
        ("mip_rel_gap", 0.0),
        ("mip_abs_gap", 0.5),
        ("mip_max_nodes", NODES),
    ):
        solver.setOptionValue(option, value)
    count = len(columns)
    solver.addVars(count, [0.0] * count, [1.0] * count)
    for column in range(count):
        solver.changeColIntegrality(column, HighsVarType.kInteger)
    for row in rows:
        factors = list(row.factors.values())
        solver.addRow(float("-inf"), row.most, len(factors), list(row.factors), factors)
    return solver


def _maximise(solver: "Highs", level: Level, start: Sequence[float]) -> _Reached:
    from highspy import HighsModelStatus, HighsSolution, ObjSense

    count = len(start)
    solver.changeObjectiveSense(ObjSense.kMaximize)
    solver.changeColsCost(count, list(range(count)), [level.get(i, 0.0) for i in range(count)])
    first = HighsSolution()
    first.col_value = list(start)
    solver.setSolution(first)
    solver.run()
    values = solver.getSolution().col_value
    if len(values) != count:
        return _Reached(start, proven=False)
    status = solver.getModelStatus()
    return _Reached([float(round(value)) for value in values], status == HighsModelStatus.kOptimal)


def _keep(solver: "Highs", level: Level, values: Sequence[float]) -> None:
    """Hold the following levels to what this one reached; its values are whole numbers."""
    reached = sum(factor * values[column] for column, factor in level.items())
    solver.addRow(reached - 0.5, float("inf"), len(level), list(level), [level[i] for i in level])
