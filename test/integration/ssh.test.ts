import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { utils } from "ssh2";
import { type HostConnection, type HostSession, onHost, writeHostFile } from "../../lib/ssh";
import { type CommandFate, SshServer } from "../support/ssh-server";

const home = mkdtempSync(join(tmpdir(), "ssh-"));
let server: SshServer;
let fate: (command: string) => CommandFate = () => "run";

beforeAll(async () => {
    server = await SshServer.start({
        env: { PATH: `${home}:${process.env.PATH ?? ""}` },
        fate: (command) => fate(command),
    });
});
afterEach(() => {
    fate = () => "run";
});
afterAll(async () => {
    await server.stop();
    rmSync(home, { recursive: true, force: true });
});

const on = <T>(work: (session: HostSession) => Promise<T>, changes: Partial<HostConnection> = {}): Promise<T> =>
    onHost({ ...server.connection, ...changes }, work);

/** A program of the host, found before those of this machine. */
function program(name: string, script: string): void {
    writeFileSync(join(home, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

test("commands have status, both outputs and what they read, several on one connection", async () => {
    const results = await on(async (session) => [
        await session.run("cat; echo problem >&2; exit 3", { stdin: "input of 'any' kind\n" }),
        await session.run("kill -KILL $$"),
        await session.run("echo $((1+1)); cat"),
        await session.run("cat", { stdin: Readable.from([Buffer.from("a"), Buffer.from("b")]) }),
    ]);
    expect(results).toEqual([
        { status: 3, stdout: "input of 'any' kind\n", stderr: "problem\n", isCut: false },
        { status: 137, stdout: "", stderr: "", isCut: false },
        { status: 0, stdout: "2\n", stderr: "", isCut: false },
        { status: 0, stdout: "ab", stderr: "", isCut: false },
    ]);
});

test("a script comes to sh as it is, whatever the login shell makes of quotes, newlines, ! and backslashes", async () => {
    const script = "set -eu\nfrom='it'\\''s'\nprintf '%s|' \"$from\" '!x \\\\ \\n 7' \"$0\"\nexit 3\n";
    const { stdout, status } = await on((session) => session.run(script));
    expect({ stdout, status }).toEqual({ stdout: "it's|!x \\\\ \\n 7|sh|", status: 3 });
    // tcsh(1) ends quotes at a newline and expands ! in them; in those of fish(1), \\ and \' are escapes.
    expect(server.lines.at(-1)).not.toMatch(/[\n!]|\\[\\']/);
});

test("of a large output the end is kept, and every line is given away", async () => {
    let lines = 0;
    const { stdout, isCut } = await on((session) => session.run("seq 400000", { output: () => void lines++ }));
    expect(lines).toBe(400_000);
    expect(Buffer.byteLength(stdout)).toBe(1024 * 1024);
    expect(stdout.endsWith("399999\n400000\n")).toBe(true);
    expect(isCut).toBe(true);
});

test("a command that ends without reading its input has its status", async () => {
    const endless = new Readable({ read: () => endless.push(Buffer.alloc(64 * 1024)) });
    expect(await on((session) => session.run("exit 4", { stdin: endless }))).toMatchObject({ status: 4 });
});

test("an input that fails is the error", async () => {
    const failing = new Readable({ read: () => failing.destroy(new Error("the disk of this machine is broken")) });
    await expect(on((session) => session.run("cat", { stdin: failing }))).rejects.toThrow("the disk of this machine");
});

test("another key of the host ends the connection before the login, and is shown", async () => {
    const other = utils.generateKeyPairSync("ed25519").public;
    const shown = server.connection.hostKey.split(" ").slice(0, 2).join(" ");
    await expect(on(() => Promise.resolve(), { hostKey: other })).rejects.toMatchObject({
        code: "HOST_KEY_MISMATCH",
        place: { host: `operator@127.0.0.1:${server.connection.port}` },
        problem: expect.stringContaining(shown) as string,
    });
    const rsa = utils.generateKeyPairSync("rsa", { bits: 2048 }).public;
    await expect(on(() => Promise.resolve(), { hostKey: rsa })).rejects.toMatchObject({
        code: "HOST_KEY_MISMATCH",
        problem: "it has no key of the type ssh-rsa, which is the configured one",
    });
});

test.each([
    ["ssh-ed25519", "SSH_KEY_INVALID"],
    ["ssh-ed25519 AAAAB3NzaC1yc2EAAAADAQAB", "SSH_KEY_INVALID"],
    ["registry.example ssh-ed25519 AAAA", "SSH_KEY_INVALID"],
])("the host key %j is refused", async (hostKey, code) => {
    await expect(on(() => Promise.resolve(), { hostKey })).rejects.toMatchObject({ code });
});

test("private keys that cannot be used say why, and are in no message", async () => {
    const plain = utils.generateKeyPairSync("ed25519");
    const encrypted = utils.generateKeyPairSync("ed25519", { passphrase: "secret", cipher: "aes256-cbc", rounds: 1 });
    await expect(on(() => Promise.resolve(), { privateKey: plain.private })).rejects.toMatchObject({
        code: "HOST_LOGIN_REJECTED",
        fix: expect.stringContaining("~operator/.ssh/authorized_keys") as string,
    });
    const reasons: readonly [Partial<HostConnection>, RegExp][] = [
        [{ privateKey: encrypted.private }, /is encrypted, and no passphrase/],
        [{ privateKey: encrypted.private, passphrase: "other" }, /cannot be read with the passphrase/],
        [{ privateKey: plain.public }, /no private key/],
        [{ privateKey: "no key" }, /no private key/],
    ];
    for (const [changes, reason] of reasons) {
        const refused = on(() => Promise.resolve(), changes);
        await expect(refused).rejects.toMatchObject({ code: "SSH_KEY_INVALID" });
        await expect(refused).rejects.toThrow(reason);
        await expect(refused).rejects.not.toThrow(/BEGIN|AAAA|secret|other/);
    }
});

test("hosts that do not answer say why", async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
    const { port } = closed.address() as { port: number };
    await new Promise((resolve) => closed.close(resolve));
    await expect(on(() => Promise.resolve(), { port })).rejects.toMatchObject({
        code: "HOST_UNREACHABLE",
        problem: `nothing listens at port ${port}`,
    });
    await expect(on(() => Promise.resolve(), { address: "no-such-host.invalid" })).rejects.toMatchObject({
        code: "HOST_UNREACHABLE",
        problem: "no-such-host.invalid cannot be resolved",
    });
});

test("a connection that ends in the middle of a command is an error, and so is the next command", async () => {
    fate = (command) => (command.includes("first") ? "lost-after" : "run");
    await on(async (session) => {
        await expect(session.run("echo first")).rejects.toMatchObject({ code: "HOST_CONNECTION_LOST" });
        await expect(session.run("echo second")).rejects.toMatchObject({ code: "HOST_CONNECTION_LOST" });
    });
    fate = () => "lost-before";
    await expect(on((session) => session.run("echo"))).rejects.toMatchObject({ code: "HOST_CONNECTION_LOST" });
});

test("time and signals end a command and its processes", async () => {
    const pidFile = join(home, "pid");
    const waiting = `echo $$ > ${pidFile}; echo started; exec sleep 1000`;
    await on(async (session) => {
        await expect(session.run(waiting, { timeoutSeconds: 0.2 })).rejects.toMatchObject({ code: "TIMEOUT" });
        const abort = new AbortController();
        const run = session.run(waiting, {
            signal: abort.signal,
            output: () => abort.abort(new Error("ended by the operator")),
        });
        await expect(run).rejects.toThrow("ended by the operator");
        const pid = readFileSync(pidFile, "utf8").trim();
        // The connection still serves.
        const { status } = await session.run(`while kill -0 ${pid} 2>/dev/null; do :; done`);
        expect(status).toBe(0);
    });
});

describe("as root", () => {
    beforeEach(() => program("id", "echo 1000"));
    afterEach(() => rmSync(join(home, "id")));

    test("sudo is asked once, and never for a password", async () => {
        // sudo(8): -n, --non-interactive; -- ends its options.
        program("sudo", '[ "$1 $2" = "-n --" ] || exit 1; shift 2; echo "sudo $*" >> "$0.log"; exec env ROOT=1 "$@"');
        const { stdout } = await on(async (session) => {
            await session.run("true", { root: true });
            return session.run("echo $ROOT '$x'", { root: true });
        });
        expect(stdout).toBe("1 $x\n");
        const log = readFileSync(join(home, "sudo.log"), "utf8").split("\n");
        expect(log.filter((line) => line === "sudo sh -c :")).toHaveLength(1);
    });

    test("a sudo that wants a terminal says how to let it do without", async () => {
        program("sudo", "echo 'sudo: sorry, you must have a tty to run sudo' >&2; exit 1");
        await expect(on((session) => session.run("true", { root: true }))).rejects.toMatchObject({
            code: "HOST_SUDO_REFUSED",
            problem: expect.stringMatching(/sudo wants a terminal of operator: .*you must have a tty/) as string,
            fix: expect.stringContaining("Defaults:operator !requiretty") as string,
        });
    });

    test.each([
        [
            "echo 'Welcome to the lab'; echo 1000",
            /prints something before each command: Welcome to the lab 1000/,
            /bashrc/,
        ],
        ["echo 'This account is currently not available.'; exit 1", /runs no commands: This account is/, /usermod/],
    ])(
        "a login shell that prints or refuses is named, since what commands print is read: %s",
        async (script, said, fix) => {
            program("id", script);
            await expect(on((session) => session.run("true", { root: true }))).rejects.toMatchObject({
                code: "HOST_NOT_READY",
                problem: expect.stringMatching(said) as string,
                fix: expect.stringMatching(fix) as string,
            });
        },
    );

    test("what sudo refuses has its words", async () => {
        program("sudo", "echo 'sudo: a password is required' >&2; exit 1");
        await expect(on((session) => session.run("true", { root: true }))).rejects.toMatchObject({
            code: "HOST_SUDO_REFUSED",
            problem: "operator cannot become root without a password: sudo: a password is required",
            fix: expect.stringContaining("operator ALL=(root) NOPASSWD: ALL") as string,
        });
    });
});

describe("files", () => {
    const path = join(home, "it's a file");

    test("are written in one step, with mode and content, which is in no command", async () => {
        const content = { stream: Readable.from([Buffer.from("top "), Buffer.from("secret")]), bytes: 10 };
        await on((session) => writeHostFile(session, { path, content: "before", mode: "0644" }));
        await on((session) => writeHostFile(session, { path, content, mode: "0600" }));
        expect(readFileSync(path, "utf8")).toBe("top secret");
        expect(statSync(path).mode & 0o777).toBe(0o600);
        expect(server.commands.filter((command) => command.includes("secret"))).toEqual([]);
        expect(readdirSync(home).filter((name) => name.startsWith("."))).toEqual([]);
    });

    test("stay as they were if less arrives, or the folder does not exist", async () => {
        await on((session) => writeHostFile(session, { path, content: "whole", mode: "0644" }));
        const short = { stream: Readable.from([Buffer.from("part")]), bytes: 10 };
        await expect(
            on((session) => writeHostFile(session, { path, content: short, mode: "0644" })),
        ).rejects.toMatchObject({
            code: "HOST_COMMAND_FAILED",
            thing: path,
            problem: "it cannot be written: 4 of 10 bytes arrived",
        });
        expect(readFileSync(path, "utf8")).toBe("whole");
        const missing = join(home, "missing", "file");
        await expect(
            on((session) => writeHostFile(session, { path: missing, content: "", mode: "0644" })),
        ).rejects.toMatchObject({
            code: "HOST_COMMAND_FAILED",
            problem: expect.stringContaining("cannot create") as string,
        });
        expect(existsSync(missing)).toBe(false);
    });
});
