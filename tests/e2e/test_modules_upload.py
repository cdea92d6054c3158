"""The upload's modules in the browser: the selection of files, the queue, and what is stored for a resumed upload."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.modules import blank_page, call, run_script
from tests.xrayscreen.test_helper_files import PATHS
from xrayscreen import helper_files

pytestmark = pytest.mark.e2e

CHECKS = "upload/file-checks.js"
COLLECTION = "upload/file-collection.js"
HELPERS = "upload/helper-files.js"
QUEUE = "upload/upload-queue.js"
SCOPE = "upload/failure-scope.js"
SELECTION = "upload/file-selection.js"
STATE = "upload/resume-state.js"
# A queue of `count` files with a server of its own: `files(name, attempt)` and `missing(digests)` answer or throw.
# `argument.same` files have the same bytes. What was sent is in `log`.
MAKE_QUEUE = """
  const { UploadEntry } = await import("http://localhost/upload/upload-entry.js");
  const { RequestError } = await import("http://localhost/shared/http.js");
  const log = { sent: [], queries: [], delays: 0, progress: 0, most: 0 };
  const attempts = new Map();
  let flying = 0;
  const makeQueue = (count, { files = () => ({}), missing = (digests) => digests, progress = () => ({}),
    content = (index) => `file ${index}`, onChange = () => {} } = {}) => {
    const entries = Array.from({ length: count }, (_, index) => (
      new UploadEntry(new File([content(index)], `${index}.png`), `ward/${index}.png`)));
    const transport = {
      async postBody(address, body, { onProgress = () => {}, signal } = {}) {
        if (signal?.aborted) throw new RequestError(0, "aborted", "Stopped.");
        if (address === "missing") {
          log.queries.push(body.sha256.length);
          return { missing: await missing(body.sha256) };
        }
        const name = body.get("file").name;
        attempts.set(name, (attempts.get(name) ?? 0) + 1);
        flying += 1;
        log.most = Math.max(log.most, flying);
        try {
          await null;
          onProgress(1);
          const film = { state: "queued", reason: "", ...await files(name, attempts.get(name)) };
          log.sent.push(body.get("path"));
          return { films: [film] };
        } finally {
          flying -= 1;
        }
      },
      async fetchJson() { log.progress += 1; return progress(log.progress); },
      async delay() { log.delays += 1; },
    };
    const addresses = { files: "files", missing: "missing", progress: "progress" };
    return new m.UploadQueue(entries, addresses, onChange, transport);
  };
  const fail = (status, code = "refused") => { throw new RequestError(status, code, `Failed: ${code}.`); };
  const until = async (isTrue) => { while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 1)); };
  const report = (queue) => ({ ...log, counts: queue.counts, share: queue.share, condition: queue.condition,
    sentence: queue.sentence, notes: queue.entries.map((entry) => entry.note) });
