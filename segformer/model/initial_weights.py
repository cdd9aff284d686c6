"""Chooses the weights that an encoder starts from, and the settings that follow. Loads no torch."""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segformer.errors import SpecError, nearest
from segformer.model.at_hand import fetched, in_folder, is_at_hand
from segformer.model.hub import is_cached
from segformer.model.public_weights import PUBLIC_WEIGHTS, PublicWeights, by_source, of_encoder
from segformer.spec.backbones import BACKBONES, PACKAGE, is_hub_name
from segformer.spec.sections.model import Backbone

TYPE = "model.backbone.type"
PATH = "model.backbone.pretrained_backbone_path"
WHOLE = "train.pretrained_model_path"
SCALING = ("dataset.segment.augmentation.mean", "dataset.segment.augmentation.std")
_IMPLY_DEFAULT = ("model.backbone.feat_downsample", "model.decode_head.in_channels")
"""Settings of an encoder: whoever sets one means the spec's, if no other is named."""
_SIZE = "dataset.segment.img_size"
_TOLERANCE = 0.02
"""Largest difference of a mean or deviation that does not matter."""

LIGHT = (
    "efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2", "mit_b0",
    "fan_tiny_8_p4_hybrid", "vit_small_dinov3", "mit_b1",
)  # fmt: skip
"""Encoders that train on a few cores, the one to prefer first."""
ON_GPU = (
    "vit_base_dinov3", "vit_small_plus_dinov3", "vit_small_dinov3", "convnextv2_tiny", "mit_b2",
    "fan_small_12_p4_hybrid", "mit_b1", *LIGHT,
)  # fmt: skip
"""Encoders for a GPU, the one to prefer first."""


@dataclass(frozen=True)
class InitialWeights:
    """What an encoder starts from."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """Values of the spec by dotted key; empty: its own."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Encoder, source, licence and published figure; empty if the encoder is not chosen here."""
    note: str | None = None
    """One line for people."""


@dataclass(frozen=True)
class Wish:
    """What a user said of encoder, weights and scaling."""

    weights: str
    """auto, none, or the name of an encoder, of a source or of a file."""
    values: Mapping[str, Any]
    """Values of the spec that the user set, by dotted key."""
    searched: Collection[str] = ()
    """Keys that a search varies."""
    may_download: bool = False
    has_gpu: bool = False

    @property
    def encoder(self) -> str | None:
        """The encoder that the user named."""
        if self.values.get(TYPE):
            return str(self.values[TYPE])
        return DEFAULT if any(self.values.get(key) for key in _IMPLY_DEFAULT) else None

    @property
    def encoders(self) -> list[str]:
        """The encoders to look for, the one to prefer first."""
        if self.encoder is not None:
            return [self.encoder] if self.encoder in BACKBONES else []
        side = self.values.get(_SIZE)
        ranked = dict.fromkeys(ON_GPU if self.has_gpu else LIGHT)
        if not isinstance(side, int):
            return list(ranked)
        return [name for name in ranked if BACKBONES[name].nearest_size(side) == side]


DEFAULT: str = Backbone().type
"""The encoder of a spec that names none."""


def initial_weights(wish: Wish) -> InitialWeights:
    """Return the weights that a wish means, and the settings that make a training start from them.

    Raises `SpecError` in one line for a wish that cannot be met, and `CheckpointError` for a
    download that fails. Whatever the user set stays; a mean or deviation that is not that of the
    weights is refused.
    """
    path, whole = str(wish.values.get(PATH) or ""), wish.values.get(WHOLE)
    for key, value in ((PATH, path), (WHOLE, whole)):
        if value and wish.weights not in ("auto", value):
            raise SpecError(f"--weights: {wish.weights} contradicts {key}={value}; give one")
    if wish.weights == "none":  # The empty path excludes choices of a search that bring weights.
        return InitialWeights({PATH: ""})
    if whole:
        return InitialWeights()
    if path:
        return _of_path(wish, path)
    if {TYPE, PATH} & set(wish.searched):
        return _of_search(wish)
    return _automatic(wish) if wish.weights == "auto" else _named(wish)


