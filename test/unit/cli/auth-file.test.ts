import type * as osModule from "node:os";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { accountInFile } from "../../../cli/accounts/auth-file";
import { type StackAccounts, findAccount } from "../../../cli/accounts/credentials";

const PASSWORD = "canary-5d2e:with colon";
const auth = (username: string, password = PASSWORD) => ({
    auth: Buffer.from(`${username}:${password}`).toString("base64"),
});
const account = (username: string) => ({ username, password: PASSWORD });
const PLACE = "registry.example:8443/mirror";
let folder: string;
const path = process.env.PATH;

beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "auth file "));
});

afterEach(() => {
    process.env.PATH = path;
    rmSync(folder, { recursive: true, force: true });
});

function file(document: unknown, name = "auth.json", mode = 0o600): string {
    const place = join(folder, name);
    writeFileSync(place, typeof document === "string" ? document : JSON.stringify(document));
    chmodSync(place, mode);
    return place;
}

function helper(name: string, script: string): void {
    writeFileSync(join(folder, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    process.env.PATH = `${folder}${delimiter}${path ?? ""}`;
}

test.each([
    ["the longest path wins over the host", { [PLACE]: auth("a"), "registry.example:8443": auth("b") }, "a"],
    ["the host serves what has no entry of its own", { "registry.example:8443": auth("b"), other: auth("c") }, "b"],
    ["docker's spelling of a host is read", { "https://registry.example:8443/v1/": auth("d") }, "d"],
    ["a host may be in upper case", { "REGISTRY.Example:8443/mirror": auth("f") }, "f"],
    ["docker's spelling of it too", { "HTTPS://Registry.Example:8443/v1/": auth("g") }, "g"],
    ["the same spelling wins", { "REGISTRY.example:8443": auth("h"), "registry.example:8443": auth("i") }, "i"],
    ["user name and password may stand in the clear", { [PLACE]: account("e") }, "e"],
])("%s", async (_, auths, username) => {
    expect(await accountInFile(file({ auths }), PLACE)).toMatchObject({ credentials: account(username), warnings: [] });
});

test("an entry of another port, of a longer path or of another host is not this registry's", async () => {
    const auths = {
        "registry.example": auth("a"),
        "registry.example.:8443": auth("a"),
        [`${PLACE.toUpperCase()}`]: auth("a"),
        [`${PLACE}/quay.io`]: auth("b"),
        "registry.example:8443/mir": auth("c"),
    };
    expect((await accountInFile(file({ auths }), PLACE)).credentials).toBeUndefined();
});

test("a file that others can read is told, with the cure", async () => {
    const open = file({ auths: { [PLACE]: auth("a") } }, "open.json", 0o644);
    const { credentials, warnings } = await accountInFile(open, PLACE);
    expect(credentials).toEqual(account("a"));
    expect(warnings).toEqual([`auth file ${open} can be read by others (mode 0644); close it with: chmod 600 ${open}`]);
});

test.each([
    ["not JSON", `{"auths": {"${PLACE}": "${PASSWORD}`, "not JSON"],
    ["nested without end", `{"auths": {"${PASSWORD}": ${"[".repeat(100)}`, "not JSON"],
    ["an entry that is none", { auths: { [PLACE]: PASSWORD } }, `auths.${PLACE}`],
    [
        "an identity token",
        { auths: { [PLACE]: { auth: Buffer.from("u:").toString("base64"), identitytoken: PASSWORD } } },
        "identity token",
    ],
    ["no password", { auths: { [PLACE]: { username: "u" } } }, "no user name and password"],
])("%s is refused by place, without showing what the file holds", async (_, document, what) => {
    const error = await accountInFile(file(document), PLACE).catch((caught: unknown) => caught as Error);
    const message = error instanceof Error ? error.message : "";
    expect(message).toContain(`AUTH_FILE_INVALID in ${join(folder, "auth.json")}`);
    expect(message).toContain(what);
    expect(message).toContain("podman login");
    expect(message).not.toContain(PASSWORD);
});

test("helpers are asked as Docker asks them: the host on stdin; one for the host goes before the store for all", async () => {
    helper(
        "own",
        `read -r host || true; printf '{"ServerURL":"%s","Username":"%s","Secret":"${PASSWORD}"}' "$host" "$host"`,
    );
    helper("store", `echo '{"Username":"from-store","Secret":"${PASSWORD}"}'`);
    const host = "registry.example:8443";
    const both = file({ auths: { [host]: {} }, credHelpers: { [host]: "own" }, credsStore: "store" });
    expect((await accountInFile(both, PLACE)).credentials).toEqual(account(host));
    const store = file({ credsStore: "store", credHelpers: { "other.example": "own" } });
    expect((await accountInFile(store, PLACE)).credentials).toEqual(account("from-store"));
});

test("helpers get no secret of the stack in their environment, and the rest of it", async () => {
    const names = [
        "PULUMI_CONFIG_PASSPHRASE",
        "PULUMI_ACCESS_TOKEN",
        "REGISTRY_PASSTHROUGH_PASSWORD",
        "HELPER_SETTING",
    ];
    for (const name of names) process.env[name] = "canary";
    try {
        helper("env", `echo "{\\"Username\\":\\"$(env | grep canary | tr '\\n' ,)\\",\\"Secret\\":\\"${PASSWORD}\\"}"`);
        const { credentials } = await accountInFile(file({ credsStore: "env" }), PLACE);
        expect(credentials).toEqual(account("HELPER_SETTING=canary,"));
    } finally {
        for (const name of names) Reflect.deleteProperty(process.env, name);
    }
});

test("a helper that prints without an end is stopped, also if what it started keeps printing", async () => {
    helper("endless", "sleep 5 & yes");
    const failing = accountInFile(file({ credsStore: "endless" }), PLACE);
    await expect(failing).rejects.toThrow("docker-credential-endless: it ended with exit code 1");
}, 20_000);

test("a helper that does not know the host is none; one that fails or is not there is named with the cure", async () => {
    helper("unknowing", "echo 'credentials not found in native keychain'; exit 1");
    helper("broken", `echo ${PASSWORD}; exit 3`);
    helper("tokens", `echo '{"Username":"<token>","Secret":"${PASSWORD}"}'`);
    expect((await accountInFile(file({ credsStore: "unknowing" }), PLACE)).credentials).toBeUndefined();
    for (const [name, what] of [
        ["broken", "exit code 3"],
        ["tokens", "identity token"],
        ["missing", "cannot be run"],
        ["../evil", "cannot be a helper's name"],
    ] as const) {
        const error = await accountInFile(file({ credsStore: name }), PLACE).catch(
            (caught: unknown) => caught as Error,
        );
        const message = error instanceof Error ? error.message : "";
        expect(message).toContain("CREDENTIAL_HELPER_FAILED");
        expect(message).toContain(`docker-credential-${name}`);
        expect(message).toContain(what);
        expect(message).not.toContain(PASSWORD);
    }
});

describe("where an account is looked for", () => {
    const fixes = { refused: "run up again", absent: "run up first" };
    const none = () => Promise.resolve(undefined);
    const outputs: StackAccounts = {
        outputs: () =>
            Promise.resolve({
                pushSecret: JSON.stringify({ auths: { "registry.example:8443": auth("stack-pusher") } }),
                pullSecret: JSON.stringify({ auths: { "registry.example:8443": auth("stack-puller") } }),
            }),
        ...{ configured: none, fixes },
    };
    const nothing: StackAccounts = {
        outputs: () => Promise.reject(new Error("no stack")),
        ...{ configured: none, fixes },
    };
    const configured: StackAccounts = {
        ...nothing,
        configured: (role) =>
            Promise.resolve({ credentials: account(`config-${role}`), from: "config", fix: "set it" }),
    };
    const pair = (prefix: string, username: string) => ({
        [`${prefix}_USERNAME`]: username,
        [`${prefix}_PASSWORD`]: PASSWORD,
    });
    const pusher = pair("REGISTRY_PASSTHROUGH", "env-pusher");
    const puller = pair("REGISTRY_PASSTHROUGH_PULLER", "env-puller");
    const withFile = (name: string, username: string) => file({ auths: { [PLACE]: auth(username) } }, name);

    test("the command line, then the environment, then the stack, then the files of Podman and Docker", async () => {
        const podman = { XDG_RUNTIME_DIR: folder };
        const docker = { DOCKER_CONFIG: folder };
        const named = { REGISTRY_AUTH_FILE: withFile("named.json", "named") };
        const everything = { ...pusher, ...puller, ...named, ...podman, ...docker };
        const find = async (role: "importer" | "puller", env: NodeJS.ProcessEnv, from = outputs, authfile?: string) =>
            (await findAccount(role, { place: () => PLACE, authfile, stack: from, env })).credentials.username;
        withFile("config.json", "docker");
        expect(await find("importer", everything, outputs, withFile("flag.json", "flag"))).toBe("flag");
        expect(await find("importer", everything)).toBe("env-pusher");
        expect(await find("puller", everything)).toBe("env-puller");
        expect(await find("puller", { ...pusher, ...named, ...docker })).toBe("named");
        expect(await find("importer", docker)).toBe("stack-pusher");
        expect(await find("puller", { ...pusher, ...docker })).toBe("stack-puller");
        expect(await find("puller", { ...pusher, ...docker }, nothing)).toBe("env-pusher");
        expect(await find("puller", docker, nothing)).toBe("docker");
        // Before the first `up` there are no outputs, and it may be that the stack cannot be read.
        expect(await find("importer", docker, configured)).toBe("config-importer");
        expect(await find("puller", { ...pusher, ...docker }, configured)).toBe("config-puller");
        expect(await find("puller", docker, { ...outputs, configured: configured.configured })).toBe("stack-puller");
    });

    test("a file that the command line names is the only one that is asked", async () => {
        const empty = file({ auths: {} }, "empty.json");
        const search = findAccount("importer", { place: () => PLACE, authfile: empty, stack: outputs, env: pusher });
        await expect(search).rejects.toThrow(`NO_CREDENTIALS: there is no account that pushes to ${PLACE} in ${empty}`);
    });

    test("half an account in the environment is a mistake, not no account", async () => {
        const half = { REGISTRY_PASSTHROUGH_PULLER_PASSWORD: PASSWORD };
        const search = findAccount("puller", { place: () => PLACE, stack: outputs, env: half });
        await expect(search).rejects.toThrow(
            "REGISTRY_PASSTHROUGH_PULLER_PASSWORD is set in the environment, but REGISTRY_PASSTHROUGH_PULLER_USERNAME is not",
        );
    });

    test("an account says what to change where it is from, should the registry refuse it", async () => {
        const fixFor = async (env: NodeJS.ProcessEnv, authfile?: string) =>
            (await findAccount("importer", { place: () => PLACE, authfile, stack: outputs, env })).fix;
        expect(await fixFor(pusher)).toContain("set REGISTRY_PASSTHROUGH_USERNAME and REGISTRY_PASSTHROUGH_PASSWORD");
        const ofPath = file({ auths: { [PLACE]: auth("a") } }, "it's.json");
        expect(await fixFor({}, ofPath)).toBe(
            `log in again: podman login --authfile '${folder}/it'\\''s.json' ${PLACE}`,
        );
        const ofHost = file({ auths: { "https://registry.example:8443/v1/": auth("a") } }, "docker.json");
        expect(await fixFor({}, ofHost)).toMatch(/ registry\.example:8443$/);
        expect(await fixFor({})).toBe("run up again");
    });

    test("an account that pushes is looked for at the address for pushes, in files and in the stack's outputs", async () => {
        const place = (role: "importer" | "puller") => (role === "importer" ? "push.example/mirror" : PLACE);
        const find = async (role: "importer" | "puller", authfile?: string) =>
            (await findAccount(role, { place, authfile, stack: nothing, env: {} })).credentials.username;
        const both = file({ auths: { [PLACE]: auth("reader"), "push.example": auth("pusher") } }, "both.json");
        expect(await find("importer", both)).toBe("pusher");
        expect(await find("puller", both)).toBe("reader");
    });

    test("no account anywhere tells how to give one", async () => {
        const search = findAccount("puller", { place: () => PLACE, stack: nothing, env: { DOCKER_CONFIG: folder } });
        await expect(search).rejects.toThrow(
            /no account that pulls from \S+ \(the stack's own could not be read: no stack\); .*--authfile or REGISTRY_AUTH_FILE.*PULLER_USERNAME/,
        );
    });

    test("a user without a home has no ~/.docker, and an account where it is all the same", async () => {
        const none = () => {
            throw new Error("uv_os_homedir returned ENOENT");
        };
        jest.spyOn(jest.requireActual<typeof osModule>("node:os"), "homedir").mockImplementation(none);
        const find = (env: NodeJS.ProcessEnv) =>
            findAccount("puller", { place: () => PLACE, stack: nothing, env }).finally(() => jest.restoreAllMocks());
        expect((await find(pusher)).credentials.username).toBe("env-pusher");
    });
});
