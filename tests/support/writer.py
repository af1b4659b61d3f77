"""A client that writes records all the time and remembers which were acknowledged."""

import threading
import time
from dataclasses import dataclass
from itertools import pairwise
from types import TracebackType
from typing import Protocol

import httpx

ANSWERS_WITHIN_S = 1.0
MORE_WITHIN_S = 60.0


class HasUrl(Protocol):
    """A lab, in this process or in another."""

    @property
    def url(self) -> str:
        """Where its admin API and its proxy are."""
        ...


@dataclass(frozen=True)
class Acknowledged:
    """A record that the service said it has taken."""

    id: str
    site: str
    at: float
    """Monotonic seconds."""


class Writer:
    """Writes numbered records to a service by its Traffic Manager name, in a thread.

    One record at a time: what is not acknowledged is sent again, under the same id, until it is.
    """

    def __init__(self, lab: HasUrl, profile: str, *, per_second: float = 50.0) -> None:
        """Write nothing before `start`.

        Args:
            lab: whose proxy leads to the service.
            profile: the relative name of its Traffic Manager profile.
            per_second: how often it writes, or tries to.
        """
        self._url = lab.url
        self._profile = profile
        self._pause_s = 1 / per_second
        self._acknowledged: list[Acknowledged] = []
        self._news = threading.Condition()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._write, name=f"writer-{profile}", daemon=True)

    def __enter__(self) -> "Writer":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write no more; what is under way is still answered or given up."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def acknowledged(self) -> list[Acknowledged]:
        """What the service said it has taken, in order."""
        with self._news:
            return list(self._acknowledged)

    @property
    def sites(self) -> list[str]:
        """Which sites took records, in the order in which one followed the other."""
        sites: list[str] = []
        for each in self.acknowledged:
            if not sites or sites[-1] != each.site:
                sites.append(each.site)
        return sites

    @property
    def longest_gap_s(self) -> float:
        """The longest time between two records that were taken."""
        times = [each.at for each in self.acknowledged]
        return max((later - at for at, later in pairwise(times)), default=0.0)

    def more(self, count: int = 1, *, at: str | None = None) -> None:
        """Wait until so many more records were taken, of any site or of the one named.

        Raises:
            TimeoutError: they were not, in a minute.
        """
        with self._news:
            begin = len(self._acknowledged)

            def enough() -> bool:
                new = self._acknowledged[begin:]
                return sum(at in (None, each.site) for each in new) >= count

            if not self._news.wait_for(enough, MORE_WITHIN_S):
                raise TimeoutError(f"{self._profile} took no {count} more records")

    def lost(self, service: str, site: str) -> list[str]:
        """The acknowledged records that a site does not hold, in the order they were written."""
        answer = httpx.get(f"{self._url}/_lab/records/{service}/{site}", trust_env=False)
        held = set(answer.raise_for_status().json()["ids"])
        return [each.id for each in self.acknowledged if each.id not in held]

    def _write(self) -> None:
        address = f"http://{self._profile}.trafficmanager.net/records"
        number = 1
        with httpx.Client(proxy=self._url, timeout=ANSWERS_WITHIN_S, trust_env=False) as client:
            while not self._stopped.is_set():
                began = time.monotonic()
                if self._acknowledge(client, address, f"{self._profile}-{number}"):
                    number += 1
                self._stopped.wait(self._pause_s - (time.monotonic() - began))

    def _acknowledge(self, client: httpx.Client, address: str, id: str) -> bool:
        try:
            answer = client.post(address, json={"id": id})
        except httpx.HTTPError:
            return False
        if answer.status_code != httpx.codes.CREATED:
            return False
        with self._news:
            taken = Acknowledged(id, answer.json()["site"], time.monotonic())
            self._acknowledged.append(taken)
            self._news.notify_all()
        return True
