"""Hold what the steps work with: settings, store and language models, opened when first needed."""

from collections.abc import Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING

from lucy.settings import Settings, load_settings
from lucy.tools.calls.roles import ROLES, Role
from lucy.tools.store.database import Store
from lucy.tools.vocabulary import Progress, ignore_progress

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from lucy.tools.calls.connection import Connection, Engine
    from lucy.tools.calls.door import Door
    from lucy.tools.graders.resources import Resources


class Workbench:
    """Dependencies of the graph; making one touches neither disk nor network."""

    def __init__(
        self,
        settings: Settings | None = None,
        chat_models: "Mapping[Role, BaseChatModel] | None" = None,
        *,
        detach_jobs: bool = False,
    ) -> None:
        """Make a workbench.

        Args:
            settings: The settings; those of the environment if left out.
            chat_models: LangChain chat models of the embedding application, by role. They go before those
                that the settings name, and are called with messages only.
            detach_jobs: Run jobs in processes of their own, which outlive this one. Chat models that were
                handed in stay in this process, and then its jobs too.
        """
        self.detaches_jobs = detach_jobs and not chat_models
        self._settings = settings
        self._chat_models = dict(chat_models or {})
        self._connections: dict[Role, Connection | None] = {}
        self._judges: dict[str, Connection] = {}

    @cached_property
    def settings(self) -> Settings:
        """The settings given, or those of the environment, read when first asked for."""
        return self._settings or load_settings()

    @cached_property
    def store(self) -> Store:
        """The store in the settings' home, opened when first asked for."""
        return Store(self.settings.home)

    def list_engines(self) -> "dict[Role, Engine]":
        """Give the language models at work, by role; a role that is missing has the offline engine."""
        from lucy.tools.calls.connection import Engine

        engines: dict[Role, Engine] = {}
        for role in ROLES:
            connection = self._find_connection(role)
            if connection:
                engines[role] = Engine(connection.model, connection.place)
        return engines

    def open_door(self, role: Role, *, workflow_id: str, step: str) -> "Door | None":
        """Give the way to a role's language model, or None where the offline engine works.

        Nothing is sent before something is asked.

        Raises:
            SettingsError: the prices in the data folder cannot be read.
        """
        connection = self._find_connection(role)
        return self._open(connection, role, workflow_id=workflow_id, step=step) if connection else None

    def open_judge(
        self, model: str, *, workflow_id: str, step: str, progress: Progress = ignore_progress
    ) -> "Door | None":
        """Give the way to a judge model, or None where no judge is set.

        Nothing is sent before something is asked.

        Args:
            model: The judge's name, reached by the same service and key as the one that is set; empty for
                that one. A chat model that was handed in is used whatever the name.
            workflow_id: Whose work it is.
            step: In which step.
            progress: Told how far the judge is; may raise to stop, what was answered stays stored.

        Raises:
            SettingsError: the prices in the data folder cannot be read.
        """
        connection = self._find_connection("judge")
        if connection is None:
            return None
        if model and model not in self._judges:
            self._judges[model] = connection.rename(model)
        connection = self._judges.get(model, connection)
        return self._open(connection, "judge", workflow_id=workflow_id, step=step, progress=progress)

    def make_resources(
        self, workflow_id: str, step: str, progress: Progress = ignore_progress
    ) -> "Resources":
        """Give what graders may use: the judge, which reports to `progress`, and the trust in scripts."""
        from lucy.tools.graders.resources import Resources

        return Resources(
            open_judge=partial(self.open_judge, workflow_id=workflow_id, step=step, progress=progress),
            trusted=self.settings.trusted_scripts,
        )

    def _open(
        self,
        connection: "Connection",
        role: Role,
        *,
        workflow_id: str,
        step: str,
        progress: Progress = ignore_progress,
    ) -> "Door":
        from lucy.tools.calls.door import Door
        from lucy.tools.calls.prices import load_prices
        from lucy.tools.store.ledger import Account

        return Door(
            self.store,
            connection,
            Account(workflow_id, step, role, connection.model),
            concurrency=self.settings.model_concurrency,
            prices=load_prices(self.settings.home, with_listed=connection.is_openai),
            progress=progress,
        )

    def _find_connection(self, role: Role) -> "Connection | None":
        """Find a role's connection, once, so that its doors share one client."""
        from lucy.tools.calls.connection import find_connection

        if role not in self._connections:
            self._connections[role] = find_connection(self.settings, role, self._chat_models)
        return self._connections[role]

    def close(self) -> None:
        """Close the store, if it was opened."""
        if "store" in self.__dict__:
            self.store.close()
