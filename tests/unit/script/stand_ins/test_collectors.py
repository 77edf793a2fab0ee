"""The collectors, and AutoML's log."""

from __future__ import annotations

import logging

import pytest

from scoringhost.script.stand_ins.automl import get_logger, log_traceback, set_verbosity
from scoringhost.script.stand_ins.collectors import BasicCorrelationContext, Collector, ModelDataCollector, get_context


def test_a_collector_answers_a_context_that_ties_inputs_to_outputs() -> None:
    context = Collector(name="model_inputs").collect([1])
    assert Collector(name="model_outputs", on_error=print).collect([2], context) is context
    assert context.get_id() == str(context) != str(get_context())


def test_a_context_may_have_an_id_of_the_scripts_own() -> None:
    context = BasicCorrelationContext(id="mine", timestamp=7, headers={"a": "b"})
    assert (context.get_id(), context.get_timestamp(), context.get_headers()) == ("mine", 7, {"a": "b"})


def test_the_older_collector_takes_the_words_of_both_its_generations() -> None:
    older = ModelDataCollector("best_model", identifier="inputs", feature_names=["a"])
    newer = ModelDataCollector("best_model", "inputs", ["a"], "workspace", webservice_name="w", model_version=3)
    assert (older.designation, older.feature_names) == (newer.designation, newer.feature_names) == ("inputs", ["a"])
    older.collect([1], "some-id")


def test_automls_exceptions_go_to_the_log_with_their_tracebacks(caplog: pytest.LogCaptureFixture) -> None:
    set_verbosity("INFO")
    try:
        raise ValueError("no model")
    except ValueError as error:
        log_traceback(error, get_logger("azureml.automl.core.scoring_script"))
        log_traceback(error, None, is_critical=False, override_error_msg="else")
    assert [(one.name, one.levelno, one.getMessage()) for one in caplog.records] == [
        ("azureml.automl.core.scoring_script", logging.CRITICAL, "ValueError: no model"),
        ("azureml.automl", logging.ERROR, "else"),
    ]
    assert 'raise ValueError("no model")' in caplog.text
