from automl.machine.disk import folder_size


def test_a_folder_takes_what_its_files_take_at_any_depth_and_its_links_nothing(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "one").write_bytes(bytes(70))
    (tmp_path / "a" / "b" / "two").write_bytes(bytes(7))
    (tmp_path / "a" / "link").symlink_to(tmp_path / "a" / "one")
    (tmp_path / "a" / "lost").symlink_to(tmp_path / "nothing")
    assert folder_size(tmp_path / "a") == 77


def test_a_folder_that_is_not_there_takes_nothing(tmp_path):
    assert folder_size(tmp_path / "nothing") == 0
