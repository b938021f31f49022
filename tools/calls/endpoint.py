"""Ask a service which models it has: free, and it shows whether address and key are right."""

from typing import Any

from lucy.errors import ProviderError
from lucy.tools.calls.connection import Connection
from lucy.tools.calls.failures import classify

PATIENCE = 5.0
"""Seconds to wait for the service."""
NOT_LISTED = (404, 405, 501)
"""How services answer that do not list their models."""


def list_models(connection: Connection) -> list[str]:
    """List the models of a connection's service; empty when it does not tell.

    It does not show that a model answers, or that credit is left.

    Raises:
        ProviderError: the service cannot be reached, refuses the key, or is out of order.
    """
    import httpx

    headers = {"Authorization": f"Bearer {connection.key.get_secret_value()}"} if connection.key else {}
    try:
        answer = httpx.get(
            f"{connection.base_url}/models", headers=headers, timeout=PATIENCE, follow_redirects=True
        )
        if answer.status_code in NOT_LISTED:
            return []
        answer.raise_for_status()
    except httpx.HTTPError as error:
        failure = classify(error, secrets=connection.secrets)
    else:
        return _read_names(answer)
    raise ProviderError(connection.explain(failure))


def has_model(names: list[str], model: str) -> bool:
    """Tell whether a service lists a model; Ollama lists `name:latest` for `name`."""
    return model in names or f"{model}:latest" in names


def _read_names(answer: Any) -> list[str]:
    try:
        return sorted(str(one["id"]) for one in answer.json()["data"])
    except (ValueError, KeyError, TypeError):
        return []
