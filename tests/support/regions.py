"""Estates whose sites fall together."""

from typing import Any
from uuid import uuid4

from holdfast.workflows.model.estate import Estate


def estate_in_regions(
    tiers: dict[str, dict[str, int]], policy: dict[str, Any] | None = None
) -> Estate:
    """Sites of region r with services of the tiers given; all of them recover at `far`."""
    services = [
        {
            "name": name,
            "site": site,
            "tier": tier,
            "recovery_sites": ["far"],
            "recovery": [
                {"id": "up", "run": "test.set", "with": {"resource": name}, "timeout": "5s"}
            ],
        }
        for site, each in tiers.items()
        for name, tier in each.items()
    ]
    return Estate.model_validate(
        {
            "apiVersion": "holdfast.dev/v1",
            "kind": "Estate",
            "metadata": {"name": f"e{uuid4().hex[:12]}"},
            "policy": policy or {},
            "sites": [*({"name": site, "region": "r"} for site in tiers),
                      {"name": "far", "region": "s"}],
            "services": services,
        }
    )  # fmt: skip
