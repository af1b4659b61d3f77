"""The fields that the API server fills in, for the built-in kinds the lab serves."""

from __future__ import annotations

import base64
from typing import Any

from .kinds import Resource

Document = dict[str, Any]


def filled_in(resource: Resource, document: Document) -> Document:
    """Return the document with the defaults of its kind; what is set stays."""
    if not resource.builtin:
        return document
    if resource.kind == "Secret":
        return _secret(document)
    if "spec" not in document and resource.kind != "Namespace":
        return document
    spec = document.get("spec") or {}
    match resource.kind:
        case "Deployment":
            spec = _deployment(spec)
        case "StatefulSet":
            spec = _stateful_set(spec)
        case "Service":
            spec = _service(spec)
        case "NetworkPolicy":
            spec = _network_policy(spec)
        case "Namespace":
            return _namespace(document)
        case _:
            return document
    return {**document, "spec": spec}


def _below(defaults: Document, given: Document) -> Document:
    return {**defaults, **{name: value for name, value in given.items() if value is not None}}


def _deployment(spec: Document) -> Document:
    rolling = {"maxUnavailable": "25%", "maxSurge": "25%"}
    strategy = _below({"type": "RollingUpdate"}, spec.get("strategy") or {})
    if strategy["type"] == "RollingUpdate":
        strategy["rollingUpdate"] = _below(rolling, strategy.get("rollingUpdate") or {})
    return _below(
        {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600},
        {**spec, "strategy": strategy, "template": _template(spec.get("template") or {})},
    )


def _stateful_set(spec: Document) -> Document:
    return _below(
        {
            "replicas": 1,
            "serviceName": "",
            "podManagementPolicy": "OrderedReady",
            "revisionHistoryLimit": 10,
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "persistentVolumeClaimRetentionPolicy": {
                "whenDeleted": "Retain",
                "whenScaled": "Retain",
            },
        },
        {**spec, "template": _template(spec.get("template") or {})},
    )


def _template(template: Document) -> Document:
    pod = template.get("spec")
    if not isinstance(pod, dict):
        return template
    containers = pod.get("containers")
    if isinstance(containers, list):
        pod = {
            **pod,
            "containers": [_container(c) if isinstance(c, dict) else c for c in containers],
        }
    return {
        **template,
        "metadata": {"creationTimestamp": None, **(template.get("metadata") or {})},
        "spec": _below(
            {
                "restartPolicy": "Always",
                "terminationGracePeriodSeconds": 30,
                "dnsPolicy": "ClusterFirst",
                "securityContext": {},
                "schedulerName": "default-scheduler",
            },
            pod,
        ),
    }


def _container(container: Document) -> Document:
    image = str(container.get("image", ""))
    tag = image.rpartition("/")[2].partition(":")[2]
    pull = "Always" if tag in ("", "latest") and "@" not in image else "IfNotPresent"
    filled = _below(
        {
            "resources": {},
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
            "imagePullPolicy": pull,
        },
        container,
    )
    if isinstance(filled.get("ports"), list):
        filled["ports"] = [_below({"protocol": "TCP"}, port) for port in filled["ports"]]
    return filled


def _service(spec: Document) -> Document:
    filled = _below({"type": "ClusterIP", "sessionAffinity": "None"}, spec)
    filled["ports"] = [
        _below({"protocol": "TCP", "targetPort": port.get("port")}, port)
        for port in filled.get("ports") or []
    ]
    return filled


def _network_policy(spec: Document) -> Document:
    types = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    return _below({"policyTypes": types}, spec)


def _secret(document: Document) -> Document:
    plain = document.get("stringData") or {}
    coded = {key: base64.b64encode(text.encode()).decode() for key, text in plain.items()}
    kept = {name: value for name, value in document.items() if name != "stringData"}
    data = {**(kept.get("data") or {}), **coded}
    return _below({"type": "Opaque"}, {**kept, **({"data": data} if data else {})})


def _namespace(document: Document) -> Document:
    metadata = document["metadata"]
    labels = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata["name"]}
    return {
        **document,
        "metadata": {**metadata, "labels": labels},
        "spec": _below({"finalizers": ["kubernetes"]}, document.get("spec") or {}),
        "status": _below({"phase": "Active"}, document.get("status") or {}),
    }
