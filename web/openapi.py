"""The OpenAPI 3.1 document, made from the table of endpoints and the models that check requests."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from web.endpoint import Endpoint
from web.problems import MEDIA_TYPE, ProblemBody

PREFIX = "/api/v1"
_TITLES = {
    400: "The request cannot be read",
    401: "No token, or an unknown one",
    403: "The token's role may not do that",
    404: "There is no such thing",
    409: "Somebody else is changing it, or changed it in the meantime",
    413: "The body is too large",
    422: "A field is not as it should be",
    429: "Too many attempts",
    503: "Not available just now; try again",
}


def document(endpoints: Iterable[Endpoint], version: str) -> dict[str, Any]:
    table = list(endpoints)
    schemas, definitions = _schemas(table)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in table:
        operation = _operation(endpoint, schemas)
        paths.setdefault(PREFIX + endpoint.path, {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Dozvon",
            "version": version,
            "summary": "Hotline: calls, agents, tickets",
            "description": "Times are Unix milliseconds and end in _ms. Errors are RFC 9457 problem details.",
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


_Schemas = dict[tuple[type[BaseModel], JsonSchemaMode], dict[str, Any]]


def _schemas(table: list[Endpoint]) -> tuple[_Schemas, dict[str, Any]]:
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [(ProblemBody, "serialization")]
    for endpoint in table:
        if endpoint.body:
            wanted.append((endpoint.body, "validation"))
        if endpoint.returns:
            wanted.append((endpoint.returns, "serialization"))
    unique = list(dict.fromkeys(wanted))
    schemas, top = models_json_schema(unique, ref_template="#/components/schemas/{model}")
    return dict(schemas), top.get("$defs", {})  # type: ignore[arg-type]


def _operation(endpoint: Endpoint, schemas: _Schemas) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if endpoint.returns:
        content = {endpoint.media_type: {"schema": schemas[endpoint.returns, "serialization"]}}
    elif endpoint.media_type != "application/json":
        content = {endpoint.media_type: {}}
    success: dict[str, Any] = {"description": "Done"}
    if content:
        success["content"] = content
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "operationId": _operation_id(endpoint),
        "tags": [endpoint.tag],
        "x-role": endpoint.role,
        "x-fronts": endpoint.fronts,
        "responses": {str(endpoint.status): success, **_problems(endpoint, schemas)},
    }
    if parameters := [*_path_parameters(endpoint), *_query_parameters(endpoint)]:
        operation["parameters"] = parameters
    if endpoint.body:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schemas[endpoint.body, "validation"]}},
        }
    return operation


def _problems(endpoint: Endpoint, schemas: _Schemas) -> dict[str, Any]:
    statuses = {400, 401, 403, 422, 429, 503, *endpoint.problems}
    if endpoint.body:
        statuses.add(413)
    schema = schemas[ProblemBody, "serialization"]
    return {
        str(status): {"description": _TITLES[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in sorted(statuses)
    }


def _path_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string"},
            **({"description": text} if (text := endpoint.path_fields.get(name)) else {}),
        }
        for name in re.findall(r"\{(\w+)\}", endpoint.path)
    ]


def _query_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    if endpoint.query is None:
        return []
    schema = endpoint.query.model_json_schema(ref_template="#/components/schemas/{model}")
    required = set(schema.get("required", ()))
    return [
        {"name": name, "in": "query", "required": name in required, "schema": part}
        for name, part in schema["properties"].items()
    ]


def _operation_id(endpoint: Endpoint) -> str:
    words = re.findall(r"\w+", endpoint.path.replace("{", "by_").replace(".", "_"))
    return "_".join([endpoint.method.lower(), *words]).replace("-", "_")
