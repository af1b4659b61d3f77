"""What is recovered in the cells: the example estate, and one so wide that its steps share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from holdfast.workflows.model.estate import Estate
from holdfast.workflows.model.plan import RecoveryPlan
from holdfast.workflows.model.recovery import RecoveryRequest
from holdfast.workflows.planning import compile_plan
from support.wide_estate import LAYERS, LOST, WIDTH, service_name, wide_estate
from support.wounds import FAILING, Refusal

EXAMPLES = Path(str(files("holdfast.deploy.examples")))
EXAMPLE = EXAMPLES / "acme-manufacturing.yaml"


@dataclass(frozen=True)
class Terrain:
    """An estate, the site that is recovered, and what is refused where all is to be undone."""

    name: str
    site: str
    refusal: Refusal = field(compare=False)
    document: Mapping[str, Any] = field(compare=False, repr=False)

    @cached_property
    def plan(self) -> RecoveryPlan:
        """The recovery of the site."""
        estate = Estate.model_validate(self.document)
        plan = compile_plan(RecoveryRequest(estate=estate, site=self.site)).plan
        assert plan is not None
        return plan

    def file(self, folder: Path) -> Path:
        """The estate as a file in that folder."""
        path = folder / f"{self.name}.yaml"
        path.write_text(yaml.safe_dump(dict(self.document), sort_keys=False))
        return path


MANUFACTURER = Terrain("example", "plant-lyon", FAILING, yaml.safe_load(EXAMPLE.read_text()))
"""22 steps of six services, each in an activity of its own."""
LAST = service_name(WIDTH * LAYERS - 1)
WIDE = Terrain(
    "wide",
    LOST,
    Refusal({"method": "PATCH", "path": f"(?i)trafficmanagerprofiles/{LAST}"}, times=1),
    wide_estate(),
)
"""120 steps of 36 services; the last one is refused while others still run."""
TERRAINS = {terrain.name: terrain for terrain in (MANUFACTURER, WIDE)}
