"""How fast a run goes: tokens a second, and the share of what devices could do."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Of the steps since the last report.

    Attributes:
        seconds: That they took.
        tokens: Word pieces a second, without padding.
        flops: Operations a second of the model, padding included.
        utilisation: `flops` as a share of the devices' peak; `None` if not known.
    """

    seconds: float
    tokens: float
    flops: float
    utilisation: float | None

    def __str__(self) -> str:
        share = (
            "MFU unknown" if self.utilisation is None else f"MFU {self.utilisation:.1%}"
        )
        return f"{self.tokens:,.0f} tokens/s, {self.flops / 1e12:.3g} TFLOP/s, {share}"


class Meter:
    """Counts what is done, and tells the speed."""

    def __init__(
        self, peak: float | None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """Start.

        Args:
            peak: Operations a second of all devices together.
            clock: Seconds.
        """
        self.peak, self.clock = peak, clock
        self.since, self.tokens, self.flops = clock(), 0, 0

    def add(self, tokens: int, flops: int) -> None:
        """Count a step."""
        self.tokens += tokens
        self.flops += flops

    def speed(self) -> Speed:
        """The speed since the last call; counting begins anew."""
        now = self.clock()
        seconds = max(now - self.since, 1e-9)
        found = Speed(
            seconds=seconds,
            tokens=self.tokens / seconds,
            flops=self.flops / seconds,
            utilisation=self.flops / seconds / self.peak if self.peak else None,
        )
        self.since, self.tokens, self.flops = now, 0, 0
        return found
