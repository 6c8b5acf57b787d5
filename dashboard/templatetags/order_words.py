"""The states of an order in plain words, with the tone they are shown in."""

from typing import NamedTuple

from django import template

register = template.Library()
DASH = "\N{EN DASH}"


class Words(NamedTuple):
    """How a state is called, its tone, and what it means."""

    name: str
    tone: str
    title: str


STATES = {
    "intent": Words("written down", "accent", "decided and written down; it has not left yet, as far as is known"),
    "sent": Words("sent", "accent", "it has left for the exchange, which has not answered yet"),
    "unknown": Words("asking", "warn", "the answer is lost: the exchange is being asked what became of it"),
    "accepted": Words("working", "accent", "the exchange has it"),
    "partly_filled": Words("partly filled", "accent", "a part of it has traded, the rest works"),
    "filled": Words("filled", "good", "all of it has traded"),
    "cancelled": Words("cancelled", "", "what had not traded was taken back, or has expired"),
    "rejected": Words("rejected", "bad", "the exchange refused it, or never got it"),
}


@register.filter
def order_state(status: str) -> str:
    """accepted -> "working"."""
    return _words(status).name


@register.filter
def order_tone(status: str) -> str:
    """accepted -> "accent": the class of its pill."""
    return _words(status).tone


@register.filter
def order_state_title(status: str) -> str:
    """What the state means, in a sentence."""
    return _words(status).title


@register.filter
def ms_after(later_ns: int | None, earlier_ns: int) -> str:
    """How many ms later, to a tenth; a dash where that is not known."""
    return DASH if later_ns is None else f"{(later_ns - earlier_ns) / 1_000_000:.1f}"


def _words(status: str) -> Words:
    return STATES.get(status) or Words(status, "", "")
