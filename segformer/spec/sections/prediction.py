"""The spec's prediction section: how a picture of any size is segmented by a model of one size."""

from typing import Any, Literal

from segformer.spec.fields import Node, Overlap, PositiveFloat, PositiveInt, setting

AS_TRAINED = "as_trained"
"""The choice that leaves a setting to the record of the model."""
OVERLAP = 0.125

OF_WINDOWS = ("window_height", "window_width", "overlap", "blending")
"""The settings that have no effect with mode=whole."""


class Prediction(Node):
    """How pictures are segmented: in validation, evaluate, inference and by the exported model.

    A training records its values with the model, which every later action takes from there.
    """

    mode: Literal["as_trained", "auto", "whole", "slide"] = setting(
        AS_TRAINED, "Mode",
        "whole: the picture at once; slide: by overlapping windows; auto: by windows where a side "
        "is more than twice the window's; as_trained: that of the model, or of a new training "
        "auto, and slide with resize=crop",
    )  # fmt: skip
    window_height: PositiveInt | None = setting(
        None, "Window height",
        "Height of a window in pixels of the picture; null: as trained, that is the median height "
        "of the training pictures, or with resize=crop the height of the input",
    )  # fmt: skip
    window_width: PositiveInt | None = setting(
        None, "Window width", "Width of a window, by the same rule"
    )
    overlap: Overlap | None = setting(
        None, "Overlap",
        f"Least share of a window that its neighbour covers too; null: as trained, or {OVERLAP}. "
        "Steps are rounded down to the encoder's stride, 32 pixels of the input",
    )  # fmt: skip
    blending: Literal["as_trained", "tapered", "flat"] = setting(
        AS_TRAINED, "Blending",
        "Weights of a window's pixels where windows overlap: tapered: falling towards its border; "
        "flat: equal; as_trained: that of the model, or tapered",
    )  # fmt: skip
    flip: Literal["as_trained", "none", "horizontal", "both"] = setting(
        AS_TRAINED, "Flips",
        "Mirror images whose probabilities are averaged with the image's; both: also top to "
        "bottom; as_trained: that of the model, or none",
    )  # fmt: skip
    scales: list[PositiveFloat] = setting(
        [], "Scales",
        "Factors by which the picture is scaled, whose probabilities are averaged; []: as trained, "
        "or [1.0]",
    )  # fmt: skip

    def changed(self) -> dict[str, Any]:
        """Return the settings that are not left to the model."""
        return self.model_dump(exclude_defaults=True)

    def over(self, recorded: "Prediction") -> "Prediction":
        """Return these settings, and those of a model where they are left to it."""
        values = recorded.changed() | self.changed()
        if values.get("mode") == "whole":
            values = {name: value for name, value in values.items() if name not in OF_WINDOWS}
        return Prediction(**values)
