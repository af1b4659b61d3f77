"""`holdfast freeze` and `allow`: what a person orders the coordinator of an estate."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import CommandFailed, ExitCode, unknown
from .estate import load
from .interventions import Ordered, order
from .options import Actor, Json, Reason

if TYPE_CHECKING:
    from ..recovery_client import RecoveryClient


class Switch(StrEnum):
    """What becomes of the freeze."""

    ON = "on"
    OFF = "off"


EstateName = Annotated[
    str,
    typer.Option(
        "--estate", metavar="NAME|FILE", help="The estate: its name, or its file; - reads stdin."
    ),
]


def freeze(
    switch: Annotated[Switch, typer.Argument(help="Freeze it, or lift the freeze.")],
    estate: EstateName,
    reason: Reason,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Let nothing new begin in an estate until the freeze is lifted; what runs goes on.

    Whoever asks for a recovery meanwhile waits, and is told who froze it and why.
    """
    name, sites = _named(estate)

    async def asked(client: "RecoveryClient", by: str) -> str:
        if switch is Switch.OFF:
            return await client.thaw(name, actor=by, reason=reason)
        # A name alone may be misspelt: it must be known. A file is what it says.
        return await client.freeze(name, actor=by, reason=reason, begin=sites is not None)

    order(_of_known(name, asked), actor, as_json)


def allow(
    estate: EstateName,
    reason: Reason,
    site: Annotated[
        str | None, typer.Option("--site", help="This site, once, past budget and cool-down.")
    ] = None,
    sites: Annotated[
        int | None,
        typer.Option("--sites", metavar="N", min=1, help="So many lost sites past the budget."),
    ] = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Let a site be recovered although its cool-down lasts or the estate's budget is spent.

    It counts for an hour, and for one recovery.
    """
    if (site is None) == (sites is None):
        raise CommandFailed("name one site with --site, or a number with --sites", ExitCode.USAGE)
    name, known = _named(estate)
    if site is not None and known is not None and site not in known:
        raise CommandFailed(unknown(name, "site", site, known), ExitCode.USAGE)

    async def asked(client: "RecoveryClient", by: str) -> str:
        if site is not None and known is None:
            await _must_be_known(client, name, site)
        return await client.allow(name, actor=by, reason=reason, site=site, sites=sites)

    order(_of_known(name, asked), actor, as_json)


def _named(estate: str) -> tuple[str, list[str] | None]:
    """An estate's name; and its sites, if a file was given."""
    if estate == "-" or Path(estate).suffix in (".yaml", ".yml", ".json") or "/" in estate:
        loaded = load(estate)
        return loaded.name, [each.name for each in loaded.sites]
    return estate, None


def _of_known(name: str, asked: Ordered) -> Ordered:
    async def ordered(client: "RecoveryClient", by: str) -> str:
        from ..recovery_client import RecoveryNotFound

        try:
            return await asked(client, by)
        except RecoveryNotFound:
            known = await client.coordinated_estates()
            raise CommandFailed(
                f"{unknown('Temporal', 'estate', name, known)};"
                " one that nothing was asked of yet is named by its file: --estate FILE",
                ExitCode.USAGE,
            ) from None

    return ordered


async def _must_be_known(client: "RecoveryClient", name: str, site: str) -> None:
    """Refuse a site that nobody asked for: it may be misspelt, and its allowance of no use."""
    state = await client.estate_state(name)
    seen = {each.site for each in state.waiting} | {each.site for each in state.cool_downs}
    seen |= {each.site for each in state.holders} | set(state.budget.used)
    if site not in seen and not state.not_shown:
        others = unknown("the estate's coordinator", "site", site, sorted(seen))
        raise CommandFailed(
            f"{others}; to allow one beforehand, name the estate's file: --estate FILE",
            ExitCode.USAGE,
        )
