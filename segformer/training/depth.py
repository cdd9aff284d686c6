"""How deep in the encoder each parameter lies, for rates that fall towards the image."""

import re

from segformer.model.encoders.blocks import Encoder

_BLOCK = re.compile(r"(?:.*?\.)?(?:blocks|layers?)\.\d+(?=\.)")


def depths(encoder: Encoder) -> dict[str, int]:
    """Return the number of blocks that begin at or before each parameter, by its name.

    0 is what comes before the first block. What lies between two blocks belongs to the one before
    it; norms of the maps and the pyramid of a plain ViT come last, as the last block.
    """
    blocks: list[str] = []
    depth_of = {}
    # Every encoder registers its parts in the order in which an image passes them.
    for name, _ in encoder.named_parameters():
        block = _BLOCK.match(name)
        if block and block[0] not in blocks:
            blocks.append(block[0])
        depth_of[name] = blocks.index(block[0]) + 1 if block else len(blocks)
    return depth_of
