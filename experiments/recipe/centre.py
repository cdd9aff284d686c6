"""The recipe that `automl run` begins with, without one of its parts: what that costs or brings.

    python -m experiments.recipe.centre OUT --isbi ISBI2012 --camvid CAMVID [--seeds 0 1 2]
    python -m experiments.recipe.centre OUT --camvid CAMVID --whole --parts "none of the last four"
    python -m experiments.recipe.centre OUT --report

The base is trial 0 of the practitioner's space on the data. Each part sets one of its settings back
to what it is without the recipe. ISBI 2012 is at 128 px (40 epochs), every third training image of
CamVid at 96 px (24 epochs), or with --whole all of CamVid at 160 px (36 epochs). The measure is the
best mIoU of the validation split, by which a search chooses. Each result is a line of
OUT/centre.jsonl, and one that is there is not trained again. Those that are done stand beside this
script. With --isbi or --camvid alone, one core does a half.
"""

import argparse
import shutil
from pathlib import Path
from typing import Any

from automl.schema.spec import with_values
from experiments.plans import plan_of, spec_of_trial
from experiments.recipe.ablation import BASE, parser_of, third_of, train_missing
from experiments.recipe.camvid import interval
from experiments.rows import Row, rows_of
from segformer.skill import skill

WHOLE = "all of camvid"
_AUGMENTATION = "dataset.segment.augmentation"
PARTS: dict[str, dict[str, Any]] = {
    "TAO's range of scales": {f"{_AUGMENTATION}.with_scale_random_crop.scale_range": [1.0, 1.2]},
    "no scaling": {f"{_AUGMENTATION}.with_scale_random_crop.enable": False},
    "full colour": {f"{_AUGMENTATION}.random_color.strength": 1.0},
    "no average": {"train.ema.enable": False, "train.ema.horizon_share": 0.0},
    "no clipping": {"train.clip_grad_norm": 0.0},
}
"""Name -> the settings that it changes."""
PARTS["none of the last four"] = {
    key: value for part in list(PARTS)[-4:] for key, value in PARTS[part].items()
}
SIZES = {"isbi": (128, 4, 40), "camvid": (96, 8, 24), WHOLE: (160, 8, 36)}
"""Pixels, images of a batch, and epochs."""


def recipe_of(task: str, data: Path, out: Path) -> dict[str, Any]:
    """Return the spec of trial 0 on a data set."""
    size, batch, epochs = SIZES[task]
    fixed = {
        "dataset.segment.img_size": size,
        "dataset.segment.batch_size": batch,
        "dataset.segment.workers": 0,
    }
    plan = plan_of(data=str(data), epochs=epochs, spec=fixed, out=str(out / f"none-{task}"))
    return spec_of_trial(plan, plan.space.defaults())


def run(options: argparse.Namespace, path: Path) -> None:
    """Train every cell that is not there yet."""
    data: dict[str, Path] = {"isbi": options.isbi} if options.isbi else {}
    if options.camvid and options.whole:
        data[WHOLE] = options.camvid
    elif options.camvid:
        data["camvid"] = third_of(options.camvid, options.out / "camvid_third")
    recipes = {task: recipe_of(task, root, options.out) for task, root in data.items()}

    def measured(task: str, part: str, seed: int) -> Row:
        folder = options.out / f"cell_{task}"
        shutil.rmtree(folder, ignore_errors=True)  # What a stop left behind.
        spec = with_values(recipes[task], {**PARTS.get(part, {}), "train.seed": seed})
        miou = skill.run("train", spec, folder).metrics["val_miou"]
        shutil.rmtree(folder)
        return {"part": part, "data": task, "seed": seed, "val_miou": miou}

    train_missing(path, options.seeds, recipes, (BASE, *options.parts), measured)


def report(path: Path) -> None:
    """Print the differences to the recipe, part by part, as a table."""
    scores = {(row["part"], row["data"], row["seed"]): row["val_miou"] for row in rows_of(path)}
    tasks = list(dict.fromkeys(task for _, task, _ in scores))
    print(
        "| instead of the recipe's | " + " | ".join(tasks) + " |\n| --- |" + " --- |" * len(tasks)
    )
    for part in (BASE, *PARTS):
        cells = []
        for task in tasks:
            found = {
                seed: v for (name, of, seed), v in scores.items() if (name, of) == (part, task)
            }
            less = {s: 0.0 if part == BASE else scores[BASE, task, s] for s in found}
            cells.append(interval([found[s] - less[s] for s in found]) if found else "")
        name = f"{part} (mIoU)" if part == BASE else part
        print(f"| {name} | " + " | ".join(cells) + " |")


def main() -> None:
    parser = parser_of(__doc__, list(PARTS))
    parser.add_argument("--whole", action="store_true", help="all of CamVid, as a whole run has it")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "centre.jsonl"
    if not options.report:
        run(options, path)
    report(path)


if __name__ == "__main__":
    main()
