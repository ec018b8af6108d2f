import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { ignoredProxyNote } from "../../lib/distribution/http/proxy-settings";
import type { ProblemJson } from "../../lib/errors/format";
import { DEFAULT_RETRY } from "../../lib/distribution/limits/retry";
import { imageTask } from "../../lib/import";
import type { MirrorBase } from "../../lib/mirror/mirror-reference";
import { type DoctorResult, runDoctor } from "../../lib/passthrough";
import { expiryNotes, registryAdmin } from "../../lib/registries";
import { type Site, registryEndpoint, registryEndpoints, roleHost } from "../../lib/site";
import { findAccount } from "../accounts/credentials";
import { readConnectedSite } from "../accounts/connected-site";
import { accountSources } from "../accounts/site-account";
import { siteClient } from "../accounts/site-registry";
import { EXIT_OK } from "../exit-codes";
import { reportedExitCode } from "../failure-exit-code";
import { selectedStack } from "../stack/selected-stack";
import { siteRepositories } from "./site-repositories";
import { interruptible } from "../terminal/interruption";
import { hideSecretsInJson, print, printDiagnostic, withoutSecrets } from "../terminal/output";

export interface DoctorOptions {
    readonly stack?: string;
    readonly configFile?: string;
    /** Below the mirror base. */
    readonly repository?: string;
    /** Bytes. */
    readonly size?: number;
    readonly json?: boolean;
    readonly authfile?: string;
}

/** More than nginx accepts unless it is configured, and soon sent. */
const DEFAULT_SIZE = 16_000_000;

/** Checks the registry of a stack, and what stands in front of it. */
export async function runDoctorCommand({ configFile: file, json = false, ...options }: DoctorOptions): Promise<number> {
    const stack = selectedStack(options.stack);
    const site = await readConnectedSite({ stack, file });
    const account = await findAccount("importer", accountSources({ stack, file }, site, options.authfile));
    const { username } = account.credentials;
    const host = roleHost(site.registry, "importer");
    printDiagnostic(`checking ${host} as ${username}, from ${account.from}`);
    const note = site.registry.proxy === undefined ? ignoredProxyNote(host) : undefined;
    if (note !== undefined) printDiagnostic(`note: ${note}`);
    if (site.registry.proxy !== undefined)
        printDiagnostic(`through the proxy of site.registry.proxy: ${site.registry.proxy}`);
    const addresses = registryEndpoints(site.registry);
    const failed: (ProblemJson | undefined)[] = [];
    const isFine = await interruptible(async (signal) => {
        const client = siteClient(site, account, signal, 0);
        // The test blobs are deleted also after Ctrl-C.
        const removing = siteClient(site, account, NEVER_ABORTED, 0);
        const anonymous = new RegistryClient({
            endpoint: registryEndpoint(site.registry, "importer"),
            retry: { ...DEFAULT_RETRY, seconds: 0 },
            signal,
        });
        const result = await runDoctor({
            ...{ anonymous, client, removing, username },
            repository: testRepository(site, options.repository),
            repositories: siteRepositories(site),
            size: options.size ?? DEFAULT_SIZE,
            certificateNotes: async () => (await Promise.all(addresses.map((one) => expiryNotes(one)))).flat(),
            onResult: (one) => {
                if (one.outcome === "failed") failed.push(one.error);
                print(json ? JSON.stringify(one, hideSecretsInJson) : formatResult(one));
            },
        }).finally(() => Promise.all([client.close(), removing.close(), anonymous.close()]));
        signal.throwIfAborted();
        return result;
    });
    return isFine ? EXIT_OK : reportedExitCode(failed);
}

const NEVER_ABORTED = new AbortController().signal;

const REPOSITORY = "registry-passthrough/doctor";

function testRepository({ registry, content }: Site, chosen: string | undefined): string {
    if (chosen !== undefined) return below(registry.mirror, chosen);
    const { repositoriesFirst } = registryAdmin(registry.type).capabilities;
    const [first] = content.flatMap(({ images }) => Object.entries(images));
    if (!repositoriesFirst || first === undefined) return below(registry.mirror, REPOSITORY);
    return imageTask(registry.mirror, ...first).repository;
}

function below({ prefix }: MirrorBase, path: string): string {
    return prefix === "" ? path : `${prefix}/${path}`;
}

const WORDS = { ok: "ok", note: "note", failed: "FAILED" } as const;

function formatResult({ check, outcome, detail }: DoctorResult): string {
    return `${check.padEnd(14)} ${WORDS[outcome].padEnd(6)} ${withoutSecrets(detail)}`;
}
