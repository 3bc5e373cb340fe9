"""Work that no trial should wait for: done in order, on a thread of its own."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class Background:
    """One thread; what is handed to it is done in the order in which it came."""

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._pending: deque[Future[Any]] = deque()

    def add(self, work: Callable[..., Any], *arguments: Any) -> None:
        """Hands over something to be done soon.

        Raises:
            Exception: what something that was handed over earlier has raised.
        """
        while self._pending and self._pending[0].done():
            self._pending.popleft().result()
        self._pending.append(self._pool.submit(work, *arguments))

    def close(self) -> None:
        """Returns when all is done.

        Raises:
            Exception: what something that was handed over has raised.
        """
        self._pool.shutdown()
        for future in self._pending:
            future.result()