def _of_path(wish: Wish, path: str) -> InitialWeights:
    """Return what follows from weights that the spec names."""
    public = by_source(path)
    if public is None:
        return InitialWeights(facts=_facts(wish.encoder or DEFAULT, path, None))
    _check_encoder(wish, public.encoder, path)
    return _started(wish, public.encoder, path, public)


def _of_search(wish: Wish) -> InitialWeights:
    if wish.weights != "auto":
        raise SpecError(f"--weights: {wish.weights} cannot be met: the search varies the encoder")
    if PATH in wish.searched:  # Each choice brings its own.
        return InitialWeights()
    return InitialWeights(
        note=f"the search varies {TYPE}: every encoder starts from random weights; one encoder"
        " with weights learns faster"
    )


def _automatic(wish: Wish) -> InitialWeights:
    """Return the best weights at hand, else random ones and what would be better."""
    for encoder, source, public in fitting(wish):
        return _started(wish, encoder, source, public)
    for public in _online(wish):
        return _started(wish, public.encoder, fetched(str(public.source)), public)
    encoder = wish.encoder or DEFAULT
    better = [public.command for public in _public([encoder])]
    if encoder not in LIGHT[:3]:
        package = of_encoder(LIGHT[0])[0]
        better.append(f"{package.command} without {TYPE}" if wish.encoder else package.command)
    return InitialWeights(
        facts={"encoder": encoder, "source": "random"},
        note=f"{encoder} starts from random weights; better: {', or '.join(better)}",
    )


def _named(wish: Wish) -> InitialWeights:
    """Return the weights that --weights names; raises `SpecError` if they are not at hand."""
    name = wish.weights
    if name in BACKBONES:
        _check_encoder(wish, name, name)
        return _of_encoder(Wish(name, {**wish.values, TYPE: name}, (), wish.may_download))
    public = by_source(name) or by_source(f"{PACKAGE}{name}")
    if public is not None and public.source is not None:
        _check_encoder(wish, public.encoder, name)
        if not is_at_hand(public):
            if public.is_package or not wish.may_download:
                raise SpecError(f"--weights: {name} is not on this machine: {public.command}")
            fetched(public.source)
        return _started(wish, public.encoder, public.source, public)
    return _of_file(wish)


def _of_encoder(wish: Wish) -> InitialWeights:
    chosen = _automatic(wish)
    if not chosen.settings:
        commands = ", or ".join(public.command for public in of_encoder(wish.weights))
        raise SpecError(f"--weights: no weights of {wish.weights} are on this machine: {commands}")
    return InitialWeights({TYPE: wish.weights, **chosen.settings}, chosen.facts, chosen.note)


def _of_file(wish: Wish) -> InitialWeights:
    """Return weights of the user's own: a file, a folder, an address or a name on the hub."""
    name = wish.weights
    if is_hub_name(name):
        if not is_cached(name) and not wish.may_download:
            raise SpecError(f"--weights: {name} is not in the hub's cache: add --download")
        fetched(name)
    elif "://" not in name and not name.startswith(PACKAGE) and not Path(name).exists():
        known = [*BACKBONES, *(each.source for each in PUBLIC_WEIGHTS if each.source)]
        raise SpecError(
            f"--weights: {name!r} is no file and no name of weights{nearest(name, known)}; give"
            " auto, none, a file, or a name of docs/weights.md"
        )
    encoder = wish.encoder or Path(name).name.split(".")[0]
    if encoder not in BACKBONES:
        raise SpecError(f"--weights: of which encoder is {name}? give {TYPE}=NAME")
    is_local = "://" not in name and not name.startswith(PACKAGE) and not is_hub_name(name)
    source = str(Path(name).expanduser().absolute()) if is_local else name
    return _started(wish, encoder, source, None)


