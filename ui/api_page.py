"""Write the page that describes the REST API: plain HTML, nothing loaded from elsewhere."""

from html import escape
from typing import Any

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
code {{ font-size: 0.95em }}
section {{ border-top: 1px solid #8886; padding: 0.5rem 0 }}
p {{ margin: 0.3rem 0; white-space: pre-line }}
</style></head>
<body><main><h1>{title} {version}</h1><p>{description}</p>
<p>Machine-readable: <a href="openapi.json">openapi.json</a></p>
{operations}
</main></body></html>
"""


def write_page(schema: dict[str, Any]) -> str:
    """Write the page of an OpenAPI document."""
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
        operations="\n".join(operations),
    )


def _write_operation(schema: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> str:
    given = [parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"]
    query = f"<p>Query: {', '.join(f'<code>{escape(name)}</code>' for name in given)}</p>" if given else ""
    return (
        f"<section><h2><code>{escape(method.upper())} {escape(path)}</code></h2>"
        f"<p>{escape(operation.get('description', ''))}</p>{query}{_write_body(schema, operation)}</section>"
    )


def _write_body(schema: dict[str, Any], operation: dict[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = str(content.get("schema", {}).get("$ref", "")).rpartition("/")[2]
    if not name:
        return ""
    body: dict[str, Any] = schema["components"]["schemas"][name]
    fields = ", ".join(f"<code>{escape(field)}</code>" for field in body["properties"])
    return f"<p>Body: {fields}</p><p>{escape(body.get('description', ''))}</p>"
