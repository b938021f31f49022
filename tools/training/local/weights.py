"""Find a model's folder, tell its size and content, and put a trained one together."""

import hashlib
import json
import shutil
from functools import lru_cache
from pathlib import Path
from typing import Any

from lucy.errors import InputError, NotFoundError
from lucy.tools.store.encoding import hash_content

WEIGHTS = "*.safetensors"
SETTINGS = ("config.json", "generation_config.json", "model.safetensors.index.json")
TEXT_FILES = ("tokenizer*", "chat_template*", "special_tokens_map.json", "vocab*", "merges.txt", "*.model")
"""What decides how text becomes tokens."""
CARD = "lucy.json"
"""What Lucy notes beside the weights: how long an answer may be."""
_BLOCK = 1 << 20


def find_base(name: str) -> Path:
    """Give the folder of a base model: a folder, or a Hub name that this machine has already.

    It downloads nothing.

    Raises:
        InputError: no name, or a folder without a model in it.
        NotFoundError: neither a folder nor on this machine.
    """
    if not name:
        raise InputError(
            "The local trainer needs a base model; set LUCY_BASE_MODEL to a folder with a model of the "
            "transformers library, or to the name of one from the Hugging Face Hub that is on this machine."
        )
    folder = Path(name).expanduser()
    if not folder.is_dir():
        folder = _find_downloaded(name)
    if not (folder / "config.json").is_file() or not any(folder.glob(WEIGHTS)):
        raise InputError(
            f"The folder {str(folder)!r} holds no model that can be trained; expected config.json, a "
            f"tokenizer and weights as {WEIGHTS}."
        )
    return folder


def _find_downloaded(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (HFValidationError, LocalEntryNotFoundError) as error:
        raise NotFoundError(
            f"The base model {name!r} is neither a folder nor on this machine; set LUCY_BASE_MODEL to a "
            f"folder, or download it first with: hf download {name}"
        ) from error


def read_config(folder: Path) -> dict[str, Any]:
    """Read a model's config.json; of a model with several parts the one for text.

    Raises:
        InputError: it is no JSON object.
    """
    try:
        config: Any = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"The config.json in {str(folder)!r} cannot be read ({error}).") from error
    if not isinstance(config, dict):
        raise InputError(f"The config.json in {str(folder)!r} is not a JSON object.")
    return config


def find_window(folder: Path) -> int | None:
    """Give the longest prompt and answer together in tokens; None where the model names no limit."""
    config = read_config(folder)
    found = config.get("max_position_embeddings") or config.get("n_positions")
    return found if isinstance(found, int) else None


def count_parameters(folder: Path) -> int:
    """Count a model's parameters from the headers of its files, without loading it.

    The form of the header: https://huggingface.co/docs/safetensors, "Format".
    """
    total = 0
    for path in sorted(folder.glob(WEIGHTS)):
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header: dict[str, Any] = json.loads(file.read(size))
        total += sum(_multiply(one["shape"]) for name, one in header.items() if name != "__metadata__")
    return total


def hash_folder(folder: Path) -> str:
    """Give the content address of a model: its weights, settings and tokenizer; reads all of it."""
    parts: list[list[str]] = []
    for pattern in (WEIGHTS, *SETTINGS, *TEXT_FILES):
        parts.extend([path.name, _hash_file(path)] for path in sorted(folder.glob(pattern)) if path.is_file())
    return hash_content("model", parts)


def list_sizes(folder: Path) -> list[tuple[str, int]]:
    """Give name and size of the weights: tells most models apart at once, where a hash takes long."""
    return [(path.name, path.stat().st_size) for path in sorted(folder.glob(WEIGHTS))]


def copy_weights(source: Path, target: Path) -> None:
    """Copy weights and settings, nothing else, into a folder that exists."""
    for pattern in (WEIGHTS, *SETTINGS):
        for path in sorted(source.glob(pattern)):
            shutil.copyfile(path, target / path.name)


def _multiply(shape: list[int]) -> int:
    size = 1
    for side in shape:
        size *= side
    return size


def _hash_file(path: Path) -> str:
    found = path.stat()
    return _hash_bytes(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=256)
def _hash_bytes(path: Path, size: int, changed: int) -> str:
    """Hash a file, once while its size and time of change stay: a dry run asks several times."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
