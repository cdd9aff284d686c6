import onnx


def test_products_of_activations_stay_in_32_bits_and_gelu_whole(quantized):
    graph = onnx.load(quantized.artifacts["onnx"]).graph
    kinds = {node.op_type for node in graph.node}
    assert "Gelu" in kinds and "Erf" not in kinds
    weights = {tensor.name for tensor in graph.initializer}
    restored = {node.output[0]: node for node in graph.node if node.op_type == "DequantizeLinear"}
    products = {True: 0, False: 0}
    for node in graph.node:
        in_8_bits = [name in restored for name in node.input[:2]]
        if node.op_type == "Conv":
            assert all(in_8_bits), node.name
        elif node.op_type in ("MatMul", "FusedMatMul"):
            has_weight = in_8_bits[1] and restored[node.input[1]].input[0] in weights
            assert in_8_bits == [has_weight, has_weight], node.name
            products[has_weight] += 1
        elif node.op_type == "Softmax":
            assert not any(in_8_bits), node.name
    assert products == {True: 6 * 4, False: 2 * 4}  # Of four blocks.