"""


@pytest.fixture(scope="module")
def blank(browser: Browser) -> Iterator[Page]:
    with blank_page(browser) as page:
        page.set_default_timeout(60_000)
        yield page


def with_queue(page: Page, script: str) -> dict[str, Any]:
    """Run a script that makes a queue and returns its report."""
    found: dict[str, Any] = run_script(page, QUEUE, MAKE_QUEUE + script)
    return found


def counts_of(report: dict[str, Any]) -> dict[str, int]:
    return {state: count for state, count in report["counts"].items() if count}


@pytest.mark.parametrize("count", [0, 1, 5, 1000, 10_000])
def test_every_file_is_sent_once(blank: Page, count: int) -> None:
    """In groups of digests, and never more than four requests at a time."""
    report = with_queue(blank, f"const queue = makeQueue({count}); await queue.run(); return report(queue);")
    assert counts_of(report) == ({"arrived": count} if count else {})
    assert sorted(report["sent"]) == sorted(f"ward/{index}.png" for index in range(count))
    assert sum(report["queries"]) == count
    assert max(report["queries"], default=0) <= 200 + 3
    assert report["most"] <= 4
    assert report["share"] == (1 if count else 0)
    assert report["condition"] == "running"


def test_what_the_batch_has_is_not_sent(blank: Page) -> None:
    """Two files of the same bytes are both sent, because the server knows which of them it has."""
    report = with_queue(
        blank,
        """
        const content = (index) => (index < 2 ? "the same" : `file ${index}`);
        const queue = makeQueue(10, { content, missing: () => [] });
        await queue.run();
        return report(queue);""",
    )
    assert counts_of(report) == {"present": 8, "arrived": 2}
    assert sorted(report["sent"]) == ["ward/0.png", "ward/1.png"]
    assert report["share"] == 1


def test_what_the_server_rejects_is_not_sent_again(blank: Page) -> None:
    report = with_queue(
        blank,
        """
        const files = (name) => (name === "3.png" ? { state: "rejected", reason: "No film." } : {});
        const queue = makeQueue(5, { files });
        await queue.run();
        return report(queue);""",
    )
    assert counts_of(report) == {"arrived": 4, "rejected": 1}
    assert report["notes"] == ["", "", "", "No film.", ""]
    assert report["share"] == 1


@pytest.mark.parametrize(
    ("failures", "state", "delays"),
    [(0, "arrived", 0), (1, "arrived", 1), (4, "arrived", 4), (5, "failed", 4), (99, "failed", 4)],
)
def test_a_file_has_five_tries(blank: Page, failures: int, state: str, delays: int) -> None:
    report = with_queue(
        blank,
        f"""
        const files = (name, attempt) => (name === "1.png" && attempt <= {failures} ? fail(500) : {{}});
        const queue = makeQueue(3, {{ files }});
        await queue.run();
        return {{ ...report(queue), state: queue.entries[1].state }};""",
    )
    assert report["state"] == state
    assert report["delays"] == delays
    assert report["counts"]["arrived"] == (3 if state == "arrived" else 2)


def test_a_file_that_is_refused_for_good_has_one_try_and_can_be_sent_again(blank: Page) -> None:
    report = with_queue(
        blank,
        """
        let isBroken = true;
        const queue = makeQueue(3, { files: (name) => (isBroken && name === "1.png" ? fail(413) : {}) });
        await queue.run();
        const first = { ...queue.counts };
        isBroken = false;
        queue.retryFailed();
        await queue.run();
        return { ...report(queue), first, tries: attempts.get("1.png") };""",
    )
    assert {state: count for state, count in report["first"].items() if count} == {"arrived": 2, "failed": 1}
    assert counts_of(report) == {"arrived": 3}
    assert report["tries"] == 2
    assert report["delays"] == 0
    assert len(report["sent"]) == len(set(report["sent"])) == 3


def test_a_file_that_can_no_longer_be_read_is_told_from_a_lost_connection(blank: Page) -> None:
    report = with_queue(
        blank,
        """
        const queue = makeQueue(2, { files: (name) => (name === "0.png" ? fail(500) : {}) });
        Object.defineProperty(queue.entries[0].file, "slice", { value: () => { throw new Error("moved"); } });
        await queue.run();
        return report(queue);""",
    )
    assert counts_of(report) == {"arrived": 1, "failed": 1}
    assert "was it moved or changed? Choose it again." in report["notes"][0]
    assert report["delays"] == 0


def test_a_pause_starts_no_request_and_loses_none(blank: Page) -> None:
    report = with_queue(
        blank,
        """
        const queue = makeQueue(100, { files: (name) => { if (name === "20.png") queue.pause(); } });
        const end = queue.run();
        await until(() => queue.condition === "paused" && !queue.inFlight);
        await new Promise((resolve) => setTimeout(resolve, 50));
        const atPause = log.sent.length;
        queue.resume();
        await end;
        return { ...report(queue), atPause };""",
    )
    assert 1 <= report["atPause"] < 100
    assert counts_of(report) == {"arrived": 100}
    assert len(set(report["sent"])) == len(report["sent"]) == 100


@pytest.mark.parametrize(("status", "code"), [(403, "signed_out"), (403, "quota_files"), (507, "storage_failed")])
def test_a_cause_that_concerns_all_files_halts_the_queue(blank: Page, status: int, code: str) -> None:
    """No file fails for it; the user removes the cause and continues."""
    report = with_queue(
        blank,
        f"""
        let isBroken = true;
        const files = (name) => (isBroken && name > "2" ? fail({status}, "{code}") : {{}});
        const queue = makeQueue(9, {{ files }});
        const end = queue.run();
        await until(() => queue.condition === "halted" && !queue.inFlight);
        const halted = report(queue);
        isBroken = false;
        queue.resume();
        await end;
        return {{ ...report(queue), halted }};""",
    )
    assert report["halted"]["sentence"] == f"Failed: {code}."
    assert "failed" not in counts_of(report["halted"])
    assert counts_of(report) == {"arrived": 9}
    assert report["condition"] == "running"
    assert report["sentence"] == ""


@pytest.mark.parametrize("code", ["batch_submitted", "batch_cancelled", "not_found"])
def test_a_closed_batch_ends_the_queue(blank: Page, code: str) -> None:
    report = with_queue(
        blank,
        f"""
        const queue = makeQueue(50, {{ files: (name) => (name === "5.png" ? fail(409, "{code}") : {{}}) }});
        await queue.run();
        queue.resume();
        return report(queue);""",
    )
    assert report["condition"] == "closed"
    assert report["counts"].get("failed", 0) == 0
    assert report["counts"]["waiting"] >= 1


def test_a_cancelled_queue_ends(blank: Page) -> None:
    report = with_queue(
        blank,
        """
        const queue = makeQueue(50, { files: (name) => { if (name === "5.png") queue.cancel(); } });
        await queue.run();
        return report(queue);""",
    )
    assert report["condition"] == "cancelled"
    assert 1 <= len(report["sent"]) < 50


@pytest.mark.parametrize("status", [0, 502, 503, 504])
def test_a_server_that_does_not_answer_is_waited_for(blank: Page, status: int) -> None:
    """It is asked for the batch's progress, the third time with an answer; then every file is sent."""
    report = with_queue(
        blank,
        f"""
        const conditions = new Set();
        let isDown = true;
        const queue = makeQueue(6, {{
          files: () => (isDown ? fail({status}) : {{}}),
          progress: (count) => {{ if (count < 3) fail({status}); isDown = false; return {{}}; }},
          onChange: () => conditions.add(`${{queue?.condition}}: ${{queue?.sentence}}`),
        }});
        await queue.run();
        return {{ ...report(queue), conditions: [...conditions] }};""",
    )
    assert counts_of(report) == {"arrived": 6}
    assert report["progress"] >= 3
    assert "unreachable: No answer; trying again…" in report["conditions"]
    assert any(text.startswith("unreachable: Connection lost; waiting") for text in report["conditions"])


