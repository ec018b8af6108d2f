import { RegistryError } from "../../errors/errors";
import { printable } from "../../errors/text";
import type { HttpResponse } from "../http/transport";
import type { RegistryCalls } from "./registry-calls";
import { rejectPage, responseError } from "./response-errors";

const GREETING = { method: "GET", url: "/v2/", operation: "GET /v2/", scopes: [] } as const;

const TOKEN_FIX =
    "the account is right: give all instances behind the load balancer the same token key (Harbor: core's private key; " +
    "distribution: auth.token.rootcertbundle), the same service name and clocks that agree";

/** The status of `GET /v2/`: 200, 401 or 404 (no registry). @throws RegistryError for every other */
export async function ping(calls: RegistryCalls): Promise<number> {
    return calls.run(GREETING, async (response) => {
        const text = await response.text();
        rejectPage(response, text);
        if (response.status === 401 && response.context.account !== undefined) rejectToken(calls, response);
        if (![200, 401, 404].includes(response.status)) throw responseError(response, text);
        return response.status;
    });
}

/** The error for a host that responds to `GET /v2/` with 404. */
export function noRegistryError(registry: string): RegistryError {
    return new RegistryError("there is no registry here", {
        registry,
        operation: GREETING.operation,
        code: "UNEXPECTED_RESPONSE",
        status: 404,
        fix: "check host and port of site.registry.mirrorBase, and what stands in front of the registry",
    });
}

/** @throws RegistryError `TOKENS_REJECTED` where not the account is rejected, but a token that was just given for it */
function rejectToken(calls: RegistryCalls, { context, status }: HttpResponse): void {
    const challenge = calls.session.lastChallenge;
    if (challenge?.scheme !== "bearer") return;
    const realm = printable(challenge.parameters.realm ?? "");
    const { account = "" } = context;
    throw new RegistryError(
        `the token service at ${realm} gives tokens for ${account}, and the registry rejects them`,
        {
            ...context,
            status,
            code: "TOKENS_REJECTED",
            fix: TOKEN_FIX,
        },
    );
}

/** Whether `GET /v2/` has Quay's X-Sparse-Manifest-Support: true. @throws RegistryError if the registry fails */
export async function announcesSparseIndexes(calls: RegistryCalls): Promise<boolean> {
    return calls.run(GREETING, async (response) => {
        // Quay announces it to anonymous clients, too.
        if (![200, 401].includes(response.status)) throw responseError(response, await response.text());
        await response.discard();
        return response.headers["x-sparse-manifest-support"] === "true";
    });
}
