import { randomBytes } from "node:crypto";
import { PassthroughError } from "../../lib/errors/errors";
import { type Reference, parseSourceKey, repositoryName } from "../../lib/oci/reference";
import { findRule, parseRegistriesConf } from "../../lib/openshift";
import { registryAdmin } from "../../lib/registries";
import { type SelftestStep, selftest } from "../../lib/passthrough";
import { type Command, EXIT_FAILED, EXIT_OK } from "../command";
import { findAccount } from "../accounts/credentials";
import { interruptible } from "../terminal/interruption";
import { parseOptions, stackOf } from "../terminal/options";
import { print, printDiagnostic, withoutSecrets } from "../terminal/output";
import { siteOutputs } from "../stack/pulumi-stack";
import { accountSources } from "../accounts/site-account";
import { siteClient, withSiteRegistry } from "../accounts/site-registry";
import { readStackSite } from "../stack/stack-file";

const HELP = `usage: npm run -s passthrough -- selftest [--stack STACK] [--json] [--authfile FILE] [--pull-authfile FILE]

Sends a tiny image on the whole way of an image, and removes it again: pushed with the account that pushes, to
<mirrorBase>/<a host with rules>/registry-passthrough/selftest; found through the stack's own mirror rules by digest and by
tag with the account that pulls; read to the last byte; deleted, where the registry lets the account delete. Where the
account that pushes makes no repositories (Quay), it goes beside the first image of the stack, under a tag of its own.

  --stack STACK     the stack, after its first \`npm run up\` (default: $PULUMI_STACK, else dev)
  --config-file FILE
                    its configuration, if it is in another file
  --json            one JSON object a step instead of text
  --authfile FILE   docker-style file with the account that pushes
  --pull-authfile FILE
                    and with the account that pulls; without them both come from the stack's own secret outputs, or
                    from elsewhere: docs/command-line.md

Exit codes: 0 every step done, 1 a step failed, 2 wrong usage, 130 interrupted.`;

const OPTIONS = {
    stack: { type: "string" },
    "config-file": { type: "string" },
    json: { type: "boolean" },
    authfile: { type: "string" },
    "pull-authfile": { type: "string" },
} as const;

export const selftestCommand: Command = {
    name: "selftest",
    summary: "push a canary, follow the rules to it, remove it",
    help: HELP,
    run,
};

async function run(args: readonly string[]): Promise<number> {
    const { "config-file": file, json = false, ...named } = parseOptions(args, OPTIONS, HELP);
    const stack = stackOf(named.stack);
    const site = readStackSite({ stack, file });
    const outputs = await siteOutputs(stack, site.registry.mirrorBase);
    const { registriesConf } = outputs;
    if (typeof registriesConf !== "string") {
        throw new PassthroughError(`stack ${stack} has no output registriesConf`, {
            code: "STACK_OUTPUTS",
            fix: "run `npm run up` for this stack first",
        });
    }
    const { repositoriesFirst } = registryAdmin(site.registry.type).capabilities;
    const sourcesOf = (authfile: string | undefined) => accountSources({ stack, file }, site, authfile, outputs);
    const importer = await findAccount("importer", sourcesOf(named.authfile));
    const puller = await findAccount("puller", sourcesOf(named["pull-authfile"]));
    printDiagnostic(`pushing as ${importer.credentials.username}, from ${importer.from}`);
    printDiagnostic(`pulling as ${puller.credentials.username}, from ${puller.from}`);
    const isFine = await interruptible((signal) =>
        withSiteRegistry(site, importer, signal, (pushing, base) =>
            withSiteRegistry(site, puller, signal, async (pulling) => {
                // The canary is taken away also after Ctrl-C.
                const [patient, hasty] = [
                    siteClient(site, importer, UNENDED),
                    siteClient(site, importer, UNENDED, 0),
                ] as const;
                const result = await selftest({
                    ...{ pushing, pulling, base, registriesConf },
                    into: repositoriesFirst ? mirroredRepository(outputs.images, registriesConf) : undefined,
                    removing: (isAnswering) => (isAnswering ? patient : hasty),
                    name: randomBytes(8).toString("hex"),
                    onStep: (step) => print(json ? JSON.stringify(shown(step)) : lineOf(step)),
                }).finally(() => Promise.all([patient.close(), hasty.close()]));
                signal.throwIfAborted();
                return result;
            }),
        ),
    );
    return isFine ? EXIT_OK : EXIT_FAILED;
}

/** A repository of the stack's that is found by digest: of an image that has upstream's, and whose host has a rule. */
function mirroredRepository(images: unknown, registriesConf: string): Repository | undefined {
    const conf = parseRegistriesConf(registriesConf, "the stack's output registriesConf");
    const known = Object.entries((images ?? {}) as Record<string, { readonly mark?: string }>);
    return known
        .filter(([, { mark }]) => mark === undefined)
        .map(([source]) => parseSourceKey(source))
        .find((source) => findRule(conf, repositoryName(source)) !== undefined);
}

type Repository = Pick<Reference, "registry" | "repository">;

const UNENDED = new AbortController().signal;

function shown(step: SelftestStep): SelftestStep {
    return { ...step, detail: withoutSecrets(step.detail) };
}

const WORDS = { done: "ok", note: "note", failed: "FAILED" } as const;

function lineOf({ step, outcome, detail }: SelftestStep): string {
    return `${step.padEnd(14)} ${WORDS[outcome].padEnd(6)} ${withoutSecrets(detail)}`;
}
