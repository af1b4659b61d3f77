"""Finds what waits for itself in a graph of names, and names the shortest way round."""

from collections import deque
from collections.abc import Iterable, Mapping


def cycles(edges: Mapping[str, Iterable[str]]) -> list[tuple[str, ...]]:
    """One shortest cycle through each knot of the graph, as `(a, b, a)`.

    Names that no key of `edges` has are passed over. Iterative, so that a chain of ten thousand
    names is no deeper than one of two.
    """
    graph = {name: tuple(n for n in needs if n in edges) for name, needs in edges.items()}
    found = []
    seen: set[str] = set()
    for name in _left_after_peeling(graph):
        if name in seen:
            continue
        way = _way_round(graph, name)
        if way:
            found.append(way)
            seen.update(_knot(graph, name))
    return found


def _left_after_peeling(graph: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The names that stay once everything that cannot be in a cycle is taken away."""
    waiting = {name: len(needs) for name, needs in graph.items()}
    needed_by: dict[str, list[str]] = {name: [] for name in graph}
    for name, needs in graph.items():
        for need in needs:
            needed_by[need].append(name)
    free = deque(name for name, count in waiting.items() if not count)
    while free:
        done = free.popleft()
        for name in needed_by[done]:
            waiting[name] -= 1
            if not waiting[name]:
                free.append(name)
    return [name for name, count in waiting.items() if count]


def _way_round(graph: Mapping[str, tuple[str, ...]], start: str) -> tuple[str, ...]:
    came_from: dict[str, str] = {}
    frontier = deque([start])
    while frontier:
        name = frontier.popleft()
        for need in graph[name]:
            if need == start:
                way = [start, name]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return tuple(reversed(way)) if name != start else (start, start)
            if need not in came_from:
                came_from[need] = name
                frontier.append(need)
    return ()


def _knot(graph: Mapping[str, tuple[str, ...]], start: str) -> set[str]:
    """All names that reach `start` and are reached from it."""
    backward: dict[str, list[str]] = {name: [] for name in graph}
    for name, needs in graph.items():
        for need in needs:
            backward[need].append(name)
    return _reached(graph, start) & _reached(backward, start)


def _reached(graph: Mapping[str, Iterable[str]], start: str) -> set[str]:
    seen = {start}
    frontier = [start]
    while frontier:
        for name in graph[frontier.pop()]:
            if name not in seen:
                seen.add(name)
                frontier.append(name)
    return seen
