"""Networks and their weights: encoders, the all-MLP head, saved models."""

import logging

# Where torchao is installed, transformers imports it, and it tells on stderr of kernels for GPUs
# that are not here and of what torch is going to rename.
for _name in ("torchao", "torch.utils._pytree"):
    logging.getLogger(_name).setLevel(logging.ERROR)
