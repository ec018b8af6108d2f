import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ERROR_CODES } from "../../../lib/errors/codes";
import { PassthroughError } from "../../../lib/errors/errors";
import { errorCodes, failureKind } from "../../../lib/errors/failure-kind";
import { logFailure, readFailureLog } from "../../../lib/errors/failure-log";

const all = Object.values(ERROR_CODES).flat();

test("only what may be over later is temporary", () => {
    expect(all.filter((code) => failureKind([code]) === "temporary").sort()).toEqual([
        "CLUSTER_CHANGED",
        "CLUSTER_CONFLICT",
        "CLUSTER_SERVER_ERROR",
        "CLUSTER_UNREACHABLE",
        "DATABASE_LOCKED",
        "HOST_CONNECTION_LOST",
        "HOST_UNREACHABLE",
        "IMAGES_UNREADABLE",
        "NETWORK",
        "REGISTRY_READ_ONLY",
        "REGISTRY_UNHEALTHY",
        "ROLLOUT_TIMEOUT",
        "SERVER_ERROR",
        "TIMEOUT",
        "TOOMANYREQUESTS",
    ]);
});

test.each([
    [["ARCHIVE_TRUNCATED", "LOCK_NOT_FOUND"], "content"],
    [["TLS"], "setup"],
    [["CONFIG_INVALID", "UNAUTHORIZED"], "setup"],
    // `adopt`, `allowRemoval` and `oldRules` of the configuration decide.
    [["CLUSTER_OBJECT_EXISTS", "TRUST_EXISTS", "CLUSTER_REMOVAL_REFUSED", "OLD_RULES_INVALID"], "setup"],
    [["OLD_RULES_IN_USE"], "other"],
    [["VALIDATION_FAILED"], "other"],
    [["DISK_FULL"], "other"],
    // Trying again later would not help with the other one.
    [["NETWORK", "ARCHIVE_TRUNCATED"], "other"],
    [["NETWORK", "NOT_TRIED", "TIMEOUT"], "temporary"],
    [["NOT_TRIED"], "other"],
    [["SOMETHING_NEW", "NETWORK"], "other"],
    [[], "other"],
])("%j is %s", (codes, kind) => expect(failureKind(codes)).toBe(kind));

test("of an error that sums up others, those count; what is no error of this program is a defect", () => {
    const named = (code: "NETWORK" | "SERVER_ERROR") => ({ name: code, problem: { code, problem: "?" } });
    const error = new PassthroughError("2 images cannot be read", {
        code: "VALIDATION_FAILED",
        problems: [named("NETWORK"), named("SERVER_ERROR")],
    });
    expect(errorCodes(error)).toEqual(["NETWORK", "SERVER_ERROR"]);
    expect(errorCodes(new PassthroughError("?", { code: "TLS" }))).toEqual(["TLS"]);
    expect(errorCodes(new Error("?"))).toEqual(["INTERNAL_ERROR"]);
});

describe("the log of failures", () => {
    let folder: string;
    beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "failures "))));
    afterEach(() => rmSync(folder, { recursive: true, force: true }));

    test("has each code once, is its owner's, and none is written where nobody asks", () => {
        const file = join(folder, "log");
        expect(readFailureLog(file)).toEqual([]);
        logFailure([], file);
        logFailure(["NETWORK"], "");
        logFailure(["NETWORK", "TLS"], file);
        logFailure(["NETWORK"], file);
        expect(readFileSync(file, "utf8")).toBe("NETWORK\nTLS\nNETWORK\n");
        expect(statSync(file).mode & 0o777).toBe(0o600);
        expect(readFailureLog(file)).toEqual(["NETWORK", "TLS"]);
    });

    test("that cannot be written hides no error", () => {
        expect(() => logFailure(["NETWORK"], join(folder, "no/log"))).not.toThrow();
    });
});
