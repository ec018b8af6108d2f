import { readFileSync } from "node:fs";
import { testAuthority } from "../certificates";
import { RegistryProcess } from "../registry-process";
import { ACCOUNT } from "../site";
import { startCrane } from "./crane";
import { startGitea } from "./gitea";
import { startOlareg } from "./olareg";
import type { RegistryTarget } from "./target";

/**
 * What the tests run against. `REGISTRY_UNDER_TEST="https://registry.example/path user password"` adds a running registry,
 * whose CA is a file that `REGISTRY_UNDER_TEST_CA` names.
 */
export const TARGETS: readonly (readonly [string, () => Promise<RegistryTarget>])[] = [
    ["distribution", startDistribution],
    ["crane registry serve", startCrane],
    ["olareg with Basic authentication", () => startOlareg("basic")],
    ["olareg with tokens", () => startOlareg("token")],
    ["Gitea", startGitea],
    ...runningRegistry(process.env),
];

async function startDistribution(): Promise<RegistryTarget> {
    const authority = await testAuthority();
    const registry = await RegistryProcess.start({ tls: await authority.issue(), account: ACCOUNT });
    const { host } = registry;
    const stop = () => registry.stop();
    return { endpoint: { host, ca: authority.ca }, account: ACCOUNT, mirrorBase: `${host}/mirror`, stop };
}

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
