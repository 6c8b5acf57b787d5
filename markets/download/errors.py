"""Why a download cannot be had: one sentence for the person, and the exit code that goes with it."""

UNKNOWN = (400, 404)  # the host does not know such a thing


class DownloadError(Exception):
    """The download stopped; what was got so far is kept. The text is one sentence."""

    code = 1


class BadRequest(DownloadError):
    """What was asked for cannot be: a date, an asset, a range. Nothing was fetched."""

    code = 2


class Refused(DownloadError):
    """The host answered that it will not: geography, a firewall, a bad request. `status` is the HTTP code."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = BadRequest.code if status in UNKNOWN else DownloadError.code


class Unreadable(DownloadError):
    """An answer lacks what we need; the text names the field and the page."""


class Busy(Exception):
    """The host is overloaded or we ask too fast: the same question is worth repeating after a pause (its own, if told)."""

    def __init__(self, words: str, wait_s: float | None = None) -> None:
        super().__init__(words)
        self.wait_s = wait_s