def test_a_query_that_fails_costs_no_file(blank: Page) -> None:
    """Then every file is sent; the server knows its files."""
    report = with_queue(
        blank,
        "const queue = makeQueue(6, { missing: () => fail(400) }); await queue.run(); return report(queue);",
    )
    assert counts_of(report) == {"arrived": 6}


def test_files_kept_back_by_a_limit_do_not_count(blank: Page) -> None:
    report = with_queue(
        blank,
        """
        const queue = makeQueue(3);
        const kept = makeQueue(2);
        for (const entry of kept.entries) entry.state = "unsent";
        const entries = [...queue.entries, ...kept.entries];
        const both = new m.UploadQueue(entries, queue.addresses, () => {}, queue.transport);
        await both.run();
        return { ...report(both), sendable: both.sendable };""",
    )
    assert counts_of(report) == {"arrived": 3, "unsent": 2}
    assert report["sendable"] == 3
    assert report["share"] == 1


@pytest.mark.parametrize(
    ("status", "code", "scope"),
    [
        (409, "batch_submitted", "batch"),
        (404, "not_found", "batch"),
        (403, "signed_out", "all files"),
        (403, "quota_bytes", "all files"),
        (429, "refused", "all files"),
        (507, "refused", "all files"),
        (413, "too_large", "file"),
        (500, "refused", "file"),
        (0, "no_answer", "file"),
    ],
)
def test_the_scope_of_a_failure(blank: Page, status: int, code: str, scope: str) -> None:
    assert call(blank, SCOPE, "failureScope", {"status": status, "code": code}) == scope


