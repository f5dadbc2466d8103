"""The OpenAPI document as rows for a page: operations, parameters, fields with their types."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_DEPTH = 4


@dataclass(frozen=True)
class Field:
    """One member, dotted name."""

    name: str
    type: str
    meaning: str
    required: bool


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    id: str
    tag: str
    method: str
    path: str
    description: str
    signed_in: bool
    parameters: list[Field] = field(default_factory=list)
    body: list[Field] = field(default_factory=list)
    answer: list[Field] = field(default_factory=list)


def operations(document: dict[str, Any]) -> list[Operation]:
    """Every operation in the order of the document."""
    schemas = document["components"]["schemas"]
    found = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            found.append(
                Operation(
                    id=operation["operationId"],
                    tag=(operation.get("tags") or [""])[0],
                    method=method.upper(),
                    path=path,
                    description=operation.get("description", ""),
                    signed_in=bool(operation.get("security")),
                    parameters=[
                        Field(
                            parameter["name"],
                            _type(parameter["schema"], schemas),
                            parameter.get("description", ""),
                            parameter.get("required", False),
                        )
                        for parameter in operation.get("parameters", ())
                    ],
                    body=_fields(body.get("schema", {}), schemas),
                    answer=_fields(_answer(operation), schemas),
                )
            )
    return found


def _answer(operation: dict[str, Any]) -> dict[str, Any]:
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            content = response.get("content", {}).get("application/json", {})
            schema: dict[str, Any] = content.get("schema", {})
            return schema
    return {}


def _fields(
    schema: dict[str, Any], schemas: dict[str, Any], prefix: str = "", depth: int = 0
) -> list[Field]:
    """Members of an object, those of objects within it after it."""
    schema = _resolve(schema, schemas)
    found: list[Field] = []
    for name, member in schema.get("properties", {}).items():
        needed = name in schema.get("required", ())
        found.append(
            Field(prefix + name, _type(member, schemas), member.get("description", ""), needed)
        )
        inner, suffix = _inner(member, schemas)
        if inner is not None and depth < _DEPTH:
            found += _fields(inner, schemas, f"{prefix}{name}{suffix}.", depth + 1)
    return found


def _inner(member: dict[str, Any], schemas: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """The object inside a member, and how its members are named."""
    suffix = ""
    for option in [member, *member.get("anyOf", ())]:
        shape = _resolve(option, schemas)
        if shape.get("type") == "array":
            shape, suffix = _resolve(shape.get("items", {}), schemas), "[]"
        if "properties" in shape:
            return shape, suffix
    return None, ""


def _type(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """A type in few words."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(option, schemas) for option in schema["anyOf"]))
    shape = _resolve(schema, schemas)
    if "enum" in shape:
        return " | ".join(str(value) for value in shape["enum"])
    if "const" in shape:
        return repr(shape["const"])
    kind = shape.get("type", "any")
    if kind == "array":
        return f"list of {_type(shape.get('items', {}), schemas)}"
    if "format" in shape:
        return f"{kind} ({shape['format']})"
    limits = [
        f"{sign} {shape[name]}"
        for name, sign in (("minimum", "≥"), ("maximum", "≤"), ("maxLength", "length ≤"))
        if name in shape
    ]
    return f"{kind} {', '.join(limits)}".strip()


def _resolve(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
    return schema
