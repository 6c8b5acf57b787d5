"""The API's documentation as a plain page, made from the schema: no script, nothing from elsewhere."""

import json
from typing import Any, NamedTuple

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator


class Call(NamedTuple):
    """One call: how it is made, what it takes and gives."""

    method: str
    path: str
    text: str
    parameters: list[dict[str, Any]]
    body: list[dict[str, Any]]
    answer: list[dict[str, Any]]
    is_list: bool
    examples: list[tuple[str, str]]


@require_safe
@login_required
def docs(request: HttpRequest) -> HttpResponse:
    """Every call, its parameters and fields."""
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    context = {"calls": calls(schema), "info": schema["info"], "address": request.build_absolute_uri("/")}
    return render(request, "dashboard/api_docs.html", context)


def calls(schema: dict[str, Any]) -> list[Call]:
    """All calls of a schema, in the order of their paths."""
    return [
        _call(schema, path, method, operation)
        for path, methods in sorted(schema["paths"].items())
        for method, operation in methods.items()
    ]


def _call(schema: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> Call:
    answers = operation["responses"]
    first = answers.get("200") or answers.get("201") or answers.get("202") or {}
    answer = _shape(schema, first)
    rows = answer.get("properties", {}).get("results")
    item = _resolve(schema, rows["items"]) if rows else answer
    return Call(
        method=method.upper(),
        path=path,
        text=operation.get("description", ""),
        parameters=operation.get("parameters", []),
        body=_fields(schema, _shape(schema, operation.get("requestBody", {}))),
        answer=_fields(schema, item),
        is_list=rows is not None,
        examples=_examples(operation.get("requestBody", {})),
    )


def _examples(holder: dict[str, Any]) -> list[tuple[str, str]]:
    """Each example of a body: what it shows, and the JSON to send."""
    found = holder.get("content", {}).get("application/json", {}).get("examples", {})
    return [(one.get("summary", name), json.dumps(one["value"])) for name, one in found.items()]


def _shape(schema: dict[str, Any], holder: dict[str, Any]) -> dict[str, Any]:
    content = holder.get("content", {}).get("application/json", {})
    return _resolve(schema, content.get("schema", {}))


def _resolve(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    for wrapped in part.get("allOf", [])[:1]:
        part = wrapped
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        found: dict[str, Any] = schema["components"]["schemas"][name]
        return found
    return part


def _fields(schema: dict[str, Any], shape: dict[str, Any]) -> list[dict[str, Any]]:
    required = shape.get("required", [])
    return [
        {
            "name": name,
            "kind": _kind(schema, part),
            "text": part.get("description", ""),
            "is_required": name in required,
        }
        for name, part in shape.get("properties", {}).items()
    ]


def _kind(schema: dict[str, Any], part: dict[str, Any]) -> str:
    inner = _resolve(schema, part)
    if inner.get("type") == "array":
        return f"list of {_kind(schema, inner.get('items', {}))}"
    if "properties" in inner:
        return "{ " + ", ".join(inner["properties"]) + " }"
    words = inner.get("format") or inner.get("type") or "any"
    return " | ".join(str(word) for word in inner["enum"]) if "enum" in inner else str(words)
