import { readFileSync } from "node:fs";
import type { Credentials } from "../../../lib/distribution/auth/credentials";
import type { RegistryEndpoint } from "../../../lib/distribution/http/transport";
import { startCrane } from "./crane";
import { startOlareg } from "./olareg";

/** A registry that is not distribution's, as a test of this program sees it. */
export interface RegistryTarget {
    readonly endpoint: RegistryEndpoint;
    /** May push, pull and delete. */
    readonly account: Credentials;
    /** Where the test may put images: `host/path`. */
    readonly mirrorBase: string;
    stop(): Promise<void>;
}

/**
 * What the tests run against. `REGISTRY_UNDER_TEST="https://registry.example/path user password"` adds a running registry,
 * whose CA is a file that `REGISTRY_UNDER_TEST_CA` names.
 */
export const TARGETS: readonly (readonly [string, () => Promise<RegistryTarget>])[] = [
    ["crane registry serve", startCrane],
    ["olareg with Basic authentication", () => startOlareg("basic")],
    ["olareg with tokens", () => startOlareg("token")],
    ...runningRegistry(process.env),
];

function runningRegistry(env: NodeJS.ProcessEnv): [string, () => Promise<RegistryTarget>][] {
    const [url = "", username = "", password = ""] = (env.REGISTRY_UNDER_TEST ?? "").split(" ");
    if (url === "") return [];
    const { host, pathname } = new URL(url);
    const caFile = env.REGISTRY_UNDER_TEST_CA;
    const target: RegistryTarget = {
        endpoint: { host, ...(caFile === undefined ? {} : { ca: readFileSync(caFile, "utf8") }) },
        account: { username, password },
        mirrorBase: `${host}${pathname.replace(/\/$/, "")}`,
        stop: () => Promise.resolve(),
    };
    return [[host, () => Promise.resolve(target)]];
}
