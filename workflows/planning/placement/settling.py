"""The last touch: whoever can do better by itself, with all others as they sit, does."""

from .filling import fill, in_order
from .seating import Seating


def settle(seating: Seating) -> None:
    """Move single items to sites that they prefer, and make whole what can be; then fill up."""
    order = in_order(seating.problem)
    moved = True
    while moved:
        moved = fill(seating, order)
        for item in order:
            moved = _better(seating, item) or moved


def _better(seating: Seating, index: int) -> bool:
    seat = seating.seats[index]
    item = seating.problem.items[index]
    if seat is None or (seat[1] is False and item.ranks[seat[0]] == 0):
        return False
    seating.stand(index)
    rank = item.ranks[seat[0]]
    wishes = [(site, False) for site in item.options[: None if seat[1] else rank]]
    wishes += [(site, True) for site in item.options[:rank] if seat[1]]
    chosen = next((wish for wish in wishes if seating.fits(index, wish)), seat)
    seating.sit(index, chosen)
    return chosen != seat
