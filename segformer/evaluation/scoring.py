"""Scores of batches from a data set: inputs of one size, or pictures of their own sizes."""

from typing import Any

import torch
from torch import Tensor

from segformer.evaluation.metrics import Tally
from segformer.evaluation.segmenter import Segmenter


def scored(segmenter: Segmenter, tally: Tally, batch: dict[str, Any]) -> list[Tensor]:
    """Add a batch from `collated` to a tally; return the prediction HxW of each item."""
    if "items" in batch:
        return [_scored_item(segmenter, tally, item) for item in batch["items"]]
    return list(_scored_inputs(segmenter, tally, batch["image"], batch["mask"]))


def _scored_item(segmenter: Segmenter, tally: Tally, item: dict[str, Tensor]) -> Tensor:
    mask = item["mask"]
    if "image" in item:
        return _scored_inputs(segmenter, tally, item["image"][None], mask[None])[0]
    prediction = torch.empty_like(mask, device="cpu")
    for top, left, scores in segmenter.pieces(item["picture"].cpu().numpy()):
        part = (slice(top, top + scores.shape[1]), slice(left, left + scores.shape[2]))
        prediction[part] = tally.add(scores[None], mask[part][None].to(scores.device))[0].cpu()
    return prediction


def _scored_inputs(segmenter: Segmenter, tally: Tally, images: Tensor, masks: Tensor) -> Tensor:
    logits = segmenter.model(images)
    return tally.add(logits, masks.to(logits.device))
