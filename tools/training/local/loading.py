"""Load tokenizers and models of the transformers library; downloads nothing, runs no code of theirs."""

from pathlib import Path
from typing import Any

from lucy.errors import StoreError
from lucy.tools.training.local.packages import describe_missing, find_missing_packages
from lucy.tools.training.local.prompts import PLAIN_TEMPLATE


def load_tokenizer(folder: Path) -> Any:
    """Load a model's tokenizer; where it has none, it gets a padding token and a chat template.

    Raises:
        StoreError: a package is missing, or the folder cannot be used.
    """
    _check_packages()
    from transformers import AutoTokenizer  # pyright: ignore[reportMissingImports]  # extra [local]

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise StoreError(_explain("tokenizer", folder, error)) from error
    # Prompts of unequal length must end at the same place, where the answer begins.
    tokenizer.padding_side = "left"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if not tokenizer.chat_template:
        tokenizer.chat_template = PLAIN_TEMPLATE
    return tokenizer


def load_model(folder: Path, *, dtype: str) -> Any:
    """Load a causal language model.

    Args:
        folder: With config and weights.
        dtype: `float32`, `bfloat16`, or `auto` for that of the weights.

    Raises:
        StoreError: a package is missing, or the folder cannot be used.
    """
    _check_packages()
    from transformers import AutoModelForCausalLM  # pyright: ignore[reportMissingImports]  # extra [local]
    from transformers.utils import logging  # pyright: ignore[reportMissingImports]  # extra [local]

    logging.disable_progress_bar()
    try:
        return AutoModelForCausalLM.from_pretrained(
            str(folder), dtype=dtype, local_files_only=True, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError) as error:
        raise StoreError(_explain("model", folder, error)) from error


def _check_packages() -> None:
    missing = find_missing_packages()
    if missing:
        raise StoreError(describe_missing(missing))


def _explain(what: str, folder: Path, error: Exception) -> str:
    where = f"The {what} in {str(folder)!r}"
    return f"{where} cannot be loaded ({error}); take another base model, or train it again."
