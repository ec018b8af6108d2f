import { formatBytes } from "../../errors/text";
import { UPLOAD_URL_FIX } from "../../distribution/client/upload-url";
import type { RegistryClient } from "../../distribution/client/registry-client";
import { RegistryError, errorMessage, toProblem } from "../../errors/errors";
import { type ProblemJson, problemToJson } from "../../errors/format";

import { checkStoredBlob } from "./stored-blob-check";
import { type TestBlob, testBlob } from "./test-blob";
import { requireAccepted } from "./account-check";
import { findMissingRepositories, isMissingRepository, missingRepositoriesError } from "./missing-repositories";
import { checkUploadUrl } from "./upload-url-check";

export type DoctorCheckName = "greeting" | "account" | "upload URL" | "small upload" | "large upload" | "removal";

/** The result of one check: fine, odd but no obstacle, or failed. A check may have several notes. */
export interface DoctorResult {
    readonly check: DoctorCheckName;
    readonly outcome: "ok" | "note" | "failed";
    readonly detail: string;
    /** Of a failure, and of a note that somebody can do something about, for machines. */
    readonly error?: ProblemJson;
}

export interface DoctorRequest {
    /** Without an account. Neither client repeats a request: what fails once in a while is a finding. */
    readonly anonymous: RegistryClient;
    /** With the account that pushes. */
    readonly client: RegistryClient;
    /** The same, not ended by what interrupts the checks: test blobs are removed nevertheless. */
    readonly removing: RegistryClient;
    readonly username: string;
    /** Repository for the test blobs: `mirror/registry-passthrough/doctor`. */
    readonly repository: string;
    /** Those that an import needs: where the registry creates none, the missing ones are named. */
    readonly repositories?: readonly string[];
    /** Bytes of the large test blob. */
    readonly size: number;
    /** What is to say about the certificate that the registry shows; never fails. */
    readonly certificateNotes?: () => Promise<readonly string[]>;
    readonly onResult: (result: DoctorResult) => void;
}

type Note = string | RegistryError;
interface Outcome {
    readonly detail: string;
    readonly notes?: readonly Note[];
}

/** Instances behind a load balancer take turns: one request meets one of them. */
const TURNS = 4;
/** Uploads of one byte: POST and PUT may meet two instances. */
const SMALL_UPLOADS = 3;

/**
 * Checks a registry, and what stands in front of it, in the order in which an import needs it. A check that fails ends the
 * run, since the ones after it would fail for the same reason; what was uploaded is removed.
 * @returns true if no check failed
 */
export async function runDoctor(request: DoctorRequest): Promise<boolean> {
    const run = new DoctorRun(request);
    const isFine = await run.checks();
    return (await run.remove()) && isFine;
}

class DoctorRun {
    /** Blobs that may be at the registry. */
    private readonly sent: TestBlob[] = [];
    private realm: URL | undefined;

    constructor(private readonly request: DoctorRequest) {}

    async checks(): Promise<boolean> {
        const { size } = this.request;
        return (
            (await this.check("greeting", () => this.greeting())) &&
            (await this.check("account", () => this.account())) &&
            (await this.check("upload URL", () => this.uploadUrl())) &&
            (await this.check("small upload", () => this.upload(testBlob(1), SMALL_UPLOADS))) &&
            (await this.check("large upload", () => this.upload(testBlob(size), 1)))
        );
    }

    async remove(): Promise<boolean> {
        if (this.sent.length === 0) return true;
        return this.check("removal", () => this.removeAll());
    }

    private async check(check: DoctorCheckName, action: () => Promise<Outcome>): Promise<boolean> {
        const { onResult } = this.request;
        try {
            const { detail, notes = [] } = await action();
            onResult({ check, outcome: "ok", detail });
            for (const note of notes) onResult({ check, outcome: "note", ...described(note) });
            return true;
        } catch (error) {
            onResult({ check, outcome: "failed", ...described(error) });
            return false;
        }
    }

    private async greeting(): Promise<Outcome> {
        const { probe } = this.request.anonymous;
        const { status, asked, realm } = await probe.greeting();
        this.realm = realm;
        const tokens = realm === undefined ? "" : `, tokens from ${realm.origin}${realm.pathname}`;
        const isElsewhere = asked.origin !== probe.origin.origin;
        return {
            detail: `GET ${asked.origin}${asked.pathname}: ${status}${tokens}`,
            notes: [
                ...(isElsewhere ? [`redirected to ${asked.origin}: name that host in site.registry.mirrorBase`] : []),
                ...((await this.request.certificateNotes?.()) ?? []),
            ],
        };
    }

