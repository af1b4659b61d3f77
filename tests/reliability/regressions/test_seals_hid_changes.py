"""A revert that had nothing to put back sealed the resource, and the seal hid an earlier change.

Two steps of one run on one resource: the second was never applied, its revert sealed the resource
under its own key, and the first step's revert no longer found the change that it had to undo.
"""

from holdfast.activities.fencing import from_labels, to_labels
from holdfast.workflows.model.step import FencingToken


def test_a_seal_remembers_the_change_below_it() -> None:
    applied = FencingToken(epoch=1, sequence=1, run="r", key="first")
    sealing = FencingToken(epoch=1, sequence=3, run="r", key="second/revert")

    changed = from_labels(to_labels(applied, "x-"), "x-")
    sealed = from_labels(to_labels(sealing, "x-", sealing=changed), "x-")

    assert sealed is not None
    assert sealed.last_change == "first"


def test_a_seal_over_a_seal_still_remembers_it() -> None:
    applied = FencingToken(epoch=1, sequence=1, run="r", key="first")
    mark = from_labels(to_labels(applied, ""), "")
    for sequence in (2, 3):
        token = FencingToken(epoch=1, sequence=sequence, run="r", key=f"{sequence}/revert")
        mark = from_labels(to_labels(token, "", sealing=mark), "")

    assert mark is not None
    assert mark.last_change == "first"
