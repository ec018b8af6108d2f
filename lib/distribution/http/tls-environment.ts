import { PassthroughError } from "../../errors/errors";

/** What starts this process: `process`, in part. */
export interface ProcessStart {
    readonly env: NodeJS.ProcessEnv;
    readonly execArgv: readonly string[];
}

/**
 * Called before the first connection of a command, of the program and of a provider's operation. Our own connections
 * verify certificates whatever the environment says (tls.ts); who sets NODE_TLS_REJECT_UNAUTHORIZED expects something else
 * and needs to know. What would write secrets where nobody expects them is rejected too. The whole table:
 * docs/security.md, "The environment".
 * @throws PassthroughError `TLS` if the environment switches TLS verification off, or logs the keys of TLS connections;
 * `ENVIRONMENT_UNSAFE` if it makes Node.js print what it sends and starts
 */
export function requireSafeEnvironment({ env, execArgv }: ProcessStart = process): void {
    // Node.js disables verification for the value "0" only; other values have no effect and are accepted.
    if (env.NODE_TLS_REJECT_UNAUTHORIZED === "0") {
        throw new PassthroughError("NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment switches TLS verification off", {
            code: "TLS",
            fix: "unset it, and give the registry's CA as a PEM file in site.registry.ca",
        });
    }
    // Node.js reads "_" as "-" in the names of its options.
    if (/--tls[-_]keylog/.test([env.NODE_OPTIONS ?? "", ...execArgv].join(" "))) {
        throw new PassthroughError("--tls-keylog writes the keys of TLS connections, and so every secret, to a file", {
            code: "TLS",
            fix: "remove it from NODE_OPTIONS; to see requests, set REGISTRY_PASSTHROUGH_DEBUG",
        });
    }
    if ((env.NODE_DEBUG ?? "") !== "") {
        throw new PassthroughError("NODE_DEBUG prints signed URLs and the environment of started processes", {
            code: "ENVIRONMENT_UNSAFE",
            fix: "unset it; to see requests, set REGISTRY_PASSTHROUGH_DEBUG",
        });
    }
}
