import { randomBytes } from "node:crypto";
import { PassthroughError } from "../../lib/errors/errors";
import type { ProblemJson } from "../../lib/errors/format";
import { type Reference, parseSourceKey, repositoryName } from "../../lib/oci/reference";
import { findRule, parseRegistriesConf } from "../../lib/openshift";
import { registryAdmin } from "../../lib/registries";
import { type SelftestStep, selftest } from "../../lib/passthrough";
import { EXIT_OK } from "../exit-codes";
import { reportedExitCode } from "../failure-exit-code";
import { findAccount } from "../accounts/credentials";
import { interruptible } from "../terminal/interruption";
import { hideSecretsInJson, print, printDiagnostic, withoutSecrets } from "../terminal/output";
import { siteOutputs } from "../stack/pulumi-stack";
import { selectedStack } from "../stack/selected-stack";
import { readConnectedSite } from "../accounts/connected-site";
import { accountSources } from "../accounts/site-account";
import { siteClient, withSiteRegistry } from "../accounts/site-registry";
import type { SiteCluster } from "../../lib/site";
import { stackName } from "../stack/stack-file";
import { selectCluster } from "./select-cluster";
import { provePods } from "./selftest-pods";

export interface SelftestOptions {
    readonly stack?: string;
    readonly configFile?: string;
    readonly json?: boolean;
    readonly authfile?: string;
    readonly pullAuthfile?: string;
    /** Whose rules, where the site has several. */
    readonly cluster?: string;
    /** Absent: no cluster is asked. */
    readonly kubeconfig?: string;
    readonly context?: string;
}

/**
 * Pushes a test image, pulls it through the stack's mirror rules and deletes it; with a kubeconfig, has nodes of the cluster
 * do the same.
 */
export async function runSelftest({ configFile: file, json = false, ...options }: SelftestOptions): Promise<number> {
    const stack = selectedStack(options.stack);
    const site = await readConnectedSite({ stack, file });
    const outputs = await siteOutputs(stack, site.registry.mirrorBase);
    const cluster = selectCluster(site.clusters, options.cluster);
    const registriesConf = rulesOf(stack, outputs, cluster);
    const { repositoriesFirst } = registryAdmin(site.registry.type).capabilities;
    const sources = (authfile: string | undefined) => accountSources({ stack, file }, site, authfile, { outputs });
    const importer = await findAccount("importer", sources(options.authfile));
    const puller = await findAccount("puller", sources(options.pullAuthfile));
    printDiagnostic(`pushing as ${importer.credentials.username}, from ${importer.from}`);
    printDiagnostic(`pulling as ${puller.credentials.username}, from ${puller.from}`);
    const failed: (ProblemJson | undefined)[] = [];
    const isSuccessful = await interruptible((signal) =>
        withSiteRegistry(site, importer, signal, (pushing, base) =>
            withSiteRegistry(site, puller, signal, async (pulling) => {
                // The test image is deleted also after Ctrl-C.
                const [retrying, once] = [
                    siteClient(site, importer, NEVER_ABORTED),
                    siteClient(site, importer, NEVER_ABORTED, 0),
                ] as const;
                const onStep = (step: SelftestStep) => {
                    if (step.outcome === "failed") failed.push(step.error);
                    print(json ? JSON.stringify(step, hideSecretsInJson) : formatStep(step));
                };
                const run = randomBytes(8).toString("hex");
                const result = await selftest({
                    ...{ pushing, pulling, base, registriesConf },
                    into: repositoriesFirst ? mirroredRepository(outputs.images, registriesConf) : undefined,
                    removing: (isAnswering) => (isAnswering ? retrying : once),
                    name: run,
                    onStep,
                }).finally(() => Promise.all([retrying.close(), once.close()]));
                signal.throwIfAborted();
                const { kubeconfig: kubeconfigFile, context } = options;
                // A cluster would only repeat what is wrong.
                if (!result || kubeconfigFile === undefined) return result;
                const pods = {
                    ...{ kubeconfigFile, context, cluster, registriesConf, run, signal },
                    stack: stackName({ stack }),
                    images: repositoriesFirst ? unmarkedSources(outputs.images) : undefined,
                    removing: () => siteClient(site, importer, NEVER_ABORTED),
                };
                return provePods(pushing, base, pods, onStep);
            }),
        ),
    );
    return isSuccessful ? EXIT_OK : reportedExitCode(failed);
}

/** @throws PassthroughError `STACK_OUTPUTS_UNAVAILABLE` if the stack has none for the cluster */
function rulesOf(stack: string, { registriesConf }: Record<string, unknown>, { name }: SiteCluster): string {
    const found =
        typeof registriesConf === "object" ? new Map(Object.entries(registriesConf ?? {})).get(name) : registriesConf;
    if (typeof found === "string") return found;
    throw new PassthroughError("it has no output registriesConf", {
        code: "STACK_OUTPUTS_UNAVAILABLE",
        thing: `stack ${stack}`,
        fix: "run `npm run up` for this stack first",
    });
}

/** The repository of an image of the stack that keeps its upstream digest and whose host has a mirror rule. */
function mirroredRepository(images: unknown, registriesConf: string): Repository | undefined {
    const conf = parseRegistriesConf(registriesConf, "the stack's output registriesConf");
    return unmarkedSources(images)
        .map((source) => parseSourceKey(source))
        .find((source) => findRule(conf, repositoryName(source)) !== undefined);
}

function unmarkedSources(images: unknown): string[] {
    const known = Object.entries((images ?? {}) as Record<string, { readonly mark?: string }>);
    return known.filter(([, { mark }]) => mark === undefined).map(([source]) => source);
}

type Repository = Pick<Reference, "registry" | "repository">;

const NEVER_ABORTED = new AbortController().signal;

const WORDS = { done: "ok", note: "note", failed: "FAILED" } as const;

function formatStep({ step, outcome, detail }: SelftestStep): string {
    return `${step.padEnd(14)} ${WORDS[outcome].padEnd(6)} ${withoutSecrets(detail)}`;
}
