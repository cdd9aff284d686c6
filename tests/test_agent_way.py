"""A program with nothing but the server's tools: from images to a promoted model, in a budget."""

import anyio
import pytest
from agent import agent

pytestmark = pytest.mark.slow

SPEC = {
    "dataset.segment.img_size": 32, "dataset.segment.batch_size": 4, "dataset.segment.workers": 0,
    "model.decode_head.decoder_params.embed_dim": 16, "model.backbone.typ": "mit_b0",
    "train.optim.policy": "polyy",
}  # fmt: skip
EPOCHS = 4


def test_a_scripted_agent_goes_from_images_to_a_model_despite_five_mistakes(
    tmp_path, run_in, commands
):
    assert run_in(tmp_path, "data", "sample", "data", "--skill", "segformer").returncode == 0

    async def talk():
        async with agent(tmp_path, commands / "automl") as client:
            shown = await client.insist("data_show", dat="data", skill="segformer")
            asked = {
                "skill": "segfromer", "data": "data", "trails": 2, "epochs": 2,
                "budget_epochs": EPOCHS, "weights": "none", "runner": "local", "tracker": "non",
                "spec": SPEC, "out": "runs/first",
            }  # fmt: skip
            await client.insist("plan", **asked)
            handle = await client.insist("run", **asked)
            status = await client.wait("first")
            await client.insist("explain", experiment="frist")
            mended = client.mended
            images = "data/images/test"
            model = status["promotion"]["onnx"]
            predicted = await client.insist(
                "predict", model=model, images=[images], out="masks", skill="segformer"
            )
            return shown, handle, status, mended, predicted

    shown, handle, status, mended, predicted = anyio.run(talk)
    assert shown["splits"] and handle == {"experiment": "runs/first", "state": "running"}
    assert {"trails", "--skill", "--tracker", "EXPERIMENT"} <= set(mended) and len(mended) >= 5
    assert status["state"] == "finished" and (tmp_path / status["promotion"]["onnx"]).exists()
    assert 0 < sum(trial["epochs"] for trial in status["trials"]) <= EPOCHS
    assert predicted["artifacts"]
