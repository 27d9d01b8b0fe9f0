"""Every error that Tastemaker raises on purpose, sorted by who can repair it."""

from __future__ import annotations


class TastemakerError(Exception):
    """Base of all: the message says what was found, what was expected and what to do."""


class InputError(TastemakerError):
    """The caller gave something that cannot be used; the same call will fail again."""


class CatalogError(InputError):
    """A catalogue file, or a row of it, cannot be used."""


class InteractionError(InputError):
    """An interaction file, or a row of it, cannot be used."""


class MediaError(InputError):
    """A picture or a video cannot be used."""


class FilterError(InputError):
    """A filter expression cannot be parsed, or names an attribute that the catalogue lacks."""


class RequestError(InputError):
    """A request to the recommender is out of range or empty."""


class AccessError(InputError):
    """Whoever asks may not do this."""


class SettingsError(InputError):
    """A setting is unknown or out of range."""


class WorkspaceError(TastemakerError):
    """A workspace is missing, damaged, of another version, or made with other models."""


class WorkspaceLockedError(WorkspaceError):
    """Another process holds the workspace; try again when it has finished."""


class EncoderMismatchError(WorkspaceError):
    """The workspace was indexed with another encoder than the one that is asked for."""


class StoreError(TastemakerError):
    """The vector store or the database cannot be read or written."""


class WeightsError(TastemakerError):
    """Model weights are missing, damaged, of another version, or in a refused format."""


class ModelError(TastemakerError):
    """The language model could not answer; retrieval still can."""


class ModelUnavailableError(ModelError):
    """The model server is down, too slow, or refused the request."""


class ModelAnswerError(ModelError):
    """The model answered, but the answer cannot be used (not finite, not valid, letters missing)."""


class PromptTooLongError(ModelError):
    """The prompt has more tokens than the model takes; a shorter one may pass."""


class BusyError(TastemakerError):
    """Too much is asked for at once, or too often; the same call may pass a moment later."""
