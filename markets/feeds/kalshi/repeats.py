"""Repeats: which complaints are worth another line in the log. No I/O, and no clock of its own."""

AGAIN_S = 600.0  # the same text is news again after so long
MOST = 500  # texts that are remembered: then all are forgotten
A_MINUTE = 60  # lines at most, whatever they say


class Repeats:
    """`is_news` says whether to write a text down: once in ten minutes, and never more than sixty lines in one."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}
        self._minute, self._lines = -1, 0

    def is_news(self, text: str, now_s: float) -> bool:
        """Whether it was not written down lately; it counts as written down then. `now_s` never goes back."""
        minute = int(now_s // 60)
        if minute != self._minute:
            self._minute, self._lines = minute, 0
        said_s = self._said.get(text)
        if self._lines >= A_MINUTE or (said_s is not None and now_s - said_s < AGAIN_S):
            return False
        if len(self._said) >= MOST:
            self._said.clear()
        self._said[text] = now_s
        self._lines += 1
        return True
