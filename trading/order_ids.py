"""The ids that our orders have at an exchange: made of the account's salt and the order's number, so that an order whose
record was lost is known again as ours, and a number is never used twice by two databases."""

import uuid


def new_salt() -> str:
    """For a new account."""
    return str(uuid.uuid4())


def client_order_id(salt: str, number: int) -> str:
    """A UUID, as the exchange takes it. Raises ValueError on a salt that `new_salt` did not make."""
    return str(uuid.uuid5(uuid.UUID(salt), str(number)))
