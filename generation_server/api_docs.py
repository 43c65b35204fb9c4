# SPDX-License-Identifier: GPL-3.0-or-later
"""The page at /docs: the calls of the server, made from its OpenAPI description, with no script and nothing from elsewhere."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }
h2 { margin: 2rem 0 0; font-size: 1.05rem } code, h2 { font-family: ui-monospace, monospace }
.method { display: inline-block; min-width: 4.5rem; color: #06c } p { margin: .2rem 0 } table { border-collapse: collapse }
td { padding: .15rem .8rem .15rem 0; vertical-align: top } details { margin: .4rem 0 } td + td { color: #777 }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #1d1d1d } .method { color: #6bf } td + td { color: #999 } }
"""


def describe(message: type) -> dict[str, Any]:
    """The JSON Schema of a message of the protocol, complete in itself."""
    schema = TypeAdapter(message).json_schema()
    parts = schema.pop("$defs", {})
    return _inlined(schema, parts)  # type: ignore[no-any-return]


def page(openapi: Mapping[str, Any]) -> str:
    """HTML for a person: every call with what it does, takes and answers."""
    info, schemas = openapi["info"], openapi.get("components", {}).get("schemas", {})
    calls = [
        _call(path, method, call, schemas)
        for path, methods in openapi["paths"].items()
        for method, call in methods.items()
        if isinstance(call, dict)
    ]
    title = html.escape(f"{info['title']} {info['version']}")
    intro = (
        "Every call but <code>/v1/health</code> needs the header <code>Authorization: Bearer TOKEN</code>; the token is in the "
        "file <code>token</code> in the server's data folder. Errors are problem JSON (RFC 9457) with a sentence in "
        "<code>detail</code>. For programs: <a href='/openapi.json'>openapi.json</a>."
    )
    head = f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{title}</title><style>{_STYLE}</style>"
    return f"{head}<h1>{title}</h1><p>{intro}</p>{''.join(calls)}</html>"


def _call(path: str, method: str, call: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    parts = [f"<h2><span class='method'>{html.escape(method.upper())}</span> {html.escape(path)}</h2>"]
    parts.append(f"<p>{html.escape(call.get('description', call.get('summary', '')))}</p>")
    for label, content in (("takes", call.get("requestBody", {})), ("answers", _good_answer(call))):
        schema = _resolved(content.get("content", {}).get("application/json", {}).get("schema", {}), schemas)
        rows = _rows(schema, schemas)
        if rows:
            name = html.escape(f"{label} {schema.get('title', 'JSON')}")
            parts.append(f"<details><summary>{name}</summary><table>{rows}</table></details>")
    return "".join(parts)


def _good_answer(call: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((answer for status, answer in call["responses"].items() if status.startswith("2")), {})


def _rows(schema: Mapping[str, Any], schemas: Mapping[str, Any], before: str = "") -> str:
    """A row for each field, those of the messages within it after it."""
    schema, dots = _message(schema, schemas)
    required = schema.get("required", ())
    rows = []
    for name, value in schema.get("properties", {}).items():
        path = f"{before.removesuffix('.') + dots if dots else before}{name}"
        cells = (f"<code>{html.escape(path)}</code>", html.escape(_kind(value, schemas)), "" if name in required else "optional")
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>" + _rows(value, schemas, f"{path}."))
    return "".join(rows)


def _message(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """The message that a field holds, itself or as each item of a list, and ``[].`` for a list."""
    schema = _resolved(schema, schemas)
    for part in schema.get("anyOf", ()):
        if "properties" in _resolved(part, schemas):
            return _resolved(part, schemas), ""
    if schema.get("type") == "array":
        return _resolved(schema.get("items", {}), schemas), "[]."
    return schema, ""


def _kind(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    schema = _resolved(schema, schemas)
    if "anyOf" in schema:
        return " or ".join(_kind(part, schemas) for part in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}), schemas)}"
    if schema.get("type") == "object" and "title" in schema and "properties" in schema:
        return str(schema["title"])
    return str(schema.get("type", "anything"))


def _resolved(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    return schemas[reference.rpartition("/")[2]] if reference else schema


def _inlined(schema: Any, parts: Mapping[str, Any]) -> Any:
    """``schema`` with every reference into ``parts`` replaced by what it means."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inlined(parts[schema["$ref"].rpartition("/")[2]], parts)
        return {key: _inlined(value, parts) for key, value in schema.items()}
    return [_inlined(item, parts) for item in schema] if isinstance(schema, list) else schema
