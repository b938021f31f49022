"""Turn values into the text and the content addresses that the store keeps."""

import hashlib
import json
from typing import Any

from lucy.tools.vocabulary import Record


def encode(value: Any) -> str:
    """Write a JSON value as canonical text: sorted keys, no spaces, Unicode as it is."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def decode(text: str) -> Any:
    """Read a JSON value back."""
    return json.loads(text)


def hash_content(*parts: Any) -> str:
    """Give the content address of JSON values: 32 hexadecimal digits of SHA-256."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(encode(part).encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()[:32]


def encode_record(record: Record) -> str:
    """Write a record's body as JSON text; id and family have columns of their own."""
    return encode(
        {
            "prompt": record.prompt,
            "reply": record.reply,
            "tools": record.tools,
            "item": record.item,
            "metadata": record.metadata,
            "parents": record.parents,
            "origin": record.origin,
        }
    )


def decode_record(record_id: str, family: str, body: str) -> Record:
    """Read a record back."""
    value = decode(body)
    return Record(
        id=record_id,
        prompt=tuple(value["prompt"]),
        reply=tuple(value["reply"]),
        tools=tuple(value["tools"]),
        item=value["item"],
        metadata=value["metadata"],
        parents=tuple(value["parents"]),
        origin=value["origin"],
        family=family,
    )
