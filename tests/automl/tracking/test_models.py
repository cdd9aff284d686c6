import json

import pytest
from mlflow.tracking import MlflowClient
from registered import register

from automl.errors import UsageError
from automl.tracking.models import Models
from automl.tracking.registry import CHALLENGER, CHAMPION, REPLACES

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store of one model in three versions: 2 is champion and replaced 1, 3 is challenger."""
    folder = tmp_path_factory.mktemp("models")
    client = MlflowClient(tracking_uri=f"sqlite:///{folder}/mlflow.db")
    client.create_registered_model("toy")
    for trial in range(3):
        tags = {
            "automl.metric": "score",
            "automl.value": f"0.{trial + 5}",
            "automl.trial": str(trial),
        }
        client.create_model_version("toy", f"{folder}/model", tags=tags)
    client.set_model_version_tag("toy", "2", REPLACES, "1")
    client.set_registered_model_alias("toy", CHAMPION, "2")
    client.set_registered_model_alias("toy", CHALLENGER, "3")
    return folder


def aliases(models):
    return {each.version: each.aliases for each in models.versions()}


def test_a_champion_is_chosen_and_rolled_back_step_by_step(store, automl):
    models = Models(f"sqlite:///{store}/mlflow.db")
    assert aliases(models) == {"3": (CHALLENGER,), "2": (CHAMPION,), "1": ()}
    done = automl("models", "promote", "3", "--runs", store)
    line = "models:/toy@champion is version 3 instead of version 2: it was measured on other data"
    assert done.stdout == f"{line} (unknown, this one on unknown)\n", done.stderr
    assert aliases(models) == {"3": (CHAMPION,), "2": (), "1": ()}
    assert models.roll_back() == ("toy", "2", "3")
    assert models.roll_back() == ("toy", "1", "2")
    with pytest.raises(UsageError, match="toy: version 1 replaced no other; choose one"):
        models.roll_back()
    with pytest.raises(UsageError, match="VERSION: toy has no version 9; it has 3, 2, 1"):
        models.promote("9")
    listed = automl("models", "list", "--runs", store).stdout.splitlines()
    assert listed[1].split()[:5] == ["toy", "3", "-", "score", "0.7000"]
    with pytest.raises(UsageError, match="--name: tiy is not registered; there are toy"):
        models.promote("2", "tiy")


def test_a_version_takes_the_place_of_the_champion_only_if_it_is_better_by_more_than_chance(
    tmp_path, automl
):
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")
    register(client, tmp_path, right=(80, 80, 90), artifacts=tmp_path.as_uri())
    refused = automl("models", "promote", "2", "--if-better", "--runs", tmp_path)
    assert refused.returncode == 1
    assert "version 1 stays champion: val_miou 0.66" in refused.stderr
    assert "difference within [+0.0000, +0.0000] (90 %, 30 images): may be chance" in refused.stderr
    done = automl("models", "promote", "3", "--if-better", "--runs", tmp_path)
    assert done.stdout.startswith("models:/segformer@champion is version 3 instead of version 1: ")
    assert "difference within [+0.1" in done.stdout
    back = automl("models", "rollback", "--runs", tmp_path, "--json")
    assert json.loads(back.stdout)["champion"] == "1"
