import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HostConnection, onHost, writeHostFile } from "../../lib/ssh";

jest.setTimeout(60_000);

/** OpenSSH's server with keys and configuration of its own, which lets root in by one key. */
const home = mkdtempSync(join(tmpdir(), "sshd-"));
let sshd: ChildProcess | undefined;
let connection: HostConnection;

const makeKey = (name: string, passphrase = ""): { readonly file: string; readonly publicKey: string } => {
    const file = join(home, name);
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", passphrase, "-f", file]);
    return { file, publicKey: readFileSync(`${file}.pub`, "utf8") };
};

async function freePort(): Promise<number> {
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, "close");
    return port;
}

beforeAll(async () => {
    const [host, user, port] = [makeKey("host"), makeKey("user", "a passphrase"), await freePort()];
    writeFileSync(join(home, "authorized_keys"), user.publicKey, { mode: 0o600 });
    const config = [
        `ListenAddress 127.0.0.1:${port}`,
        `HostKey ${host.file}`,
        `AuthorizedKeysFile ${join(home, "authorized_keys")}`,
        `PidFile ${join(home, "pid")}`,
        ...["StrictModes no", "PermitRootLogin prohibit-password", "PasswordAuthentication no", "UsePAM no"],
    ];
    writeFileSync(join(home, "sshd_config"), `${config.join("\n")}\n`);
    // Where it separates privileges; its package's unit makes it.
    mkdirSync("/run/sshd", { recursive: true });
    const program = execFileSync("sh", ["-c", "command -v sshd || echo /usr/sbin/sshd"], { encoding: "utf8" }).trim();
    sshd = spawn(program, ["-D", "-e", "-f", join(home, "sshd_config")], { stdio: ["ignore", "ignore", "pipe"] });
    const ended = once(sshd, "exit").then(() => Promise.reject(new Error("sshd ended")));
    const listens = new Promise<void>((resolve) =>
        sshd?.stderr?.on("data", (chunk: Buffer) => chunk.includes("Server listening") && resolve()),
    );
    await Promise.race([listens, ended]);
    ended.catch(() => undefined);
    connection = {
        ...{ address: "127.0.0.1", port, user: "root", hostKey: host.publicKey },
        ...{ privateKey: readFileSync(user.file, "utf8"), passphrase: "a passphrase" },
    };
});

afterAll(() => {
    sshd?.kill();
    rmSync(home, { recursive: true, force: true });
});

test("commands run and files are written in one step", async () => {
    const file = join(home, "written file");
    await onHost(connection, async (session) => {
        expect(await session.run("cat; echo problem >&2; exit 3", { stdin: "input\n", root: true })).toMatchObject({
            status: 3,
            stdout: "input\n",
            stderr: "problem\n",
        });
        expect(await session.run("kill -KILL $$")).toMatchObject({ status: 137 });
        await writeHostFile(session, { path: file, content: "text\n", mode: "0640" });
    });
    expect(readFileSync(file, "utf8")).toBe("text\n");
    expect(statSync(file).mode & 0o777).toBe(0o640);
});

test("a host with another key gets no login", async () => {
    const other = makeKey("other");
    await expect(onHost({ ...connection, hostKey: other.publicKey }, () => Promise.resolve())).rejects.toMatchObject({
        code: "HOST_KEY_MISMATCH",
    });
    const stranger = { ...connection, privateKey: readFileSync(other.file, "utf8"), passphrase: undefined };
    await expect(onHost(stranger, () => Promise.resolve())).rejects.toMatchObject({ code: "HOST_LOGIN_REJECTED" });
});

test("a connection that is lost in the middle of a command is no command that has ended", async () => {
    // The parent of the command's shell serves the connection.
    const running = onHost(connection, (session) => session.run("kill -KILL $PPID; sleep 60"));
    await expect(running).rejects.toMatchObject({ code: "HOST_CONNECTION_LOST" });
});
