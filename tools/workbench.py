"""Hold what the steps work with: the settings and the store, opened when first needed."""

from functools import cached_property

from lucy.settings import Settings, load_settings
from lucy.tools.store.database import Store


class Workbench:
    """Dependencies of the graph; making one touches neither disk nor network."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings

    @cached_property
    def settings(self) -> Settings:
        """The settings given, or those of the environment, read when first asked for."""
        return self._settings or load_settings()

    @cached_property
    def store(self) -> Store:
        """The store in the settings' home, opened when first asked for."""
        return Store(self.settings.home)

    def close(self) -> None:
        """Close the store, if it was opened."""
        if "store" in self.__dict__:
            self.store.close()