@pytest.mark.parametrize("content", ["", "abc", "x" * 100_000, "ü"])
def test_digests(blank: Page, content: str) -> None:
    found = run_script(blank, CHECKS, "return m.computeDigest(new Blob([argument]));", content)
    assert found == hashlib.sha256(content.encode()).hexdigest()


@pytest.mark.parametrize(("size", "possible"), [(0, True), (64 * 1024 * 1024, True), (64 * 1024 * 1024 + 1, False)])
def test_large_files_get_no_digest(blank: Page, size: int, possible: bool) -> None:
    assert call(blank, CHECKS, "canDigest", {"size": size}) == possible


@pytest.mark.parametrize(
    ("head", "is_zip"),
    [
        (b"PK\3\4rest", True),
        (b"PK\5\6", True),
        (b"PK\7\x08", False),
        (b"PK\7\x08PK\3\4", True),
        (b"PK00PK\3\4", True),
        (b"PK", False),
        (b"", False),
        (b"\x89PNG", False),
    ],
)
def test_archives_are_known_by_their_first_bytes(blank: Page, head: bytes, is_zip: bool) -> None:
    script = "return m.isZip(new Blob([new Uint8Array(argument)]));"
    assert run_script(blank, CHECKS, script, list(head)) == is_zip


def test_a_file_that_is_gone_is_not_readable(blank: Page) -> None:
    script = """
      const gone = { slice: () => ({ arrayBuffer: () => Promise.reject(new Error("gone")) }) };
      return [await m.isReadable(new Blob(["x"])), await m.isReadable(new Blob([])), await m.isReadable(gone)];"""
    assert run_script(blank, CHECKS, script) == [True, True, False]


@pytest.mark.parametrize(
    ("paths", "sorted_paths"),
    [
        ([], []),
        (["film 10", "film 9", "film 2/b", "Film 1"], ["Film 1", "film 2/b", "film 9", "film 10"]),
    ],
)
def test_files_are_sorted_by_path(blank: Page, paths: list[str], sorted_paths: list[str]) -> None:
    script = "return m.sortFiles(argument.map((path) => ({ file: null, path })), []).files.map(({ path }) => path);"
    assert run_script(blank, COLLECTION, script, paths) == sorted_paths


def test_helper_files_are_the_same_on_the_page_and_on_the_server(blank: Page) -> None:
    script = """
      const kinds = argument.paths.map((path) => m.helperFileKind(path, argument.list));
      return [kinds, m.countKinds(kinds.filter(Boolean))];"""
    kinds, counts = run_script(blank, HELPERS, script, {"paths": PATHS, "list": helper_files.script_settings()})
    assert dict(zip(PATHS, kinds, strict=True)) == {path: helper_files.helper_file_kind(path) for path in PATHS}
    assert counts == ", ".join(helper_files.count_kinds(kind for kind in kinds if kind))


HELPER_LIST = helper_files.script_settings()
LIMITS = {"maxFile": 10, "maxArchive": 20, "quotaBytes": 1000, "quotaFiles": 3}
SELECT = """
  const { limits, helperFiles, files, unreadable = [], again = false } = argument;
  const selection = new m.FileSelection(limits, helperFiles);
  const found = files.map(([path, content]) => ({ path, file: new File([content], path, { lastModified: 1 }) }));
  await selection.addFiles({ files: found, unreadable });
  if (again) await selection.addFiles({ files: found, unreadable: [] });
  return { sendable: selection.sendable.map(({ path }) => path), notes: selection.entries.map(({ note }) => note),
    bytes: selection.bytes, folder: selection.folder, remarks: selection.remarks };
"""
KEPT_BACK = "1 file will not be uploaded; the list says why."


