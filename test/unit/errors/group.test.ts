import { RegistryError, toProblem } from "../../../lib/errors/errors";
import { formatGroups } from "../../../lib/errors/format";
import { groupProblems } from "../../../lib/errors/group";
import type { NamedProblem, Problem } from "../../../lib/errors/problem";
import { namedProblems, problemLines } from "../../../lib/import";
import { imageProblem } from "../../../lib/import/image-problem";

const HOST = "registry.example:8443";
const DIGEST = `sha256:${"a1".repeat(32)}`;
const OTHER = `sha256:${"b2".repeat(32)}`;

const images = (count: number, problem: (index: number) => Problem): NamedProblem[] =>
    Array.from({ length: count }, (_, i) => ({ name: `quay.io/org/app${i}:1`, kind: "image", problem: problem(i) }));

const rejected = (i: number): Problem => ({
    code: "UNAUTHORIZED",
    status: 401,
    place: { registry: HOST },
    operation: `POST mirror/quay.io/org/app${i}/blobs/uploads/`,
    problem: "the registry rejected the account robot$mirror+importer-1",
    fix: "check the account",
});

test("a cause that 120 repositories share is one line, with their count and the first of their names", () => {
    const lines = formatGroups(images(120, rejected), 50);
    const names = Array.from({ length: 50 }, (_, i) => `quay.io/org/app${i}:1`).join(", ");
    expect(lines).toEqual([
        `UNAUTHORIZED (401) at ${HOST}: the registry rejected the account robot$mirror+importer-1; check the account ` +
            `(120 images: ${names} and 70 more)`,
    ]);
});

test("what a registry's words repeat of the request does not make another cause: Harbor names the repository", () => {
    const lines = formatGroups(
        images(120, (i) => ({
            code: "DENIED",
            status: 403,
            place: { registry: HOST },
            operation: `PUT mirror/quay.io/org/app${i}/manifests/1.${i}`,
            problem:
                `unauthorized to access repository: mirror/quay.io/org/app${i}, action: push: tag 1.${i}, ` +
                `digest ${i % 2 === 0 ? DIGEST : OTHER}, request 0f1e2d3c-0000-4000-8000-${String(i).padStart(12, "0")}`,
        })),
        2,
    );
    expect(lines).toEqual([
        `DENIED (403) at ${HOST}: unauthorized to access repository: <repository>, action: push: tag <reference>, ` +
            "digest <digest>, request <id> (120 images: quay.io/org/app0:1, quay.io/org/app1:1 and 118 more)",
    ]);
});

test.each<[string, Partial<Problem>]>([
    ["code", { code: "DENIED" }],
    ["status", { status: 403 }],
    ["registry code", { registryCode: "FORBIDDEN" }],
    ["place", { place: { registry: "another.example" } }],
    ["problem", { problem: "the registry asks for an account" }],
    ["fix", { fix: "run again" }],
])("another %s is another cause", (_, change) => {
    expect(groupProblems(images(2, (i) => ({ ...rejected(0), ...(i === 1 ? change : {}) })))).toHaveLength(2);
});

test.each<[string, Partial<Problem>]>([
    ["operation", { operation: "GET mirror/quay.io/other/manifests/1" }],
    ["time to wait", { retryAfter: 30 }],
])("another %s is the same cause, and it is not shown for several names", (_, change) => {
    const [group, ...more] = groupProblems(images(2, (i) => ({ ...rejected(0), ...(i === 1 ? change : {}) })));
    expect(more).toEqual([]);
    expect(group?.names).toEqual(["quay.io/org/app0:1", "quay.io/org/app1:1"]);
    expect(Object.keys(change).filter((name) => group !== undefined && name in group.problem)).toEqual([]);
});

test("one name keeps the operation, and the things of one cause are listed", () => {
    const blob = (digest: string): Problem => ({
        code: "BLOB_UNKNOWN",
        thing: `blob ${digest}`,
        problem: "it is missing",
    });
    const failed = [
        { source: "a:1", problems: [rejected(0)] },
        { source: "b:1", problems: [blob("one"), blob("two"), blob("three"), blob("four")] },
    ];
    expect(problemLines(failed)).toEqual([
        `a:1: UNAUTHORIZED (401) at ${HOST}: POST mirror/quay.io/org/app0/blobs/uploads/: the registry rejected the ` +
            "account robot$mirror+importer-1; check the account",
        "b:1: BLOB_UNKNOWN: blob one, blob two, blob three and 1 more: it is missing",
    ]);
});

test("the things of several names are listed too: the fix may be to delete a damaged blob", () => {
    const damaged = images(5, (i) => ({
        code: "DIGEST_MISMATCH",
        thing: `blob mirror/app${i}@${DIGEST}`,
        problem: "it has other bytes",
        fix: "delete its damaged file",
    }));
    expect(formatGroups(damaged, 1)).toEqual([
        `DIGEST_MISMATCH: blob mirror/app0@${DIGEST}, blob mirror/app1@${DIGEST}, blob mirror/app2@${DIGEST} and 2 more: ` +
            "it has other bytes; delete its damaged file (5 images: quay.io/org/app0:1 and 4 more)",
    ]);
});

test("a tag or repository that is part of another word stays as it is", () => {
    const [group] = groupProblems(
        images(2, (i) => ({
            code: "MANIFEST_INVALID",
            operation: `PUT mirror/app/manifests/${i}`,
            problem: `mirror/app-two has 10 layers, mirror/app none, tag ${i}`,
        })),
    );
    expect(group?.problem.problem).toBe("mirror/app-two has 10 layers, <repository> none, tag <reference>");
});

test("an error that stopped the run is one line, and what it stopped another", () => {
    const cause = toProblem(new RegistryError("no connection (ECONNREFUSED)", { registry: HOST, code: "NETWORK" }));
    const stopped: Problem = { code: "NOT_TRIED", problem: "an earlier error stopped the run" };
    const failed = [{ name: "a:1", problem: cause }, ...images(3, () => stopped)];
    expect(formatGroups(failed)).toEqual([
        `a:1: NETWORK at ${HOST}: no connection (ECONNREFUSED)`,
        "NOT_TRIED: an earlier error stopped the run (3 images: quay.io/org/app0:1, quay.io/org/app1:1, quay.io/org/app2:1)",
    ]);
});

test("what is too much to read is counted: images of one cause, and causes", () => {
    const problem = (text: string): Problem => ({ code: "DENIED", problem: text });
    const failed = (text: string, ...sources: string[]) =>
        sources.map((source) => ({ source, problems: [problem(text)] }));
    const all = [...failed("x", "a:1", "b:1", "c:1"), ...failed("y", "d:1"), ...failed("z", "e:1", "f:1")];
    expect(problemLines(all, 2)).toEqual(["DENIED: x (3 images: a:1, b:1 and 1 more)", "d:1: DENIED: y", "and 2 more"]);
});

test("a cause that ended a run of very many images is grouped in one pass", () => {
    const failed = Array.from({ length: 100_000 }, (_, i) => imageProblem(`a:${i}`, new Error("x")));
    expect(formatGroups(namedProblems(failed), 1)).toEqual(["INTERNAL_ERROR: x (100000 images: a:0 and 99999 more)"]);
});
