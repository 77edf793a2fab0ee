"""Models without code, as this host takes them."""

from __future__ import annotations

from typing import Any

OPSETS = {"": 18, "ai.onnx.ml": 3}
"""Of the graphs, as servers with an older ONNX Runtime know them, too: skl2onnx would take its newest ones."""
HEAD = b'blob\0scoringhost\0{"format":"onnx"}\n'
"""What stands before a graph of ONNX."""


def rx_serialize_model(model: Any, realtime_scoring_only: bool = True) -> bytes:
    """A model as `deploy_realtime` takes it: an ONNX graph, as bytes or as a `ModelProto`.

    A fitted scikit-learn model becomes one where skl2onnx is installed: its columns are the inputs, or one input with
    all of them where it was fitted without names.

    Raises:
        ValueError: if it is none of these, or realtime_scoring_only is False: code is not shipped this way.
    """
    if not realtime_scoring_only:
        raise ValueError("realtime_scoring_only: only what is needed for scoring is shipped")
    if isinstance(model, bytes):
        return HEAD + model
    if hasattr(model, "SerializeToString"):
        return HEAD + bytes(model.SerializeToString())
    if hasattr(model, "predict") and hasattr(model, "n_features_in_"):
        return HEAD + _graph_of(model)
    raise ValueError(f"model: an ONNX graph or a fitted scikit-learn model is expected, not a {type(model).__name__}")


def _graph_of(model: Any) -> bytes:
    try:
        from skl2onnx import to_onnx
        from skl2onnx.common.data_types import FloatTensorType
        from skl2onnx.common.utils import InvalidInputLengthException
    except ImportError:
        raise ValueError("model: pip install skl2onnx, which makes a graph of a scikit-learn model") from None
    all_of_them = [("X", FloatTensorType([None, model.n_features_in_]))]
    names = [str(name) for name in getattr(model, "feature_names_in_", ())]
    if not names:
        return bytes(
            to_onnx(
                model, initial_types=all_of_them, options=_plain_labels(model), target_opset=OPSETS
            ).SerializeToString()
        )
    columns = [(name, FloatTensorType([None, 1])) for name in names]
    try:
        graph = to_onnx(model, initial_types=columns, options=_plain_labels(model), target_opset=OPSETS)
    except InvalidInputLengthException:
        # Most models take one input: the columns are joined to that one. A pipeline may choose among them by name.
        graph = to_onnx(model, initial_types=all_of_them, options=_plain_labels(model), target_opset=OPSETS)
        _join_columns(graph.graph, names)
    return bytes(graph.SerializeToString())


def _join_columns(graph: Any, names: list[str]) -> None:
    """Have a graph with the one input X take columns of these names instead."""
    from onnx import TensorProto, helper

    del graph.input[:]
    graph.input.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in names)
    # ONNX wants nodes in the order of their use.
    graph.node.insert(0, helper.make_node("Concat", names, ["X"], axis=1))


def _plain_labels(model: Any) -> dict[int, dict[str, bool]] | None:
    """A classifier's probabilities as an array, which has columns, and not as a dictionary for each row."""
    return {id(model): {"zipmap": False}} if hasattr(model, "predict_proba") else None
