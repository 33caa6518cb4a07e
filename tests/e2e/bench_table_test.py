"""The figures of bench/run: which alternations count, what the table says of the others.  Nothing is measured here."""
import importlib.machinery
import importlib.util
import json
import sys

import pytest

from harness import ROOT

pytest.importorskip("crypt")  # the bench needs it; Python 3.13 has it no longer
sys.path.append(str(ROOT / "bench"))
loader = importlib.machinery.SourceFileLoader("bench_run", str(ROOT / "bench" / "run"))
run = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench_run", loader))
loader.exec_module(run)


def alternation(value, failure=""):
    return {"value": value, "rate": 1, "p50": 1, "p99": 1, "generator": 1, "failure": failure}


BROKEN, NOTHING = alternation(1, "connect: refused"), {"failure": "not done in 300 s"}


@pytest.mark.parametrize("rows, value, failure, left_out", [
    ([alternation(5), alternation(7), alternation(6)], 6, "", ""),
    ([alternation(5), BROKEN, alternation(7)], 6, "", "1 of 3 alternations failed: connect: refused"),
    ([NOTHING, alternation(5)], 5, "", "1 of 2 alternations failed: not done in 300 s"),
    ([NOTHING, BROKEN, alternation(5)], 3, "not done in 300 s", ""),  # too few: shown, and no peer to be compared with
    ([BROKEN], 1, "connect: refused", ""),
    ([NOTHING, NOTHING], None, "not done in 300 s", None),
])
def test_alternations_that_count(rows, value, failure, left_out):
    result = run.middle(rows)
    assert (result.get("value"), result["failure"], result.get("left out")) == (value, failure, left_out)


def test_the_best_peer_has_a_mark(tmp_path, capsys):
    workload = run.WORKLOADS[0]
    rows = {"Sallyport": run.middle([alternation(4e-6)] * 2), "vsftpd": run.middle([alternation(8e-6), BROKEN]),
            "ProFTPD": run.middle([alternation(9e-6)] * 2), "Pure-FTPd": run.middle([BROKEN] * 2)}
    assert run.best_peer(rows) == 8e-6
    run.show(workload, rows)
    assert "0.50 x best peer" in capsys.readouterr().out
    path = tmp_path / "bench.json"
    path.write_text(json.dumps({"results": {workload.name: rows}}))
    run.print_table(path)
    out = capsys.readouterr().out
    assert "| 4.000 | 4.000 to 4.000 | 8.000* | 9.000 | none | 0.50 |" in out, out
    assert f"\\* {workload.name}, vsftpd: 1 of 2 alternations failed: connect: refused" in out, out
