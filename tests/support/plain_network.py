"""A Q-network without layer normalisation: what other libraries use, for like-for-like tests and benchmarks."""

from collections.abc import Iterator
from dataclasses import dataclass

from cornerman.policy.q_network import NetworkSpec


@dataclass(frozen=True, slots=True)
class PlainSpec(NetworkSpec):
    """`relu(x W + b)` per hidden layer, then the linear head."""

    def arrays(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        for name, shape in NetworkSpec.arrays(self):
            if not name.endswith((".gain", ".shift")):
                yield name, shape
