"""A search of the toy skill with 16 parameters, for the tests of reports."""

LOCAL = {"skill": "toy", "runner": "local", "tracker": "none"}


SEARCHED = {
    "train.optim.name": "choice(sgd,adam,adamw,lion)",
    "train.optim.momentum": "uniform(0.5,0.99)",
    "train.optim.weight_decay": "log(1e-5,0.1)",
    "train.schedule.policy": "choice(linear,cosine,step)",
    "train.schedule.warmup_epochs": "uniform(0,5,1)",
    "train.augment.rotate.enable": "choice(true,false)",
    "train.augment.rotate.p": "uniform(0,1)",
    "train.augment.color.brightness": "uniform(0,1)",
    "train.augment.color.contrast": "uniform(0,1)",
    "train.augment.color.saturation": "uniform(0,1)",
    "train.augment.color.hue": "uniform(0,1)",
    "train.augment.crop.enable": "choice(true,false)",
}
"""With the toy's own four these are 16 parameters."""
