import { RegistryClient, requestsFor } from "../../lib/distribution/client/registry-client";
import { DEFAULT_RETRY } from "../../lib/distribution/limits/retry";
import type { ErrorCode } from "../../lib/errors/codes";
import { RegistryError } from "../../lib/errors/errors";
import type { Credentials } from "../../lib/http/credentials";
import { type DoctorResult, runDoctor } from "../../lib/passthrough/doctor/doctor";
import { registryEndpoint } from "../../lib/site";
import type { RegistryContext } from "../registry/registry-process";
import type { StoredConnection } from "../registry/stack-settings";

/** As `passthrough doctor` has it: more than a router with a limit lets through. */
const LARGE_BLOB = 16_000_000;
const REPOSITORY = "registry-passthrough/doctor";

/** Who sends test blobs, and where to. */
export interface TestUploads {
    readonly credentials: Credentials;
    /** Default: one below the mirror base that no image has. */
    readonly repository?: string;
}

/**
 * The checks of `passthrough doctor` with an account that may push: what stands in front of the registry lets uploads
 * through, and what was sent can be read back. Its test blobs are deleted. What is odd is logged.
 * @throws RegistryError with what was found, and its fix
 */
export async function requireHealthy(
    inputs: StoredConnection,
    { credentials, repository }: TestUploads,
    { process, signal, log }: RegistryContext,
): Promise<void> {
    const registry = process.settings.registry(inputs);
    const endpoint = registryEndpoint(registry, "importer");
    const common = { endpoint, requests: requestsFor(1), retry: { ...DEFAULT_RETRY, seconds: 0 } };
    const [anonymous, client] = [
        new RegistryClient({ ...common, signal }),
        new RegistryClient({ ...common, credentials, signal }),
    ];
    // Test blobs are removed after an interrupt, too.
    const removing = new RegistryClient({ ...common, credentials });
    const { prefix } = registry.mirror;
    const found: DoctorResult[] = [];
    await runDoctor({
        ...{ anonymous, client, removing, username: credentials.username, size: LARGE_BLOB },
        repository: repository ?? (prefix === "" ? REPOSITORY : `${prefix}/${REPOSITORY}`),
        onResult: (result) => void found.push(result),
    }).finally(() => Promise.all([anonymous, client, removing].map((one) => one.close())));
    signal.throwIfAborted();
    for (const { outcome, detail } of found) if (outcome === "note") log.line("warning", detail);
    const failure = found.find(({ outcome }) => outcome === "failed");
    if (failure === undefined) return;
    throw new RegistryError(`it is up, and no image can be pushed to it (${failure.check}): ${failure.detail}`, {
        ...{
            registry: endpoint.host,
            code: (failure.error?.["code"] as ErrorCode | undefined) ?? "REGISTRY_UNHEALTHY",
            status: failure.error?.["status"] as number | undefined,
        },
    });
}
