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
