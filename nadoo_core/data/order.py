"""Orders that look random and are always the same: an example's place follows from a hash of the seed and its index.

No generator's stream is relied upon, so the roles stay the same across versions of numpy and torch.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence


def hashed_order(count: int, seed: int, purpose: str) -> list[int]:
    """A permutation of the numbers below `count`; each purpose has its own."""
    start = hashlib.sha256(f"{purpose}/{seed}/".encode())

    def key(index: int) -> bytes:
        found = start.copy()
        found.update(str(index).encode())
        return found.digest()

    return sorted(range(count), key=key)


def derived_seed(*parts: object) -> int:
    """A seed of 63 bits for this purpose and no other."""
    text = "/".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def stratified(order: Sequence[int], labels: Sequence[int], count: int) -> tuple[list[int], list[int]]:
    """`count` indices of an order and the rest; every class gives its share, to within one example."""
    members: dict[int, list[int]] = defaultdict(list)
    for index in order:
        members[labels[index]].append(index)
    quotas = shares({label: len(found) for label, found in members.items()}, count)
    chosen = {index for label, found in members.items() for index in found[: quotas[label]]}
    return [index for index in order if index in chosen], [index for index in order if index not in chosen]


def shares(sizes: dict[int, int], count: int) -> dict[int, int]:
    """`count` spread over groups in proportion to their sizes, the largest remainders rounded up first."""
    total = sum(sizes.values())
    exact = {label: divmod(count * size, total) for label, size in sizes.items()}
    missing = count - sum(whole for whole, _ in exact.values())
    first = sorted(exact, key=lambda label: (-exact[label][1], label))[:missing]
    return {label: whole + (label in first) for label, (whole, _) in exact.items()}
