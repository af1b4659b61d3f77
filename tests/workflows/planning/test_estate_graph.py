"""The graph of an estate as Mermaid and as pictures."""

import builtins
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from holdfast.workflows.model.estate import Estate
from holdfast.workflows.planning.estate_file import parse_estate
from holdfast.workflows.planning.estate_graph import DrawingUnavailable, draw, mermaid
from holdfast.workflows.planning.estate_layout import Box, lay_out

EXAMPLE = Path(__file__).parents[3] / "deploy" / "examples" / "acme-manufacturing.yaml"


@pytest.fixture(scope="module")
def acme() -> Estate:
    return parse_estate(EXAMPLE.read_bytes(), EXAMPLE.name)


def small(**site: Any) -> Estate:
    document = {
        "apiVersion": "holdfast.dev/v1",
        "kind": "Estate",
        "metadata": {"name": "x"},
        "sites": [{"name": "end", "region": "r", **site}, {"name": "b", "region": "r"}],
        "services": [
            {"name": "graph", "site": "end", "tier": 9, "recovery_sites": ["b"]},
            {"name": "t", "site": "end", "depends_on": ["graph"]},
        ],
    }
    return parse_estate(json.dumps(document).encode(), "f")


def test_mermaid_shows_sites_services_dependencies_and_recovery_sites() -> None:
    assert mermaid(small(jurisdiction="EU")).splitlines()[:10] == [
        "flowchart LR",
        '  subgraph site0["end<br/>r · EU"]',
        '    service0["graph"]:::tier3',
        '    service1["t"]:::tier3',
        "  end",
        '  subgraph site1["b<br/>r"]',
        '    site1_idle["no service"]:::idle',
        "  end",
        "  service0 -.-> site1",
        "  service1 --> service0",
    ]


def test_mermaid_escapes_free_text() -> None:
    text = mermaid(small(jurisdiction='"]\n<script>'))

    assert '"end<br/>r · #34;#93;#10;#60;script#62;"' in text


def test_mermaid_of_the_example_has_an_arrow_for_each_dependency_and_choice(acme: Estate) -> None:
    text = mermaid(acme)

    assert text.count(" --> ") == sum(len(s.depends_on) for s in acme.services)
    assert text.count(" -.->") == sum(len(acme.candidates(s)) for s in acme.services)
    assert len(re.findall(r"^  subgraph ", text, re.MULTILINE)) == 4


def overlap(one: Box, other: Box) -> bool:
    return one.x < other.right and other.x < one.right and one.y < other.top and other.y < one.top


def within(inner: Box, outer: Box) -> bool:
    return (
        outer.x <= inner.x
        and inner.right <= outer.right + 1e-9
        and outer.y <= inner.y + 1e-9
        and inner.top <= outer.top + 1e-9
    )


def test_no_box_lies_on_another_and_each_is_in_its_own(acme: Estate) -> None:
    layout = lay_out(acme, 2.0)

    for boxes in (layout.regions, layout.sites, layout.services):
        placed = list(boxes.values())
        assert not any(overlap(one, other) for i, one in enumerate(placed) for other in placed[:i])
    for service in acme.services:
        assert within(layout.services[service.name], layout.sites[service.site])
    for site in acme.sites:
        assert within(layout.sites[site.name], layout.regions[site.region])


def test_a_service_stands_right_of_what_it_depends_on_at_its_site(acme: Estate) -> None:
    layout = lay_out(acme, 2.0)

    for service in acme.services:
        for need in service.depends_on:
            if acme.service(need).site == service.site:
                assert layout.services[need].right < layout.services[service.name].x


@pytest.mark.parametrize(("suffix", "magic"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_a_picture_is_drawn(acme: Estate, tmp_path: Path, suffix: str, magic: bytes) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / f"estate{suffix}"

    draw(acme, path)

    assert path.read_bytes().startswith(magic)


def test_the_same_estate_gives_the_same_drawing(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    estate = small(zone="$x_1$", jurisdiction="日本")

    draw(estate, tmp_path / "one.svg")
    draw(estate, tmp_path / "two.svg")

    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_without_matplotlib_the_way_out_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.split(".")[0] == "matplotlib":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *args, **kwargs)

    for module in ("estate_picture", "estate_arrows"):
        monkeypatch.delitem(sys.modules, f"holdfast.workflows.planning.{module}", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)

    with pytest.raises(DrawingUnavailable, match=r"pip install 'holdfast\[graph\]'"):
        draw(small(), tmp_path / "x.png")


def test_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.svg and \.png"):
        draw(small(), tmp_path / "x.pdf")