def start_of(wish: Wish) -> tuple[str, bool]:
    """Return the encoder that a wish means, and whether it starts from weights; fetches nothing."""
    if wish.weights == "none":
        return wish.encoder or DEFAULT, False
    if path := wish.values.get(PATH):
        public = by_source(str(path))
        return wish.encoder or (public.encoder if public else DEFAULT), True
    if wish.values.get(WHOLE):
        return wish.encoder or DEFAULT, True
    encoders = [encoder for encoder, _, _ in fitting(wish)]
    encoders += [public.encoder for public in _online(wish)]
    return (encoders[0], True) if encoders else (wish.encoder or DEFAULT, False)


def fitting(wish: Wish) -> Iterator[tuple[str, str, PublicWeights | None]]:
    """Yield encoder, source and table entry of weights on this machine, the best first.

    Those that contradict a mean or deviation of the user's are left out, unless he named their
    encoder.
    """
    for encoder, source, public in _at_hand(wish):
        if wish.encoder is not None or _contradiction(wish, public) is None:
            yield encoder, source, public


def _online(wish: Wish) -> Iterator[PublicWeights]:
    """Yield public weights that may be fetched, the best first."""
    for public in _public(wish.encoders if wish.may_download else ()):
        if public.source is not None and not public.is_package:
            yield public


def _at_hand(wish: Wish) -> Iterator[tuple[str, str, PublicWeights | None]]:
    """Yield encoder, source and table entry of weights on this machine, the best first."""
    for encoder in wish.encoders if wish.encoder else [*wish.encoders, *BACKBONES]:
        if (file := in_folder(encoder)) is not None:
            yield encoder, str(file), None
    for public in _public(wish.encoders):
        if public.source is not None and is_at_hand(public):
            yield public.encoder, public.source, public


def _public(encoders: Iterable[str]) -> Iterator[PublicWeights]:
    for encoder in encoders:
        yield from of_encoder(encoder)


def _started(wish: Wish, encoder: str, source: str, public: PublicWeights | None) -> InitialWeights:
    """Return the settings of a start; those of the user stay. A contradiction is refused."""
    if (fault := _contradiction(wish, public)) is not None:
        raise SpecError(f"{fault}; leave it out, or give --weights none")
    settings: dict[str, Any] = {TYPE: encoder, PATH: source}
    scaling = (public or of_encoder(encoder)[0]).scaling
    if scaling is not None:
        settings |= {key: list(numbers) for key, numbers in zip(SCALING, scaling, strict=True)}
    own = {key: value for key, value in settings.items() if wish.values.get(key) is None}
    facts = _facts(encoder, source, public)
    return InitialWeights(own, facts, f"{encoder} starts from {source} ({facts['licence']})")


def _facts(encoder: str, source: str, public: PublicWeights | None) -> dict[str, str]:
    licence = "licence not known" if public is None else public.licence
    facts = {"encoder": encoder, "source": source, "licence": licence}
    return {**facts, "figure": public.figure} if public and public.figure else facts


def _check_encoder(wish: Wish, encoder: str, name: str) -> None:
    if wish.encoder not in (None, encoder):
        raise SpecError(f"--weights: {name} is of {encoder}, but {TYPE} is {wish.encoder}")


def _contradiction(wish: Wish, public: PublicWeights | None) -> str | None:
    """Return the first mean or deviation of the user's that is not that of public weights."""
    if public is None or public.scaling is None:
        return None
    for key, numbers in zip(SCALING, public.scaling, strict=True):
        own = wish.values.get(key)
        # A list of another length is of images that are not RGB.
        if not isinstance(own, list) or len(own) < len(numbers):
            continue
        if not _is_close(own[: len(numbers)], numbers):
            return f"{key}: {own} contradicts {public.source}, trained with {list(numbers)}"
    return None


def _is_close(own: list[Any], numbers: Collection[float]) -> bool:
    return len(own) == len(numbers) and all(
        isinstance(a, int | float) and math.isclose(a, b, abs_tol=_TOLERANCE)
        for a, b in zip(own, numbers, strict=True)
    )
