"""ScriptOutput: what the script prints, as log lines."""

from __future__ import annotations

import contextlib
import io
import sys
import threading

import pytest

from scoringhost.telemetry.script_output import ScriptOutput, capture


class Behind(io.TextIOWrapper):
    """A text stream over memory."""

    def __init__(self) -> None:
        memory = io.BytesIO()
        memory.name = "<stdout>"
        super().__init__(memory, encoding="ascii", errors="replace")
        self.flushed = 0

    def flush(self) -> None:
        self.flushed += 1
        super().flush()


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def output(lines: list[str]) -> ScriptOutput:
    return ScriptOutput(Behind(), lambda template, line: lines.append(line))


def test_every_line_is_a_record(output: ScriptOutput, lines: list[str]) -> None:
    print("one\ntwo", file=output)
    assert lines == ["one", "two"]


def test_a_line_is_kept_until_it_is_complete(output: ScriptOutput, lines: list[str]) -> None:
    print("half ", end="", file=output)
    assert (lines, bool(output.unfinished)) == ([], True)
    print("and half", file=output)
    assert lines == ["half and half"]


def test_flushing_completes_a_line(output: ScriptOutput, lines: list[str]) -> None:
    print("50 %", end="", flush=True, file=output)
    assert (lines, bool(output.unfinished)) == (["50 %"], False)


def test_flushing_flushes_the_stream_behind(output: ScriptOutput) -> None:
    output.flush()
    assert output._behind.flushed == 1


def test_empty_lines_are_left_out(output: ScriptOutput, lines: list[str]) -> None:
    print("\n\r\n", file=output)
    assert lines == []


def test_the_line_ends_of_windows_are_left_out(output: ScriptOutput, lines: list[str]) -> None:
    output.write("one\r\n")
    assert lines == ["one"]


def test_writing_answers_the_number_of_characters(output: ScriptOutput) -> None:
    assert output.write("häh\n") == 4


def test_only_text_can_be_written(output: ScriptOutput) -> None:
    with pytest.raises(TypeError, match="takes str, not bytes"):
        output.write(b"x")  # type: ignore[arg-type]


def test_many_lines_can_be_written_at_once(output: ScriptOutput, lines: list[str]) -> None:
    output.writelines(["a\n", "b\n"])
    assert lines == ["a", "b"]


def test_a_line_with_percent_signs_is_no_template() -> None:
    seen: list[str] = []
    ScriptOutput(Behind(), lambda template, line: seen.append(template % line)).write("100 %s %d\n")
    assert seen == ["100 %s %d"]


def test_what_a_log_handler_prints_goes_to_the_stream_behind() -> None:
    behind = Behind()

    def log(template: str, line: str) -> None:
        output.write(f"logged {line}\n")

    output = ScriptOutput(behind, log)
    output.write("x\n")
    behind.flush()
    assert behind.buffer.getvalue() == b"logged x\n"


def test_a_log_handler_that_fails_does_not_close_the_way_for_the_next_line(lines: list[str]) -> None:
    def log(template: str, line: str) -> None:
        lines.append(line)
        if line == "bad":
            raise ValueError(line)

    output = ScriptOutput(Behind(), log)
    with pytest.raises(ValueError, match="bad"):
        output.write("bad\n")
    output.write("good\n")
    assert lines == ["bad", "good"]


def in_other_thread(output: ScriptOutput, text: str, *, flush: bool = False) -> None:
    def work() -> None:
        output.write(text)
        if flush:
            output.flush()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_the_halves_of_two_threads_are_not_mixed(output: ScriptOutput, lines: list[str]) -> None:
    output.write("mine ")
    in_other_thread(output, "theirs\n")
    output.write("only\n")
    assert lines == ["theirs", "mine only"]


def test_an_unfinished_line_of_one_thread_stays_known_when_another_flushes(output: ScriptOutput) -> None:
    # Else the line would turn up in a later call's log, under that call's id.
    output.write("mine")
    in_other_thread(output, "theirs", flush=True)
    assert output.unfinished


def test_it_is_what_the_stream_behind_is(output: ScriptOutput) -> None:
    assert (output.encoding, output.errors) == ("ascii", "replace")
    assert output.buffer is output._behind.buffer
    assert output.writable()
    assert not output.isatty()


def test_the_descriptor_is_that_of_the_stream_behind() -> None:
    assert ScriptOutput(sys.__stderr__).fileno() == sys.__stderr__.fileno()  # type: ignore[arg-type, union-attr]


@pytest.mark.parametrize("name", ["reconfigure", "line_buffering", "write_through", "name", "newlines"])
def test_whatever_else_it_is_asked_the_stream_behind_answers(output: ScriptOutput, name: str) -> None:
    # Many scripts call sys.stdout.reconfigure(encoding="utf-8") as they are imported.
    assert getattr(output, name) == getattr(output._behind, name)


def test_stdout_is_captured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    behind = Behind()
    monkeypatch.setattr(sys, "stdout", behind)
    first = capture()
    assert sys.stdout is first
    assert capture() is first
    assert first._behind is behind


def test_a_script_may_redirect_its_output_for_a_while(
    output: ScriptOutput, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", output)
    with contextlib.redirect_stdout(io.StringIO()) as caught:
        sys.stdout.write("inside\n")
    sys.stdout.write("outside\n")
    assert (caught.getvalue(), lines) == ("inside\n", ["outside"])
