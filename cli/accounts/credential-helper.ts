import { spawn } from "node:child_process";
import { once } from "node:events";
import { z } from "zod";
import type { Credentials } from "../../lib/http/credentials";
import { PassthroughError, errorMessage } from "../../lib/errors/errors";
import { parseJson } from "../../lib/errors/text";
import { foreignEnvironment } from "../../lib/redaction/environment";

const response = z.looseObject({ Username: z.string(), Secret: z.string() });

/** What helpers print for a host that they do not know (docker/docker-credential-helpers, credentials/error.go). */
const UNKNOWN_HOST = "credentials not found in native keychain";
/** A keychain may ask its user for a password. */
const TIMEOUT_MS = 30_000;
/** Characters: no account is longer. */
const MAX_OUTPUT = 1024 * 1024;

/**
 * Asks `docker-credential-<name> get` for a host, as Docker and Podman do: the host on its stdin, JSON on its stdout.
 * @param file the auth file that names the helper, for errors
 * @returns undefined if the helper does not know the host
 * @throws PassthroughError `CREDENTIAL_HELPER_FAILED`
 */
export async function askHelper(name: string, host: string, file: string): Promise<Credentials | undefined> {
    const program = `docker-credential-${name}`;
    if (!/^[\w.-]+$/.test(name)) throw helperError(program, file, "this cannot be a helper's name");
    const { code, stdout } = await run(program, host, file);
    if (code !== 0 && stdout.includes(UNKNOWN_HOST)) return undefined;
    // What it printed may be a secret: it is never shown.
    if (code !== 0) throw helperError(program, file, `it ended with exit code ${code} for ${host}`);
    const parsed = response.safeParse(parseJson(stdout));
    if (!parsed.success) throw helperError(program, file, `its response for ${host} is not credentials`);
    if (parsed.data.Username === "<token>") throw helperError(program, file, `it holds an identity token for ${host}`);
    return { username: parsed.data.Username, password: parsed.data.Secret };
}

async function run(program: string, host: string, file: string): Promise<{ code: number; stdout: string }> {
    const child = spawn(program, ["get"], {
        env: foreignEnvironment(),
        stdio: ["pipe", "pipe", "ignore"],
        timeout: TIMEOUT_MS,
        killSignal: "SIGKILL",
    });
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
        stdout += chunk;
        if (stdout.length > MAX_OUTPUT) child.kill("SIGKILL");
    });
    // A process that the helper started may keep it open.
    child.once("exit", (_, signal) => signal !== null && child.stdout.destroy());
    // A helper that does not read its stdin shows that by its exit code.
    child.stdin.on("error", () => undefined);
    child.stdin.end(host);
    try {
        const [code] = (await once(child, "close")) as [number | null];
        return { code: code ?? 1, stdout };
    } catch (error) {
        throw helperError(program, file, `it cannot be run: ${errorMessage(error)}`);
    }
}

function helperError(program: string, file: string, problem: string): PassthroughError {
    return new PassthroughError(problem, {
        code: "CREDENTIAL_HELPER_FAILED",
        thing: program,
        place: { file },
        fix: "put the helper on PATH, or log in to a file of its own: podman login --authfile FILE HOST",
    });
}