    private async account(): Promise<Outcome> {
        const { client, username } = this.request;
        const turns = this.realm === undefined ? 2 : TURNS;
        try {
            for (let turn = 0; turn < turns; turn++) {
                await requireAccepted(client, username);
            }
        } catch (error) {
            throw this.explainTokenFailure(error);
        }
        const what = this.realm === undefined ? "its password" : "each new token";
        return { detail: `${username}: the registry accepted ${what} ${turns} times` };
    }

    /** A token service at a wrong place fails as whatever is there fails. */
    private explainTokenFailure(error: unknown): unknown {
        const { realm } = this;
        const { origin } = this.request.client.probe;
        if (!(error instanceof RegistryError) || realm === undefined || realm.origin === origin.origin) return error;
        if (error.registry !== realm.host || error.status === 401 || error.status === 403) return error;
        const problem = `the registry names its token service at ${realm.origin}, not at ${origin.origin}, where it was asked`;
        return new RegistryError(`${problem}, and that failed: ${errorMessage(error)}`, {
            ...{ registry: origin.host, operation: error.operation, status: error.status },
            code: "TOKEN_URL_UNREACHABLE",
            fix: UPLOAD_URL_FIX,
            cause: error,
        });
    }

    private async uploadUrl(): Promise<Outcome> {
        const { client, repository, repositories = [] } = this.request;
        try {
            return await checkUploadUrl(client, repository);
        } catch (error) {
            if (!isMissingRepository(error)) throw error;
            const missing = await findMissingRepositories(client, repositories);
            throw missing.length === 0
                ? testRepositoryError(error, repository)
                : missingRepositoriesError(error, missing);
        }
    }

    private async upload(blob: TestBlob, times: number): Promise<Outcome> {
        const { client, repository } = this.request;
        const { uploads } = client;
        this.sent.push(blob);
        for (let time = 0; time < times; time++) {
            const begun = await uploads.start(repository, blob.digest);
            if (begun.mounted) continue;
            try {
                await uploads.put(repository, blob.digest, begun.location, blob.size, blob.bytes);
            } catch (error) {
                await this.request.removing.uploads.cancel(repository, begun.location);
                throw error;
            }
        }
        const notes: Note[] = await checkStoredBlob(client, repository, blob);
        if (uploads.metLimit !== undefined) notes.push(limitNote(client.host, blob.size, uploads.metLimit));
        if (uploads.usesPatch)
            notes.push("a PUT with bytes was rejected: blobs are sent with PATCH, one request more for each");
        const often = times === 1 ? "" : `, ${times} times`;
        return { detail: `${formatBytes(blob.size)} sent to ${repository} and read back${often}`, notes };
    }

    private async removeAll(): Promise<Outcome> {
        const { removing, repository } = this.request;
        const failures: RegistryError[] = [];
        for (const { digest } of this.sent) {
            await removing.blobDelete(repository, digest).catch((error: unknown) => {
                if (!(error instanceof RegistryError) || error.status === undefined) throw error;
                failures.push(error);
            });
        }
        const other = failures.find(({ status }) => ![401, 403, 405].includes(status ?? 0));
        if (other !== undefined) throw other;
        const [first] = failures;
        if (first === undefined) return { detail: `the test blobs in ${repository} are deleted` };
        const size = this.sent.reduce((sum, blob) => sum + blob.size, 0);
        return {
            detail:
                `the registry does not let the account delete blobs (${first.status ?? ""} ${first.code}): ${formatBytes(size)} in ${repository} ` +
                "stay until its garbage collection; the next run sends the same bytes",
        };
    }
}

/** No repository of the stack is missing, but the one for test blobs is. */
function testRepositoryError({ registry, operation, status }: RegistryError, repository: string): RegistryError {
    return new RegistryError(
        `the registry creates no repository with the first push, and ${repository} does not exist`,
        {
            ...{ registry, operation, status },
            code: "REPOSITORIES_MISSING",
            fix: "name a repository that exists for the test blobs with --repository",
        },
    );
}

function limitNote(registry: string, size: number, chunk: number): RegistryError {
    const problem = `a body of ${formatBytes(size)} was rejected as too large; it was sent in chunks of at most ${formatBytes(chunk)}`;
    return new RegistryError(problem, {
        ...{ registry, code: "CONTENT_TOO_LARGE", status: 413 },
        fix:
            "raise the limit in what stands in front of the registry (nginx: client_max_body_size 0), or set " +
            "site.transfer.maxBody to it, so that no import has to find it out",
    });
}

function described(note: unknown): { readonly detail: string; readonly error?: ProblemJson } {
    if (typeof note === "string") return { detail: note };
    return { detail: errorMessage(note), error: problemToJson(toProblem(note)) };
}
