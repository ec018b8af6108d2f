import { X509Certificate } from "node:crypto";
import { orderCertificate } from "../../lib/acme/order";
import { createCertificateRequest } from "../../lib/certificates/request";
import { dayOf, endsSoon, renewalTime, rfc3339 } from "../../lib/certificates/renewal";
import { PassthroughError, errorMessage } from "../../lib/errors/errors";
import { certificateBlocks, isIssuedBy } from "../../lib/http/certificates";
import { showProgress } from "../cluster/show-wait";
import { changedInputs, storedInputs } from "../lifecycle/resource-kind";
import { hasUnknown } from "../lifecycle/unknown-value";
import type { RegistryContext, RegistryProvider } from "../registry/registry-process";
import {
    type AcmeCertificateInputs as Inputs,
    type AcmeCertificateOutputs as Outputs,
    acmeCertificateKind as kind,
} from "./kind";

/**
 * A certificate that an ACME server issues, made again for other hosts or by another server, and after two thirds of its
 * life, which the server decides on.
 */
export const acmeCertificateProvider: RegistryProvider<Inputs, Outputs> = {
    ...kind,

    normalizeInputs: ({ notBefore, notAfter }, news, { process }) => ({
        ...news,
        today: dayOf(process.clock.now()),
        ...(notBefore === undefined || notAfter === undefined ? {} : { notBefore, notAfter }),
    }),

    describesUnknown: true,

    describeChanges: async (olds, news, { log, process }) => {
        const text = announcement(olds, news, process.clock.now());
        if (text !== undefined) log.line("info", text);
    },

    compare: (olds, news) => ({ changes: renewalReason(olds, news) !== undefined || hasOtherWay(olds, news) }),

    create: async (inputs, context) => ({ id: inputs.hosts.join(","), outs: await issue(inputs, context) }),

    update: async (olds, news, context) => {
        const reason = renewalReason(olds, news);
        if (reason === undefined) return { ...news, ...lifeOf(olds), chain: olds.chain, key: olds.key };
        try {
            return await issue(news, context);
        } catch (error) {
            context.signal.throwIfAborted();
            if (reason.isUrgent || Date.parse(olds.notAfter) <= context.process.clock.now()) throw error;
            context.log.line(
                "warning",
                `the certificate for ${olds.hosts.join(", ")} is due for replacement, and stays for now: it is valid until ` +
                    `${dayOf(olds.notAfter)}, and the next \`up\` tries again: ${errorMessage(error)}`,
            );
            return olds;
        }
    },

    read: async (olds, { log, process }) => {
        if (endsSoon(Date.parse(olds.notAfter), process.clock.now()) && dueTime(olds) <= process.clock.now()) {
            const text = `the certificate for ${olds.hosts.join(", ")} expires on ${dayOf(olds.notAfter)}; \`npm run up\` replaces it`;
            log.line("warning", text);
        }
        return { outs: olds, inputs: storedInputs<Inputs>(kind, olds) };
    },

    remove: async () => undefined,
};

/** Days that are no limit: the server decides how long its certificates live. */
const ANY_LIFE = 100 * 365;

function dueTime({ notBefore, notAfter }: Lifetime): number {
    return renewalTime({ notBefore, notAfter }, ANY_LIFE);
}

type Lifetime = Pick<Outputs, "notBefore" | "notAfter">;

function lifeOf({ notBefore, notAfter }: Lifetime): Lifetime {
    return { notBefore, notAfter };
}

interface Reason {
    readonly text: string;
    /** The present certificate does not do. */
    readonly isUrgent: boolean;
}

/** Why there is to be another certificate than that of state; undefined: the present one stays. */
function renewalReason(olds: Partial<Inputs> & { readonly chain?: string }, news: Inputs): Reason | undefined {
    if (changedInputs(olds, news, ["hosts"]).length > 0)
        return { text: `it is for ${news.hosts.join(", ")} now`, isUrgent: true };
    if (changedInputs(olds, news, ["directory"]).length > 0) return { text: "another server issues", isUrgent: true };
    const { notBefore, notAfter, chain } = olds;
    if (chain !== undefined && news.trusted !== undefined && !isIssuedBy(chain, news.trusted))
        return { text: "no CA in site.registry.ca has issued the present one", isUrgent: true };
    if (notBefore === undefined || notAfter === undefined || news.today === undefined) return undefined;
    if (dayOf(dueTime({ notBefore, notAfter })) > news.today) return undefined;
    return { text: `two thirds of its life are over (it expires on ${dayOf(notAfter)})`, isUrgent: false };
}

/** What is only used for the next one. */
function hasOtherWay(olds: Outputs, news: Inputs): boolean {
    return changedInputs(olds, news, ["account", "accountKey", "ca", "challenge", "command", "trusted"]).length > 0;
}

const WHERE = "it is in the outputs registryCertificate and registryCertificateKey";

/** For a preview: what is issued and why, or when it will be. */
function announcement(
    olds: Partial<Inputs> & { readonly chain?: string },
    news: Inputs,
    now: number,
): string | undefined {
    if (hasUnknown(news.hosts)) return undefined;
    const name = `the certificate for ${news.hosts.join(", ")}`;
    if (olds.hosts === undefined) return `${name} is ordered from ${news.directory}; ${WHERE}`;
    const reason = renewalReason(olds, news);
    if (reason !== undefined) return `${name} is ordered from ${news.directory} again: ${reason.text}; ${WHERE}`;
    const { notBefore, notAfter } = news;
    if (notBefore === undefined || notAfter === undefined) return undefined;
    const due = dueTime({ notBefore, notAfter });
    return endsSoon(due, now)
        ? `${name}: the first \`up\` from ${dayOf(due)} on replaces it (valid until ${dayOf(notAfter)})`
        : undefined;
}

async function issue(inputs: Inputs, context: RegistryContext): Promise<Outputs> {
    const { hosts, directory, ca, account, accountKey, challenge, command, trusted } = inputs;
    const { request, key } = await createCertificateRequest(hosts);
    const isTrusted = (chain: string) => trusted === undefined || isIssuedBy(chain, trusted);
    const chain = await showProgress(context, (wait) =>
        orderCertificate(
            { directory, ca },
            { url: account, key: accountKey },
            { hosts, request, solver: { type: challenge, command }, isTrusted },
            wait,
        ),
    );
    const [block = ""] = certificateBlocks(chain);
    if (block === "" || !isTrusted(chain)) throw untrusted(directory, block);
    const { validFrom, validTo } = new X509Certificate(block);
    const life = { notBefore: rfc3339(Date.parse(validFrom)), notAfter: rfc3339(Date.parse(validTo)) };
    return { ...inputs, ...life, chain, key };
}

function untrusted(directory: string, block: string): PassthroughError {
    const issuer = block === "" ? "nobody" : new X509Certificate(block).issuer.replaceAll("\n", ", ");
    return new PassthroughError(
        `it was issued by ${issuer}, and by no CA in site.registry.ca: clusters would not trust it`,
        {
            ...{ code: "ACME_REFUSED", thing: directory },
            fix: "name the root CA of the ACME server in site.registry.ca, beside the CA of the present certificate",
        },
    );
}
