import ast
from pathlib import Path

import segformer.export.infer
from segformer.export.single_file import single_file

PROGRAM = Path(segformer.export.infer.__file__)


def test_a_program_in_one_file_imports_none_of_this_package():
    text = single_file(PROGRAM)
    modules = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split(".")[0]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert "segformer" not in modules and {"numpy", "onnxruntime", "PIL"} <= modules


def test_its_text_explains_the_program():
    text = single_file(PROGRAM)
    assert ast.get_docstring(ast.parse(text)) == segformer.export.infer.__doc__.strip()
    names = [node.name for node in ast.parse(text).body if hasattr(node, "name")]
    assert {"PngRows", "Sequential", "Model", "main"} <= set(names)
    assert len(names) == len(set(names))
