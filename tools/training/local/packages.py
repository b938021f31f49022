"""Tell whether the packages of the extra [local] are installed, without importing any of them."""

from importlib.util import find_spec

PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "safetensors")
INSTALL = "pip install 'lucy-finetune[local]'"


def find_missing_packages() -> list[str]:
    """Name the packages that are not installed; none of them is imported, which takes seconds."""
    return [name for name in PACKAGES if find_spec(name) is None]


def describe_missing(missing: list[str]) -> str:
    """Say in a sentence what is missing and how to install it."""
    names = ", ".join(missing)
    return (
        f"Training and serving on this machine needs the packages of the extra [local], and {names} "
        f"{'is' if len(missing) == 1 else 'are'} not installed; install them with: {INSTALL} (for a machine "
        "without a GPU first torch's CPU build: pip install torch --index-url "
        "https://download.pytorch.org/whl/cpu)."
    )
