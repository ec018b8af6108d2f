import { isIP } from "node:net";
import { z } from "zod";
import { PassthroughError } from "../errors/errors";
import { certificateBlocks } from "../http/certificates";
import type { AcmeAccount } from "./account";
import { AcmeClient, type AcmeProblem, type AcmeResponse, type AcmeServer, parseJson, refused } from "./acme-client";
import { type ChallengeType, type Solver, challengeAnswer, runChallengeCommand } from "./challenge";
import type { Signer } from "./jws";

/** What is ordered, and how. */
export interface CertificateOrder {
    /** Host names and IP addresses (without brackets); at least one. */
    readonly hosts: readonly string[];
    /** DER of a PKCS #10 request for these hosts. */
    readonly request: Buffer;
    readonly solver: Solver;
    /** Whether a chain (PEM) is one that clusters trust; of several that the server has, the first such one is taken. */
    readonly isTrusted: (chain: string) => boolean;
}

/** Time as `lib/openshift` has it. */
interface Clock {
    now(): number;
    sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export interface OrderOptions {
    readonly clock: Clock;
    readonly signal: AbortSignal;
    /** Gets what is waited for. */
    readonly onProgress: (text: string) => void;
}

const SECOND = 1000;
/** Until the server has looked at an answer, or signed. */
const WAIT_MS = 10 * 60 * SECOND;
/** Between two questions, unless the server says how long (RFC 8555 §7.5.1). */
const POLL_SECONDS = 2;
/** Between two questions, whatever the server asks for. */
const MOST_SECONDS = 60;
/** For which a challenge may be taken away again, also by a run that is interrupted. */
const CLEANUP_MS = 60_000;

const problem = z.looseObject({ type: z.string().optional(), detail: z.string().optional() });
const order = z.looseObject({
    status: z.string(),
    authorizations: z.array(z.url()),
    finalize: z.url(),
    certificate: z.url().optional(),
    error: problem.optional(),
});
const authorization = z.looseObject({
    status: z.string(),
    identifier: z.looseObject({ value: z.string() }),
    challenges: z.array(
        z.looseObject({ type: z.string(), url: z.url(), token: z.string().optional(), error: problem.optional() }),
    ),
});
type Order = z.infer<typeof order>;
type Authorization = z.infer<typeof authorization>;

/**
 * Has a certificate issued (RFC 8555 §7.4).
 * @returns PEM of the certificate first, then its issuers
 * @throws PassthroughError `ACME_REFUSED`, `ACME_UNREACHABLE`, `ACME_COMMAND_FAILED`; the signal's reason
 */
export async function orderCertificate(
    server: AcmeServer,
    account: AcmeAccount,
    wanted: CertificateOrder,
    options: OrderOptions,
): Promise<string> {
    const client = await AcmeClient.open(server, options.signal);
    return new RunningOrder(client, server, account, wanted, options).issue();
}

class RunningOrder {
    private readonly signer: Signer;

    constructor(
        private readonly client: AcmeClient,
        private readonly server: AcmeServer,
        private readonly account: AcmeAccount,
        private readonly wanted: CertificateOrder,
        private readonly options: OrderOptions,
    ) {
        this.signer = { key: account.key, account: account.url };
    }

