"""The exchange's official OpenAPI file, cut down to the paths that the simulated exchange serves, as it is meant."""

import copy
from typing import Any

import yaml
from django.conf import settings

from trading.simulator.exchange.app import DOORS

SPEC = settings.RECORDED_DATA.parent / "reference" / "specs" / "openapi.yaml"
SERVER = "https://external-api.kalshi.com"


def served_spec() -> dict[str, Any]:
    """Beside a reference "nullable" means nothing to a validator, but the file means it: what is referred to is put in
    its place, with null allowed."""
    with SPEC.open() as file:
        whole = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    served = {(door.method.lower(), door.path) for door in DOORS}
    paths = {
        path: {name: value for name, value in item.items() if (name, path) in served or name == "parameters"}
        for path, item in whole["paths"].items()
    }
    spec: dict[str, Any] = whole | {"paths": {path: item for path, item in paths.items() if item}}
    _mean(spec, spec["components"]["schemas"])
    return spec


def _mean(node: Any, schemas: dict[str, Any]) -> None:
    if isinstance(node, dict):
        reference = node.get("$ref") or next((one.get("$ref") for one in node.get("allOf", [])), None)
        if node.get("nullable") is True and reference:
            node.pop("$ref", None)
            node.pop("allOf", None)
            node |= copy.deepcopy(schemas[reference.rpartition("/")[2]])
            if "enum" in node:
                node["enum"] = [*node["enum"], None]
        for value in node.values():
            _mean(value, schemas)
    elif isinstance(node, list):
        for value in node:
            _mean(value, schemas)
