import { responseError } from "../../../lib/distribution/client/response-errors";
import type { HttpResponse } from "../../../lib/distribution/http/transport";

test("a registry's many words are cut between two of them: no part of a password is left that nobody finds", () => {
    const told = (message: string) => {
        const context = { registry: "registry.example:8443", operation: "GET it" };
        const response = { context, status: 400, headers: {} } as unknown as HttpResponse;
        return responseError(response, JSON.stringify({ errors: [{ code: "DENIED", message }] })).message;
    };
    const words = "x ".repeat(248);
    expect(told(`${words}R3ad0nly-mirror is wrong`)).toMatch(/ x…/);
    expect(told(`${words}R3ad0nly-mirror is wrong`)).not.toContain("R3");
    expect(told("R3ad0nly".repeat(100))).not.toContain("R3");
});

test.each([
    [401, "UNAUTHORIZED", "the registry rejected the account pusher: no such user"],
    [403, "DENIED", "the registry denied this to the account pusher: no such user"],
])("a rejected account (%d) is named with the host", (status, code, problem) => {
    const context = { registry: "registry.example:8443", operation: "PUT mirror/a/manifests/1", account: "pusher" };
    const response = { context, status, headers: {} } as unknown as HttpResponse;
    const error = responseError(response, JSON.stringify({ errors: [{ code, message: "no such user" }] }));
    expect(error).toMatchObject({ code, status, problem, place: { registry: "registry.example:8443" } });
    expect(error.message).toContain(
        `${code} (${status}) at registry.example:8443: PUT mirror/a/manifests/1: ${problem};`,
    );
});
