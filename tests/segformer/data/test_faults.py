import pytest

from segformer.data.faults import one_a_cause


def test_one_line_a_cause_with_the_count_and_three_examples():
    faults = [f"x/train/{i}.png: has no partner {i}.* in x/masks" for i in range(5)]
    assert one_a_cause([*faults, "x/dataset.json: is no file"]) == [
        "x/train/0.png: has no partner 0.* in x/masks "
        "(5 such files: train/0.png, train/1.png, train/2.png, ...)",
        "x/dataset.json: is no file",
    ]


def test_other_words_are_another_cause():
    faults = ["x/a.png: value 3 is not in the palette", "x/b.png: value 4 is not in the palette"]
    assert one_a_cause(faults) == faults


def test_a_folder_with_a_colon_in_its_name_is_part_of_the_path(tmp_path):
    folder = tmp_path / "co: lon"
    folder.mkdir()
    for i in range(5):
        (folder / f"{i}.png").touch()
    (line,) = one_a_cause([f"{folder}/{i}.png: has no partner {i}.* in {folder}" for i in range(5)])
    assert "(5 such files: co: lon/0.png, co: lon/1.png" in line


def test_sizes_and_lines_are_no_part_of_the_cause():
    line = "x/masks/{0}.png: is 48x{0} pixels, but its image {0}.png is 48x4{0} (line {0} of a.csv)"
    assert len(one_a_cause([line.format(n) for n in range(1, 6)])) == 1


def test_a_number_in_the_text_is_no_name_of_a_file():
    line = "x/{0}.png: cannot be drawn from a.xml (z_order='5.0')"
    assert len(one_a_cause([line.format(i) for i in range(9)])) == 1


@pytest.mark.parametrize("image", ["{}.jpg", "city {}_leftImg8bit.PNG"])
def test_partners_of_other_names_are_the_same_cause(image):
    line = "x/train/{0}.png: is 10x8 pixels, but its image {1} is 12x8"
    assert len(one_a_cause([line.format(i, image.format(i)) for i in range(5)])) == 1
