"""Folders of transformers as services; small models with random weights, made here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

from scoringhost.errors import ScriptUnservable
from scoringhost.testing import serve

WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] a good bad film text"


@pytest.fixture(scope="module")
def sentiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "sentiment"
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(WORDS.split()) + "\n")
    BertTokenizerFast(vocab_file=str(folder / "vocab.txt")).save_pretrained(folder)
    config = BertConfig(
        vocab_size=10,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=32,
        id2label={0: "neg", 1: "pos"},
        label2id={"neg": 0, "pos": 1},
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def test_texts_get_a_label_and_a_score_each(sentiment: Path) -> None:
    with serve(sentiment, environ={}) as client:
        answer = client.score({"inputs": ["a good film", "bad"]})
        assert len(answer) == 2
        assert answer[0].keys() == {"label", "score"}
        assert len(client.score({"data": "a good film"})) == 1
        assert len(client.score()) == 1


def test_arguments_of_the_pipeline_are_parameters(sentiment: Path) -> None:
    with serve(sentiment, environ={}) as client:
        (labels,) = client.score({"inputs": ["a good film"], "parameters": {"top_k": 2}})
    assert {one["label"] for one in labels} == {"neg", "pos"}


def test_v2_answers_labels_and_scores_as_tensors(sentiment: Path) -> None:
    inputs = [{"name": "args", "datatype": "BYTES", "shape": [2, 1], "data": ["a good film", "bad"]}]
    headers = {"Content-Type": "application/json"}
    with serve(sentiment, environ={}) as client:
        body = json.dumps({"inputs": inputs})
        answer = client.request("POST", "/v2/models/sentiment/infer", body=body, headers=headers)
    assert answer.status == 200
    outputs = {one["name"]: one for one in json.loads(answer.body)["outputs"]}
    assert (outputs["label"]["datatype"], outputs["label"]["shape"]) == ("BYTES", [2])
    assert (outputs["score"]["datatype"], outputs["score"]["shape"]) == ("FP32", [2])


def test_an_architecture_without_a_known_task_is_refused_with_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"architectures": ["WhisperFeatureThing"]}')
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ScriptUnservable, match=r"\.\.\.ForSequenceClassification"):
        serve(tmp_path, environ={}).__enter__()
