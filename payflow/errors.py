"""What can go wrong, as one tree with stable codes.

Programs act on ``code`` (capitals, never renamed), people read the message, and the ids an error concerns
are attributes. ``retryable`` says whether the same call may be made again as it is; ``money_may_have_moved``
is true only where a gateway may already have acted.

    PayflowError
    ├── ConfigError          CONFIG_*            the process refuses to start
    ├── InvalidRequest       INVALID_* …         the caller sent something that can never work
    ├── NotFound             *_NOT_FOUND         no such payment, refund, incident …
    ├── Refused              TRANSITION_NOT_ALLOWED, NO_ROUTE, … the rules say no; nothing has changed
    │   ├── TransitionNotAllowed
    │   ├── OperatorRefused  OPERATOR_NOT_ALLOWED  this person may not do this at the desk
    │   ├── TokenRefused     TOKEN_*             a confirmation token that does not confirm
    │   └── IdempotencyRefused  IDEMPOTENCY_*    same key, other request; or still running
    ├── CallbackRefused      CALLBACK_*, SIGNATURE_*, …  bytes that are not a genuine callback
    ├── StoreError           STORE_*             the database said no (conflict, read-only, wrong schema)
    └── GatewayError         OUTCOME_UNKNOWN, GATEWAY_*  the far side: silence is never failure
"""

from __future__ import annotations

from typing import Any, ClassVar


class PayflowError(Exception):
    """The root of every error payflow raises on purpose.

    ``ids`` names what the error concerns (``payment_id``, ``refund_id``, ``key`` …), each also readable as an
    attribute of the error. Secrets never go into the message or into ``ids``.
    """

    #: The HTTP status a door answers with when this error reaches it.
    http_status: ClassVar[int] = 400
    default_code: ClassVar[str] = "PAYFLOW_ERROR"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        retryable: bool = False,
        money_may_have_moved: bool = False,
        **ids: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.retryable = retryable
        self.money_may_have_moved = money_may_have_moved
        self.ids: dict[str, Any] = ids

    def __getattr__(self, name: str) -> Any:
        ids = self.__dict__.get("ids", {})
        if name in ids:
            return ids[name]
        raise AttributeError(name)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    def as_reply(self) -> dict[str, Any]:
        """The body a door answers with: ``{"status": "failed", "error_code": …, "message": …}``."""
        return {"status": "failed", "error_code": self.code, "message": self.message}


class ConfigError(PayflowError):
    """The configuration is wrong; ``path`` is its JSON path, never its value."""

    default_code = "CONFIG_INVALID"
    http_status = 500

    def __init__(self, message: str, *, path: str = "$", code: str | None = None, **ids: Any) -> None:
        super().__init__(message, code=code, path=path, **ids)


class InvalidRequest(PayflowError):
    """What the caller sent can never work: a bad amount, currency, reference, key …"""

    default_code = "INVALID_REQUEST"


class NotFound(PayflowError):
    """There is no such thing (or it is somebody else's: the answer is the same)."""

    default_code = "NOT_FOUND"
    http_status = 404


class Refused(PayflowError):
    """The rules say no; nothing has changed."""

    default_code = "REFUSED"
    http_status = 409


class TransitionNotAllowed(Refused):
    """The table has no such cell: ``entity`` in ``state`` does not take ``event``."""

    default_code = "TRANSITION_NOT_ALLOWED"

    def __init__(self, *, entity: str, state: str, event: str, **ids: Any) -> None:
        super().__init__(
            f"A {entity} that is {state} does not take '{event}'", entity=entity, state=state, event=event, **ids
        )


class OperatorRefused(Refused):
    """Somebody at the desk asks for what they may not do."""

    default_code = "OPERATOR_NOT_ALLOWED"
    http_status = 403


class TokenRefused(Refused):
    """A confirmation token that does not confirm.

    Codes: ``TOKEN_FORGED`` (not made by us), ``TOKEN_EXPIRED`` (the retained context is gone),
    ``TOKEN_USED`` (it confirmed once already), ``TOKEN_FOREIGN`` (genuine, but of another payment).
    """

    default_code = "TOKEN_FORGED"
    http_status = 403


class IdempotencyRefused(Refused):
    """``IDEMPOTENCY_CONFLICT``: the key belongs to another request. ``IDEMPOTENCY_IN_PROGRESS``: it still runs.

    ``retry_after_seconds`` tells when an in-progress key may be asked again.
    """

    default_code = "IDEMPOTENCY_CONFLICT"


class CallbackRefused(PayflowError):
    """Bytes that are not a genuine, fresh, well-formed callback. Nothing has been written."""

    default_code = "CALLBACK_MALFORMED"
    http_status = 400

    def __init__(self, message: str, *, code: str | None = None, status: int = 400, **ids: Any) -> None:
        super().__init__(message, code=code, **ids)
        self.status = status


class StoreError(PayflowError):
    """The database said no. ``STORE_CONFLICT`` may be retried as a whole unit by whoever opened the transaction."""

    default_code = "STORE_ERROR"
    http_status = 503


class StoreConflict(StoreError):
    """Somebody moved first: a stale version, a key that exists by now, a deadlock, a busy file. Nothing is written."""

    default_code = "STORE_CONFLICT"

    def __init__(self, message: str = "Another process changed the same payment first", **ids: Any) -> None:
        super().__init__(message, retryable=True, **ids)


class GatewayError(PayflowError):
    """The far side did not give a usable answer.

    ``OUTCOME_UNKNOWN`` means just that: the payment is asked about until it is known.
    """

    default_code = "OUTCOME_UNKNOWN"
    http_status = 502
