import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { setImmediate as nextTurn } from "node:timers/promises";
import { contentRules, renderTargets } from "../../lib/openshift";
import { testAuthority } from "../support/certificates";
import { RegistryProcess } from "../support/registry-process";

jest.setTimeout(600_000);

const SOURCE = "quay.io/team/app:1.0";
const REPOSITORY = "quay.io/team/app";
const ACCOUNT = { username: "puller", password: "a password" };
/** Where containerd expects what is rendered for it. */
const INSTALLED = "/etc/containerd/certs.d";

/** podman and ctr with settings of their own: nothing of this machine's is read. */
const home = mkdtempSync(join(tmpdir(), "targets "));
const hostsFolder = join(home, "containerd/certs.d");
const socket = join(home, "containerd/containerd.sock");
let registry: RegistryProcess;
let containerd: ChildProcess;
let digest: string;

interface Run {
    readonly status: number | null;
    readonly output: string;
    readonly error: string;
}

/** Not synchronous: meanwhile the registry's log is read. */
async function run(program: string, ...args: readonly string[]): Promise<Run> {
    const env = {
        PATH: process.env.PATH,
        HOME: home,
        DOCKER_CONFIG: home,
        SSL_CERT_FILE: join(home, "ca.crt"),
        REGISTRY_AUTH_FILE: join(home, "config.json"),
    };
    const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    const [output, error, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
    return { status: status as number | null, output, error };
}

async function crane(...args: readonly string[]): Promise<string> {
    const { status, output, error } = await run("crane", ...args);
    if (status !== 0) throw new Error(error);
    return output.trim();
}

const STORAGE = ["--root", join(home, "storage"), "--runroot", join(home, "run"), "--storage-driver", "vfs"];
const podman = (...args: readonly string[]): Promise<Run> =>
    run("podman", ...STORAGE, "--runtime", "runc", "--cgroup-manager", "cgroupfs", ...args);
const ctr = (...args: readonly string[]): Promise<Run> => run("ctr", "--address", socket, ...args);
const ctrPull = (reference: string): Promise<Run> => {
    const account = `${ACCOUNT.username}:${ACCOUNT.password}`;
    const options = ["--hosts-dir", hostsFolder, "--user", account, "--snapshotter", "native"];
    return ctr("images", "pull", ...options, reference);
};
const askedFor = (path: string): number[] =>
    registry
        .accesses()
        .filter((access) => access.path.startsWith(path))
        .map(({ status }) => status);

beforeAll(async () => {
    const authority = await testAuthority();
    registry = await RegistryProcess.start({ tls: await authority.issue(), account: ACCOUNT });
    writeFileSync(join(home, "ca.crt"), authority.ca);
    const auth = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString("base64");
    writeFileSync(join(home, "config.json"), JSON.stringify({ auths: { [registry.host]: { auth } } }));
    await pushImage();
    install(authority.ca);
    await startContainerd();
});

afterAll(async () => {
    containerd.kill();
    await registry.stop();
    rmSync(home, { recursive: true, force: true });
});

/** An image that runs, and that only the mirror has: crane itself, a static binary. */
async function pushImage(): Promise<void> {
    const layer = join(home, "layer.tar");
    const binary = execFileSync("sh", ["-c", "command -v crane"], { encoding: "utf8" }).trim();
    execFileSync("tar", ["-C", dirname(binary), "-chf", layer, "crane"]);
    const place = `${registry.host}/mirror/${SOURCE}`;
    await crane("append", "--oci-empty-base", "-f", layer, "-t", place);
    await crane("mutate", "--entrypoint", "/crane", "-t", place, place);
    digest = await crane("digest", place);
}

/** What is rendered is copied to where the files themselves say, below the home folder. */
function install(ca: string): void {
    const base = { host: registry.host, prefix: "mirror" };
    const { objects, registriesConf } = contentRules(
        base,
        { images: { [SOURCE]: digest } },
        { contactSource: "never" },
    );
    const { files } = renderTargets(["podman", "containerd"], {
        objects,
        registriesConf,
        registryHost: registry.host,
        plainHttp: false,
        ca,
        signatures: [],
        releases: [],
    });
    for (const [path, content] of Object.entries(files)) {
        const [target, ...rest] = path.split("/");
        const folder = target === "podman" ? ".config/containers" : "containerd";
        const file = join(home, folder, ...rest);
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, content.replaceAll(INSTALLED, hostsFolder));
    }
    writeFileSync(join(home, ".config/containers/registries.conf"), "");
    writeFileSync(join(home, ".config/containers/policy.json"), '{"default": [{"type": "insecureAcceptAnything"}]}');
}

async function startContainerd(): Promise<void> {
    const folder = join(home, "containerd");
    const config = `version = 2\nroot = "${folder}/root"\nstate = "${folder}/state"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "${socket}"\n[ttrpc]\naddress = "${socket}.ttrpc"\n`;
    writeFileSync(join(folder, "config.toml"), config);
    containerd = spawn("containerd", ["--config", join(folder, "config.toml")], { stdio: "ignore" });
    while (!existsSync(socket) && containerd.exitCode === null) await nextTurn();
    if (containerd.exitCode !== null) throw new Error(`containerd ended with ${containerd.exitCode}`);
}

test("podman pulls by digest and by tag from the mirror with the rendered drop-in, and runs the image", async () => {
    registry.forget();
    for (const reference of [`${REPOSITORY}@${digest}`, SOURCE]) {
        expect(await podman("pull", "-q", reference)).toMatchObject({ status: 0 });
    }
    expect(askedFor(`/v2/mirror/${REPOSITORY}/manifests/1.0`)).toContain(200);
    const limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
    const started = await podman("run", "--rm", "--pull=never", "--network", "host", ...limits, SOURCE, "version");
    expect(started).toMatchObject({ status: 0, output: expect.stringMatching(/^v?\d+\.\d+/) as string });
});

test("podman fails for what the mirror lacks: the upstream is blocked", async () => {
    const { status, error } = await podman("pull", "-q", "quay.io/team/missing:1.0");
    expect(status).not.toBe(0);
    expect(error).toContain("registry quay.io is blocked");
});

test("containerd pulls by digest and by tag from the mirror with the rendered hosts.toml", async () => {
    registry.forget();
    for (const reference of [`${REPOSITORY}@${digest}`, SOURCE]) {
        expect(await ctrPull(reference)).toMatchObject({ status: 0 });
    }
    expect(askedFor(`/v2/mirror/${REPOSITORY}/manifests/1.0`)).toContain(200);
    expect((await ctr("images", "list", "-q")).output).toContain(SOURCE);
});

test("containerd fails for what the mirror lacks, after it asked the mirror alone", async () => {
    registry.forget();
    const { status, error } = await ctrPull("quay.io/team/missing:1.0");
    expect(status).not.toBe(0);
    expect(error).toContain("quay.io/team/missing:1.0: not found");
    expect(askedFor("/v2/mirror/quay.io/team/missing/manifests/1.0")).toContain(404);
});
