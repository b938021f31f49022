"""Hold a workflow while its graph runs: one run at a time."""

import threading

from lucy.errors import BusyError
from lucy.tools.store.database import Store
from lucy.tools.store.workflows import release_run, take_run


class RunLock:
    """Hold a workflow in this process and, by a lease in the store, over all processes."""

    def __init__(self, store: Store, workflow_id: str, lock: threading.Lock, wait: float) -> None:
        """Prepare to hold a workflow.

        Args:
            store: Has the leases.
            workflow_id: The workflow.
            lock: Held by whoever runs the workflow in this process.
            wait: Seconds to wait for it; -1 waits as long as it takes.
        """
        self._store, self._workflow_id, self._lock, self._wait = store, workflow_id, lock, wait

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=self._wait):
            raise BusyError("I am still working on your last message; wait for it or cancel it.")
        try:
            take_run(self._store, self._workflow_id)
        except BaseException:
            self._lock.release()
            raise

    def __exit__(self, *_: object) -> None:
        release_run(self._store, self._workflow_id)
        self._lock.release()
