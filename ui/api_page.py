"""Write the page that describes the API: plain HTML, nothing loaded from elsewhere."""

import json
from html import escape
from typing import Any

from lucy.ui.api_examples import EXAMPLES
from lucy.ui.api_schema import TOKEN_NOTE, complete_schema

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
code, pre {{ font-size: 0.95em }}
pre {{ overflow-x: auto; border: 1px solid #8886; padding: 0.5rem; max-height: 24rem }}
section {{ border-top: 1px solid #8886; padding: 0.5rem 0 }}
p {{ margin: 0.3rem 0; white-space: pre-line }}
</style></head>
<body><main><h1>{title} {version}</h1><p>{description}</p>
<p>Machine-readable: <a href="openapi.json">openapi.json</a>. In the examples
<code>$LUCY</code> is the address of this server. Token: <code>-H "Authorization: Bearer $LUCY_TOKEN"</code>
({token})</p>
{operations}
</main></body></html>
"""


def write_page(schema: dict[str, Any]) -> str:
    """Write the page of an OpenAPI document."""
    schema = complete_schema(schema)
    info: dict[str, str] = schema["info"]
    operations = [
        _write_operation(schema, method, path, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    return PAGE.format(
        title=escape(info["title"]),
        version=escape(info["version"]),
        description=escape(info.get("description", "")),
        token=escape(TOKEN_NOTE),
        operations="\n".join(operations),
    )


def _write_operation(schema: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> str:
    return (
        f"<section><h2><code>{escape(method.upper())} {escape(path)}</code></h2>"
        f"<p>{escape(operation.get('description', ''))}</p>{_write_parameters(operation)}"
        f"{_write_body(schema, operation)}{_write_example(method.upper(), path)}</section>"
    )


def _write_parameters(operation: dict[str, Any]) -> str:
    rows = [_write_parameter(one) for one in operation.get("parameters", ())]
    return f"<ul>{''.join(rows)}</ul>" if rows else ""


def _write_parameter(parameter: dict[str, Any]) -> str:
    value = parameter["schema"]
    parts = [parameter["in"], parameter["description"].rstrip("."), *_list_values(value)]
    if value.get("default") is not None:
        parts.append(f"default {json.dumps(value['default'])}")
    said = "; ".join(escape(part) for part in parts if part)
    return f"<li><code>{escape(parameter['name'])}</code> ({said})</li>"


def _list_values(value: dict[str, Any]) -> list[str]:
    """Say which values a parameter may have, where they are few."""
    chosen = [one for kind in (value, *value.get("anyOf", ())) for one in kind.get("enum", ())]
    return [f"one of {', '.join(chosen)}"] if chosen else []


def _write_body(schema: dict[str, Any], operation: dict[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = str(content.get("schema", {}).get("$ref", "")).rpartition("/")[2]
    if not name:
        return ""
    body: dict[str, Any] = schema["components"]["schemas"][name]
    required = body.get("required", ())
    fields = ", ".join(
        f"<code>{escape(field)}</code>{' (required)' if field in required else ''}"
        for field in body["properties"]
    )
    return f"<p>Body: {fields}</p><p>{escape(body.get('description', ''))}</p>"


def _write_example(method: str, path: str) -> str:
    example = EXAMPLES.get(f"{method} {path}")
    if example is None:
        return ""
    verb = "" if method == "GET" else f" -X {method}"
    body = "" if example.body is None else _quote_body(example.body)
    call = f'curl{verb} "$LUCY{example.path or path}"{body}'
    answer = example.answer if isinstance(example.answer, str) else json.dumps(example.answer, indent=1)
    return f"<pre>{escape(call)}</pre><pre>{escape(answer)}</pre>"


def _quote_body(body: dict[str, Any]) -> str:
    text = json.dumps(body).replace("'", "'\\''")
    return f" -H 'Content-Type: application/json' \\\n  -d '{text}'"
