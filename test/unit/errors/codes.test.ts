import { ERROR_CODES, responseCode, statusCode } from "../../../lib/errors/codes";

const all = Object.values(ERROR_CODES).flat();

test("each code is in one group, and the groups are sorted", () => {
    expect(new Set(all).size).toBe(all.length);
    for (const codes of Object.values(ERROR_CODES)) expect([...codes]).toEqual([...codes].sort());
});

test.each([
    [400, "INVALID_REQUEST"],
    [401, "UNAUTHORIZED"],
    [403, "DENIED"],
    [404, "NOT_FOUND"],
    [412, "PRECONDITION_FAILED"],
    [416, "RANGE_INVALID"],
    [429, "TOOMANYREQUESTS"],
    [418, "UNEXPECTED_RESPONSE"],
    [200, "UNEXPECTED_RESPONSE"],
    [500, "SERVER_ERROR"],
    [503, "SERVER_ERROR"],
])("status %d is %s", (status, code) => expect(statusCode(status)).toBe(code));

test.each([
    [404, "MANIFEST_UNKNOWN", { code: "MANIFEST_UNKNOWN" }],
    [500, "UNKNOWN", { code: "SERVER_ERROR", registryCode: "UNKNOWN" }],
    [403, "FORBIDDEN", { code: "DENIED", registryCode: "FORBIDDEN" }],
    // A code of ours in a response proves nothing.
    [400, "ARCHIVE_CORRUPT", { code: "INVALID_REQUEST", registryCode: "ARCHIVE_CORRUPT" }],
    [500, "DISK_FULL", { code: "SERVER_ERROR", registryCode: "DISK_FULL" }],
    [400, "SIZE_INVALID", { code: "SIZE_INVALID" }],
    [404, "NOT_FOUND", { code: "NOT_FOUND" }],
    [404, undefined, { code: "NOT_FOUND" }],
] as const)("status %d with %s", (status, given, expected) => expect(responseCode(status, given)).toEqual(expected));
