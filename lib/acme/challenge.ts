import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { isIP } from "node:net";
import { PassthroughError, errorMessage } from "../errors/errors";
import { lastWords, oneLine } from "../errors/text";
import { foreignEnvironment } from "../redaction/environment";
import { base64url, keyAuthorization } from "./jws";

export const CHALLENGES = ["dns-01", "http-01"] as const;
export type ChallengeType = (typeof CHALLENGES)[number];

/** How challenges are answered. */
export interface Solver {
    readonly type: ChallengeType;
    /** Program and its first arguments; absent: nothing answers challenges. */
    readonly command?: readonly string[] | undefined;
}

/** Where the answer to a challenge is to be, and what it is: nothing secret. */
export interface Answer {
    /** dns-01: name of the TXT record, with a dot at its end. http-01: the URL. */
    readonly place: string;
    /** dns-01: the record's text. http-01: the whole content. */
    readonly value: string;
}

const KEY = "site.registry.certificate.acme.command";
const TIMEOUT_MS = 10 * 60_000;
const MAX_SHOWN = 600;

/** RFC 8555 §8.3 (http-01), §8.4 (dns-01). @param domain name, or address without brackets (RFC 8738) */
export function challengeAnswer(type: ChallengeType, domain: string, token: string, accountKey: string): Answer {
    const value = keyAuthorization(accountKey, token);
    const host = isIP(domain) === 6 ? `[${domain}]` : domain;
    if (type === "http-01") return { place: `http://${host}/.well-known/acme-challenge/${token}`, value };
    return { place: `_acme-challenge.${domain}.`, value: base64url(createHash("sha256").update(value).digest()) };
}

/**
 * Runs the command that puts an answer in its place, or takes it away again: `<command…> present|cleanup <place> <value>`,
 * as lego calls programs for dns-01 (go-acme.github.io/lego/dns/exec). It ends when the answer can be seen.
 * @throws PassthroughError `ACME_COMMAND_FAILED` with its last words; the signal's reason
 */
export async function runChallengeCommand(
    command: readonly string[],
    step: "present" | "cleanup",
    { place, value }: Answer,
    signal: AbortSignal,
): Promise<void> {
    signal.throwIfAborted();
    const [program = "", ...args] = command;
    const failed = (what: string) =>
        new PassthroughError(`${program} ${step} ${place}: ${what}`, {
            code: "ACME_COMMAND_FAILED",
            thing: KEY,
            fix: "run it by hand with these arguments, as the user that runs this program; then run again",
        });
    return new Promise((resolve, reject) => {
        const child = spawn(program, [...args, step, place, value], {
            env: foreignEnvironment(),
            ...{ stdio: ["ignore", "ignore", "pipe"], signal, timeout: TIMEOUT_MS, killSignal: "SIGKILL" },
        });
        let said = "";
        child.stderr.setEncoding("utf8").on("data", (text: string) => (said = lastWords(said + text, MAX_SHOWN)));
        child.once("error", (error) => {
            reject(signal.aborted ? (signal.reason as Error) : failed(`it cannot be run: ${errorMessage(error)}`));
        });
        child.once("exit", (code, killedBy) => {
            if (code === 0) resolve();
            else
                reject(
                    failed(
                        [`it ended with ${code ?? killedBy ?? ""}`, oneLine(said.trim())].filter(Boolean).join(": "),
                    ),
                );
        });
    });
}
