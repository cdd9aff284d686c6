from automl.report.measured import fine_tuned


def test_what_fine_tuning_for_8_bits_brought_is_said_either_way():
    int8 = {"qat_epochs": 3.0, "val_acc_without_qat": 0.71, "val_acc_with_qat": 0.7, "value": 0.71}
    text = "quantization-aware fine-tuning, epochs 3: val_acc 0.7100 without, 0.7000 with it: "
    assert fine_tuned({"int8": {**int8, "qat_is_kept": 0.0}}) == text + "no better, so left out"
    assert fine_tuned({"int8": {**int8, "qat_is_kept": 1.0}}) == text + "kept"
    assert fine_tuned({"int8": {"value": 0.71}}) == fine_tuned({}) == ""
