"""The spec's train.segment section: the loss."""

from typing import Any, Literal, get_args

from pydantic import ValidationInfo, field_validator

from segformer.spec.fields import Float, Node, NotNegative, applies, setting

LossName = Literal[
    "ce", "focal", "ohem", "dice", "mmiou",
    "ce_dice", "ce_lovasz", "ce_mmiou", "ce_boundary",
    "focal_dice", "focal_lovasz", "focal_mmiou", "focal_boundary",
    "ohem_dice", "ohem_lovasz", "ohem_mmiou", "ohem_boundary",
]  # fmt: skip
"""One term, or a term over pixels and a second one over regions."""


def _losses_with(*terms: str) -> tuple[str, ...]:
    """The losses whose name has one of some terms."""
    return tuple(name for name in get_args(LossName) if {*name.split("_")} & {*terms})


WITH_SECOND_TERM = tuple(name for name in get_args(LossName) if "_" in name)
_OF_PIXELS, _FOCAL, _OHEM = (
    _losses_with("ce", "focal", "ohem"),
    _losses_with("focal"),
    _losses_with("ohem"),
)


def _any_of(losses: tuple[str, ...]) -> list[dict[str, Any]]:
    """The condition of a field that has an effect with some losses only."""
    return [{"train.segment.loss": name} for name in losses]


class TrainSegment(Node):
    """The loss."""

    loss: LossName = setting(
        "ce", "Loss",
        "Over pixels: ce, cross-entropy; focal, which lessens the part of pixels that are right;"
        " ohem, cross-entropy of the hard pixels alone. Over regions: dice, soft Dice of the"
        " classes; mmiou, mean and lowest soft IoU; lovasz, Lovasz softmax; boundary, F1 of the"
        " boundaries. Two names: the mean of both, weighted by iou_weight",
    )  # fmt: skip
    weights: list[NotNegative] = setting(
        [], "Class weights", "Weight of each class in the loss; empty: by class_balance"
    )
    class_balance: Literal["none", "sqrt", "enet"] = setting(
        "none", "Class balance",
        "Class weights worked out from the shares f of the classes in the training masks: none,"
        " equal weights; sqrt, 1 / sqrt(f); enet, 1 / ln(1.02 + f)",
        active_when=[{"train.segment.weights": []}],
    )  # fmt: skip
    iou_weight: Float = setting(
        0.5, "Weight of the second term", "Share of the second term in a loss with two terms",
        ge=0, le=1, active_when=_any_of(WITH_SECOND_TERM),
    )  # fmt: skip
    focal_gamma: Float = setting(
        2.0, "Gamma of focal", "Exponent of loss focal; 0: cross-entropy", ge=0, le=5,
        active_when=_any_of(_FOCAL),
    )  # fmt: skip
    ohem_threshold: Float = setting(
        0.7, "Threshold of ohem",
        "A pixel is hard if the probability of its true class is lower", ge=0, le=1,
        active_when=_any_of(_OHEM),
    )  # fmt: skip
    ohem_kept_share: Float = setting(
        0.1, "Least share of ohem", "Share of the pixels that count as hard in any case", gt=0,
        le=1, active_when=_any_of(_OHEM),
    )  # fmt: skip
    label_smoothing: Float = setting(
        0.0, "Label smoothing", "Share of the target that is spread over all classes", ge=0,
        le=0.5, active_when=_any_of(_OF_PIXELS),
    )  # fmt: skip

    @field_validator("weights")
    @classmethod
    def _some_weight(cls, value: list[float]) -> list[float]:
        if value and not any(value):
            raise ValueError("at least one class must have a weight above 0")
        return value

    @field_validator("class_balance")
    @classmethod
    def _without_weights(cls, value: str, info: ValidationInfo) -> str:
        return applies(cls, value, info, "train.segment.weights=[]", weights=([],))

    @field_validator(
        "iou_weight", "focal_gamma", "ohem_threshold", "ohem_kept_share", "label_smoothing"
    )
    @classmethod
    def _of_the_loss(cls, value: float, info: ValidationInfo) -> float:
        losses = _LOSSES_OF[str(info.field_name)]
        when = f"train.segment.loss one of {', '.join(losses)}"
        return applies(cls, value, info, when, loss=losses)


_LOSSES_OF = {
    "iou_weight": WITH_SECOND_TERM,
    "focal_gamma": _FOCAL,
    "ohem_threshold": _OHEM,
    "ohem_kept_share": _OHEM,
    "label_smoothing": _OF_PIXELS,
}
"""The losses with which a field has an effect."""
