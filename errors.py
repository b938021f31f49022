"""Name what can go wrong, in one family.

The error model: bad input is an `InputError` and changes nothing; a rule that no wording can pass is a
`GateError`; what is not there is a `NotFoundError`; a fault of a part outside (a provider, a worker, the
disk) becomes one of ours at the boundary where it happens. Expected failures of single items (a response
that could not be graded, a variation that was rejected) are data, never exceptions. Every message is one
sentence that says what failed, what was expected and what to do.
"""


class LucyError(Exception):
    """Any failure that Lucy explains in a sentence."""


class InputError(LucyError, ValueError):
    """Something given by a person or a caller cannot be used; nothing was changed."""


class SettingsError(InputError):
    """A setting has a value that cannot be used."""


class NotFoundError(LucyError, LookupError):
    """A workflow, dataset, record, model or job is not in the store."""


class GateError(LucyError, PermissionError):
    """A rule of the workflow forbids this; no wording, model or tool call passes it."""


class GraderError(LucyError, RuntimeError):
    """A grader cannot be used at all (it does not compile, no worker can confine it)."""


class ProviderError(LucyError, ConnectionError):
    """A language model's service refuses every call: no or wrong key, unknown model, no such address."""


class CostLimitError(LucyError, RuntimeError):
    """A training came to its cost limit and waits for the person; what it made stays."""


class FailedTrainingError(LucyError, RuntimeError):
    """A training ended at its service without a model."""


class StoreError(LucyError, OSError):
    """The data folder or the database cannot be opened, read or written."""


class BusyError(LucyError, RuntimeError):
    """The workflow is already being worked on; one run at a time."""


class CancelledByPersonError(LucyError):
    """A long piece of work was stopped because the person asked for it; what was stored stays."""
