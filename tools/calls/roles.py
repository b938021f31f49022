"""Name the roles that a language model can take, and those that use one today."""

from typing import Literal, get_args

Role = Literal["chat", "judge", "generator", "base_model", "embeddings"]
"""What an engine is asked to do."""
ROLES: tuple[Role, ...] = get_args(Role)
USES: dict[Role, str] = {
    "chat": "sorts the records that the offline engine is unsure of; replies are still read by rules",
    "generator": "writes new records and names topics",
    "judge": "grades answers",
}
"""What a model does in the roles that call one; a model set for another role is not used yet."""
FIELDS: dict[Role, str] = {
    "chat": "chat_model",
    "judge": "judge_model",
    "generator": "generator_model",
    "base_model": "base_model",
    "embeddings": "embedding_model",
}
"""The setting that names the model of each role."""


def name_variable(role: Role) -> str:
    """Name the environment variable that sets the model of a role."""
    return f"LUCY_{FIELDS[role].upper()}"
