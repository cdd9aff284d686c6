import pytest
from layouts import split_pairs

import automl


def test_a_data_set_is_shown_in_python(tmp_path):
    split_pairs(tmp_path / "images/{}", tmp_path / "masks/{}")
    view = automl.data.show(tmp_path, skill="segformer")
    assert view.facts["splits"]["train"]["images"] == 2
    assert "class_2" in str(view) and "train" in str(view)
    assert repr(view) == f"DataView({str(tmp_path)!r})"
    assert view._repr_html_().startswith('<iframe srcdoc="&lt;!doctype html&gt;')


def test_a_folder_that_is_no_data_set_is_the_users_mistake(tmp_path):
    with pytest.raises(automl.UsageError, match="holds no files"):
        automl.data.show(tmp_path, skill="segformer")
