"""Paths from tiles are the paths of RFC 9162, at every size where a tile fills or begins."""

from collections.abc import Mapping, Sequence

import pytest

from gateway.export import Paths
from schemas import merkle

LEAVES = [merkle.leaf_hash(number.to_bytes(4)) for number in range(66_000)]
SUBTREES = merkle.of_leaves(LEAVES)


class Tiles:
    """Full tiles over the first `size` leaves, as a database holds them; counts what is read."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.read = 0

    async def subtree_tiles(self, keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], bytes]:
        self.read += len(keys)
        tiles = {}
        for level, index in keys:
            assert (index + 1) << (8 * level + 8) <= self.size, "a tile that is not full was asked for"
            tiles[level, index] = b"".join(SUBTREES(8 * level, at) for at in range(256 * index, 256 * index + 256))
        return tiles

    async def leaf_hashes(self, start: int, end: int) -> list[bytes]:
        return LEAVES[start : min(end, self.size)]


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 511, 512, 513, 1000, 65_535, 65_536, 65_537, 65_793, 66_000])
async def test_paths_from_tiles_are_those_of_the_tree(size: int) -> None:
    paths = Paths(Tiles(size), size)
    some = {0, 1, size // 3, size // 2, 255, 256, 257, 65_535, 65_536, size - 2, size - 1}
    for index in sorted(index for index in some if 0 <= index < size):
        assert await paths.path(index) == merkle.inclusion_proof(SUBTREES, index, size)


async def test_a_tile_is_read_about_once() -> None:
    tiles = Tiles(5_000)
    paths = Paths(tiles, 5_000)
    for index in range(0, 5_000, 3):
        await paths.path(index)
    assert tiles.read <= 2 * (5_000 // 256)