    async issue(): Promise<string> {
        // RFC 8738: addresses are identifiers of a type of their own.
        const identifiers = this.wanted.hosts.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value }));
        const created = await this.client.post(this.signer, this.client.urls.newOrder, { identifiers });
        const { authorizations, finalize } = this.read(order, created);
        for (const url of authorizations) await this.authorize(url);
        const ready = await this.wait(order, created.location, "the order", ({ status }) => status !== "pending");
        this.requireValid(ready, "ready", ready.error);
        await this.client.post(this.signer, finalize, { csr: this.wanted.request.toString("base64url") });
        const issued = await this.wait(order, created.location, "the certificate", isDone);
        this.requireValid(issued, "valid", issued.error);
        return this.download(issued);
    }

    private async authorize(url: string): Promise<void> {
        const found = this.read(authorization, await this.client.post(this.signer, url));
        if (found.status === "valid") return;
        const { type, command } = this.wanted.solver;
        const domain = found.identifier.value;
        const { url: challenge, token } = this.offered(found, type);
        if (command === undefined) throw this.unanswered(domain);
        const { signal, onProgress } = this.options;
        const answer = challengeAnswer(type, domain, token, this.account.key);
        try {
            onProgress(`the command puts the answer to ${type} in its place: ${answer.place}`);
            await runChallengeCommand(command, "present", answer, signal);
            await this.client.post(this.signer, challenge, {});
            const looked = await this.wait(
                authorization,
                url,
                `${type} of ${domain}`,
                ({ status }) => status !== "pending",
            );
            this.requireValid(looked, "valid", looked.challenges.find((one) => one.type === type)?.error);
        } finally {
            // What stays in its place answers no other challenge, and hides no error.
            const ending = AbortSignal.timeout(CLEANUP_MS);
            await runChallengeCommand(command, "cleanup", answer, ending).catch(() => undefined);
        }
    }

    private offered({ challenges, identifier }: Authorization, type: ChallengeType): { url: string; token: string } {
        const found = challenges.find((one) => one.type === type);
        if (found?.token !== undefined) return { url: found.url, token: found.token };
        const types = challenges.map((one) => one.type).join(", ");
        throw new PassthroughError(
            `the ACME server does not offer ${type} for ${identifier.value}, but: ${types || "nothing"}`,
            {
                ...{ code: "ACME_REFUSED", thing: this.server.directory },
                fix: "write one of these as site.registry.certificate.acme.challenge, or have the server offer another one",
            },
        );
    }

    private unanswered(domain: string): PassthroughError {
        return new PassthroughError(`the ACME server wants ${this.wanted.solver.type} to be answered for ${domain}`, {
            ...{ code: "ACME_REFUSED", thing: this.server.directory },
            fix: "name a program that answers it in site.registry.certificate.acme.command, or have the server authorize the account without",
        });
    }

    private async download({ certificate = "" }: Order): Promise<string> {
        const first = await this.client.post(this.signer, certificate);
        const chains = [pemChain(first.text)];
        for (const url of first.alternates) {
            if (chains.some((chain) => this.wanted.isTrusted(chain))) break;
            chains.push(pemChain((await this.client.post(this.signer, url)).text));
        }
        return chains.find((chain) => this.wanted.isTrusted(chain)) ?? chains[0] ?? "";
    }

    private async wait<T>(schema: z.ZodType<T>, url: string, what: string, isOver: (state: T) => boolean): Promise<T> {
        const { clock, signal, onProgress } = this.options;
        const end = clock.now() + WAIT_MS;
        for (;;) {
            const response = await this.client.post(this.signer, url);
            const state = this.read(schema, response);
            if (isOver(state)) return state;
            if (clock.now() >= end)
                throw refused(this.server, { detail: `after 10 minutes it still works on ${what}` });
            onProgress(`waiting for the ACME server: ${what}`);
            const seconds = Math.min(Math.max(response.retryAfter ?? POLL_SECONDS, 1), MOST_SECONDS);
            await clock.sleep(seconds * SECOND, signal);
        }
    }

    private read<T>(schema: z.ZodType<T>, { text }: AcmeResponse): T {
        const parsed = schema.safeParse(parseJson(text));
        if (parsed.success) return parsed.data;
        throw refused(this.server, { detail: "its answer is not as RFC 8555 has it" });
    }

    private requireValid(state: { readonly status: string }, wanted: string, error: AcmeProblem | undefined): void {
        if (state.status === wanted || state.status === "valid") return;
        throw refused(this.server, error ?? { detail: `it says ${state.status}` });
    }
}

function isDone({ status }: Order): boolean {
    return status === "valid" || status === "invalid";
}

function pemChain(text: string): string {
    return certificateBlocks(text)
        .map((block) => `${block}\n`)
        .join("");
}
