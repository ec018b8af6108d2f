import { ArchiveError, PassthroughError, RegistryError, errorMessage, toProblem } from "../../../lib/errors/errors";
import { formatProblem, formatReason, formatWithoutFix, problemToJson } from "../../../lib/errors/format";
import type { Problem } from "../../../lib/errors/problem";

const full: Problem = {
    code: "TOOMANYREQUESTS",
    status: 429,
    registryCode: "RATE",
    retryAfter: 2.3,
    place: { registry: "registry.example:8443" },
    operation: "PUT mirror/quay.io/org/app/manifests/1.2",
    thing: "manifest sha256:abc",
    problem: "the registry has too many requests",
    fix: "run again later",
};

describe("a problem as text", () => {
    test("names code, place, operation, thing, problem and fix, in this order", () => {
        expect(formatProblem(full)).toBe(
            "TOOMANYREQUESTS (429, RATE, retry after 3 s) at registry.example:8443: PUT mirror/quay.io/org/app/manifests/1.2: " +
                "manifest sha256:abc: the registry has too many requests; run again later",
        );
        expect(formatWithoutFix({ code: "TLS", problem: "no handshake", fix: "none" })).toBe("TLS: no handshake");
        expect(formatReason(full)).toBe(
            "PUT mirror/quay.io/org/app/manifests/1.2: manifest sha256:abc: the registry has too many requests",
        );
    });

    test.each<[Problem["place"], string]>([
        [{ archive: "/mnt/a.tar" }, "X in archive /mnt/a.tar: p"],
        [{ archive: "/mnt/a.tar", entry: "blobs/x", offset: 0 }, "X in archive /mnt/a.tar, entry blobs/x, offset 0: p"],
        [{ archive: "a\u001b[31m.tar", entry: "e\n" }, String.raw`X in archive "a\u001b[31m.tar", entry "e\n": p`],
        [{ file: "locks/a.lock.json" }, "X in locks/a.lock.json: p"],
        [{ key: "site.registry.mirrorBase" }, "X at site.registry.mirrorBase: p"],
        [undefined, "X: p"],
    ])("place %j", (place, text) => {
        expect(formatProblem({ code: "TLS", place, problem: "p" }).replace("TLS", "X")).toBe(text);
    });

    test("problems that one sums up are on lines of their own, its own code is not repeated, and the fix is last", () => {
        const part = (name: string, code: Problem["code"]) => ({ name, problem: { code, problem: "it is missing" } });
        const summary = new ArchiveError("it does not match the lock a.lock.json", {
            code: "ARCHIVE_LOCK_MISMATCH",
            archive: "a.tar",
            problems: [part("part 1", "ARCHIVE_LOCK_MISMATCH"), part("blob x", "ARCHIVE_TRUNCATED")],
            fix: "make the lock again",
        });
        expect(summary.message).toBe(
            "ARCHIVE_LOCK_MISMATCH in archive a.tar: it does not match the lock a.lock.json:\n" +
                "    part 1: it is missing\n    blob x: ARCHIVE_TRUNCATED: it is missing\nmake the lock again",
        );
    });
});

describe("an error", () => {
    test("keeps its fields beside the message that is made of them", () => {
        const cause = new Error("reset");
        const error = new RegistryError("no connection", {
            code: "NETWORK",
            registry: "host:1",
            operation: "GET /v2/",
            account: "robot",
            cause,
        });
        expect(error).toBeInstanceOf(PassthroughError);
        expect(error).toMatchObject({ code: "NETWORK", place: { registry: "host:1" }, operation: "GET /v2/", cause });
        expect(error.message).toBe("NETWORK at host:1: GET /v2/: no connection");
        expect(error.name).toBe("RegistryError");
    });

    test("becomes plain data without what is not known; what is no error of this program is a defect", () => {
        expect(toProblem(new PassthroughError("p", { code: "TLS", fix: "f" }))).toStrictEqual({
            code: "TLS",
            problem: "p",
            fix: "f",
        });
        expect(toProblem(new TypeError("x"))).toStrictEqual({ code: "INTERNAL_ERROR", problem: "x" });
        expect(toProblem("text")).toStrictEqual({ code: "INTERNAL_ERROR", problem: "text" });
        expect(errorMessage(undefined)).toBe("undefined");
    });
});

test("a problem as JSON has the fields that are known, nested problems too, and goes through JSON unchanged", () => {
    const nested = { ...full, problems: [{ name: "a:1", kind: "image", problem: full }] };
    const json = problemToJson(nested);
    expect(json).toEqual({ ...full, problems: [{ name: "a:1", kind: "image", ...full }] });
    expect(JSON.parse(JSON.stringify(json))).toStrictEqual(json);
    expect(problemToJson({ code: "TLS", problem: "p" })).toStrictEqual({ code: "TLS", problem: "p" });
});