@pytest.mark.parametrize(
    ("selected", "expected"),
    [
        ({"files": []}, {"sendable": [], "bytes": 0, "folder": "", "remarks": []}),
        (
            {"files": [["ward/a", "12345"], ["ward/b", "12345"]], "again": True},
            {"sendable": ["ward/a", "ward/b"], "bytes": 10, "folder": "ward", "remarks": []},
        ),
        ({"files": [["ward/a", "1"], ["other/b", "1"]]}, {"folder": ""}),
        ({"files": [["ward/a", "1"], ["b", "1"]]}, {"folder": ""}),
        (
            {"files": [["a", "x" * 10], ["b", "x" * 11]]},
            {"sendable": ["a"], "notes": ["", "A film may have at most 10 bytes."], "remarks": [KEPT_BACK]},
        ),
        ({"files": [["a.zip", "PK\3\4" + "x" * 16]]}, {"sendable": ["a.zip"], "notes": [""]}),
        (
            {"files": [["a.zip", "PK\3\4" + "x" * 17]]},
            {"sendable": [], "notes": ["A ZIP archive may have at most 20 bytes."], "remarks": [KEPT_BACK]},
        ),
        (
            {"files": [], "unreadable": ["lost", "a/@eaDir/lost"]},
            {"notes": ["The browser could not read it."], "remarks": [KEPT_BACK]},
        ),
        (
            {"files": [[f"a/@eaDir/{name}", "1"] for name in "ab"] + [["a/Thumbs.db", "1"]], "again": True},
            {"remarks": ["3 skipped: 2 × @eaDir, 1 × Thumbs.db. These helper files and hidden files are no films."]},
        ),
        (
            {"files": [[name, "1"] for name in "abcd"]},
            {"remarks": ["Only 3 files are left in your quota; not all files will fit."]},
        ),
        (
            {"files": [["a", "123"]], "limits": {**LIMITS, "quotaBytes": 2}},
            {"remarks": ["Only 2 bytes are left in your quota; not all files will fit."]},
        ),
    ],
)
def test_a_selection_of_files(blank: Page, selected: dict[str, Any], expected: dict[str, Any]) -> None:
    found = run_script(blank, SELECTION, SELECT, {"limits": LIMITS, "helperFiles": HELPER_LIST, **selected})
    assert {key: found[key] for key in expected} == expected


BATCH = {"id": "b1", "name": "Ward 3", "addresses": {"page": "/b1"}, "files": 40, "bytes": 9, "folder": "Ward 3"}


def test_an_unfinished_upload_is_stored_for_its_user(blank: Page) -> None:
    script = """
      localStorage.clear();
      m.storeBatch("7", argument);
      const stored = [m.loadBatch("7"), m.loadBatch("8")];
      m.deleteBatch("7", "another");
      m.deleteBatch("8", "b1");
      const kept = m.loadBatch("7");
      m.deleteBatch("7", "b1");
      return [...stored, kept, m.loadBatch("7"), localStorage.length];"""
    assert run_script(blank, STATE, script, BATCH) == [BATCH, None, BATCH, None, 0]


@pytest.mark.parametrize("text", ["", "{", "null", "7", "{}", '{"id": "b1", "name": "of an earlier version"}'])
def test_a_record_that_is_not_ours_is_ignored(blank: Page, text: str) -> None:
    script = "localStorage.setItem('unfinished-upload-7', argument); return m.loadBatch('7');"
    assert run_script(blank, STATE, script, text) is None


def test_a_full_storage_stops_no_upload(blank: Page) -> None:
    script = """
      localStorage.clear();
      m.storeBatch("7", { ...argument, name: "x".repeat(20_000_000) });
      return m.loadBatch("7");"""
    assert run_script(blank, STATE, script, BATCH) is None
