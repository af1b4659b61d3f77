"""The files that make a worker talk to the lab: a kubeconfig, and an env file to source.

Both hold the lab's own static tokens, which open nothing but the lab.
"""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Access:
    """How the lab is reached.

    ``contexts`` is the URL of each site's Kubernetes API by the name of its kubeconfig context.
    """

    url: str
    contexts: Mapping[str, str]
    token: str
    subscription_id: str

    def kubeconfig(self) -> dict[str, Any]:
        """Return a kubeconfig with one context per site; the first one is current."""
        names = list(self.contexts)
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": names[0] if names else "",
            "clusters": [
                {"name": name, "cluster": {"server": url}} for name, url in self.contexts.items()
            ],
            "contexts": [
                {"name": name, "context": {"cluster": name, "user": "holdfast-lab"}}
                for name in names
            ],
            "users": [{"name": "holdfast-lab", "user": {"token": self.token}}],
        }

    def environment(self, kubeconfig: Path) -> dict[str, str]:
        """Return the variables of the env file."""
        return {
            "KUBECONFIG": str(kubeconfig),
            "HOLDFAST_AZURE_ENDPOINT": self.url,
            "HOLDFAST_AZURE_SUBSCRIPTION_ID": self.subscription_id,
            "HOLDFAST_AZURE_TOKEN": self.token,
            "HOLDFAST_PROMETHEUS_URL": self.url,
            "HOLDFAST_HTTP_PROXY": self.url,
            "HOLDFAST_LAB_URL": self.url,
            # The lab limits nothing unless it is asked to.
            "HOLDFAST_API_LIMITS": "false",
        }

    def write(self, env_file: Path) -> None:
        """Write the kubeconfig beside the env file, then the env file, each in one piece.

        Raises:
            OSError: the folder cannot be written.
        """
        env_file = env_file.absolute()
        kubeconfig = env_file.with_name(f"{env_file.name}.kubeconfig")
        _write(kubeconfig, yaml.safe_dump(self.kubeconfig(), sort_keys=False))
        lines = [
            f"{name}={shlex.quote(value)}\n" for name, value in self.environment(kubeconfig).items()
        ]
        _write(env_file, "".join(lines))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
