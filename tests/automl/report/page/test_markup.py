from automl.report.page import markup


def test_text_is_escaped_and_loses_secrets_and_control_characters(monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "hush-hush-hush")
    assert markup.esc("<b> hush-hush-hush\x00") == "&lt;b&gt; ***\N{REPLACEMENT CHARACTER}"


def test_a_table_escapes_cells_and_marks_a_row():
    html = markup.table(
        ("a", "<b>"), [("x<y", 1.23456), (markup.swatch("#ff0000"), None)], marked=1
    )
    assert "<th>&lt;b&gt;</th>" in html and "<td>x&lt;y</td>" in html
    assert '<td class="number">1.235</td>' in html
    assert '<tr class="marked"><td><span class="swatch" style="background:#ff0000">' in html


def test_a_bar_is_as_long_as_its_share_and_never_longer():
    assert "width:25.0px" in markup.bar(0.25).html and "25.0%" in markup.bar(0.25).html
    assert "width:100.0px" in markup.bar(1.7).html


def test_a_figure_comes_out_of_the_page_as_it_went_in():
    figure = {"data": [{"x": [1, 2.5], "name": "a < b"}], "layout": {"height": 20}}
    page = markup.plot("figure-x", figure, "x")
    assert markup.embedded(page, "figure-x") == {
        **figure, "data": [{"x": [1, 2.5], "name": "a &lt; b"}],
    }  # fmt: skip


def test_nothing_in_a_figure_ends_its_script(monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "hush-hush-hush")
    figure = {"text": "</script><br>hush-hush-hush", "layout": {"height": 1}}
    page = markup.plot("f", figure, "f")
    assert page.count("</script>") == 1 and "hush" not in page
    assert markup.embedded(page, "f")["text"] == "&lt;/script&gt;<br>***"


def test_a_dotted_key_may_break_on_a_narrow_page_and_a_number_may_not():
    html = markup.table(("key", "value"), [("train.optim.head_lr", 0.25), ("a b.c", "1.5")])
    assert "<td>train.<wbr>optim.<wbr>head_<wbr>lr</td>" in html
    assert "0.25</td>" in html and "<td>a b.c</td><td>1.5</td>" in html
