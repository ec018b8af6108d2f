import { readErrorBody } from "../../../lib/distribution/client/error-body";

test.each([
    [
        "distribution",
        '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"Tag":"1"}}]}',
        { code: "MANIFEST_UNKNOWN", reason: "manifest unknown: Tag 1" },
    ],
    [
        "distribution with a reason in the detail",
        '{"errors":[{"code":"UNKNOWN","message":"unknown error","detail":"filesystem: read-only file system"}]}',
        { code: "UNKNOWN", reason: "unknown error: filesystem: read-only file system" },
    ],
    [
        "Quay, which has the reason of MANIFEST_INVALID in detail.message",
        '{"errors":[{"code":"MANIFEST_INVALID","detail":{"message":"failed schema validation"},"message":"manifest invalid"}]}',
        { code: "MANIFEST_INVALID", reason: "manifest invalid: failed schema validation" },
    ],
    [
        "Quay with the same text twice",
        '{"errors":[{"code":"UNAUTHORIZED","detail":{"message":"access denied"},"message":"access denied."}]}',
        { code: "UNAUTHORIZED", reason: "access denied" },
    ],
    [
        "distribution with the rights that are missing",
        '{"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":[{"Type":"repository","Class":"","Name":"mirror/app","Action":"push"}]}]}',
        { code: "UNAUTHORIZED", reason: "authentication required: Type repository, Name mirror/app, Action push" },
    ],
    [
        "a reason in the detail",
        '{"errors":[{"code":"DENIED","message":"denied","detail":{"reason":"the quota is used up","used":7}}]}',
        { code: "DENIED", reason: "denied: the quota is used up" },
    ],
    ["Artifactory, without a code", '{"errors":[{"status":404,"message":"Not Found"}]}', { reason: "Not Found" }],
    ["Quay's API", '{"detail":"Not here","error_message":"x","title":"not_found"}', { reason: "Not here" }],
    ["Quay's data model", '{"message":"Could not find robot"}', { reason: "Could not find robot" }],
    ["a proxy's page", "<html><body>Bad Gateway</body></html>", {}],
    ["other JSON", '[{"message":"no"}]', {}],
    ["a code that is no word", '{"errors":[{"code":"a b\\u001b[31m","message":"m"}]}', { reason: "m" }],
])("%s", (_, body, expected) => {
    expect(readErrorBody(body)).toEqual(expected);
});

test("the reason is one line without control characters, and without an Authorization header that it repeats", () => {
    const message = "bad \u001b[31m header\r\nAuthorization: Basic cHVzaGVyOnNlY3JldA==, Bearer abcdefghijkl.mn";
    const { reason } = readErrorBody(JSON.stringify({ message }));
    expect(reason).toBe("bad [31m header Authorization: Basic [secret], Bearer [secret]");
});

test("a long detail is cut, and of many values a few are shown", () => {
    const detail = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`key${i}`, "value ".repeat(60)]));
    const { reason = "" } = readErrorBody(JSON.stringify({ errors: [{ code: "DENIED", message: "denied", detail }] }));
    expect(reason.length).toBeLessThanOrEqual(501);
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`k${i}`, i]));
    expect(readErrorBody(JSON.stringify({ errors: [{ message: "m", detail: many }] })).reason).toBe(
        "m: k0 0, k1 1, k2 2, k3 3, k4 4, k5 5",
    );
});
