import pytest
from mlflow.tracking import MlflowClient

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
    assert done.stdout == "models:/toy@champion is version 3 instead of version 2\n", done.stderr
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
