import { PassthroughError } from "../../errors/errors";

/**
 * Called before the first connection of a command, of the program and of a provider's operation. Our own connections
 * verify certificates whatever the variable says (tls.ts); who sets it expects something else and needs to know.
 * Node.js disables verification for the value "0" only; other values have no effect and are accepted.
 * @throws PassthroughError `TLS` if the environment switches TLS verification off
 */
export function requireTlsVerification(env: NodeJS.ProcessEnv = process.env): void {
    if (env.NODE_TLS_REJECT_UNAUTHORIZED !== "0") return;
    throw new PassthroughError("NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment switches TLS verification off", {
        code: "TLS",
        fix: "unset it, and give the registry's CA as a PEM file in site.registry.ca",
    });
}
