import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import {
    existsSync,
    mkdirSync,
    mkdtempSync,
    readFileSync,
    readdirSync,
    renameSync,
    rmSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PartialState } from "../../dynamic-providers/lifecycle/resource-provider";
import type { RegistryHostInputs, RegistryHostOutputs } from "../../dynamic-providers/registry-host/kind";
import { registryHostProvider as provider } from "../../dynamic-providers/registry-host/provider";
import { RegistryProcess } from "../../dynamic-providers/registry/registry-process";
import type { Credentials } from "../../lib/http/credentials";
import { applyRegistryHost as apply, refreshedRegistryHost as refreshed } from "../support/host/apply-registry-host";
import { HOST_OWNER, hostInputs, writeHostImage } from "../support/host/host-inputs";
import { TestHost } from "../support/host/test-host";
import { type Access, hasLabelled, pushLabelled } from "../support/labelled-images";
import { operationContext } from "../support/operation-context";
import { freePort } from "../support/registry-process";

jest.setTimeout(300_000);

const OWNER = HOST_OWNER;
const [PULL, PUSH] = ["registry-passthrough-pull", "registry-passthrough-push"] as const;
const TABLE = "inet registry_passthrough_allowed";
const folder = mkdtempSync(join(tmpdir(), "images-"));
const archive = join(folder, "distribution.tar");

let host: TestHost;
let inputs: RegistryHostInputs;
let issue: () => Promise<{ certificate: string; key: string }>;

const imageArchive = (digit: string): void => writeHostImage(archive, digit);

beforeEach(async () => {
    host = await TestHost.start();
    imageArchive("1");
    ({ inputs, issue } = await hostInputs(host, archive));
});
afterEach(() => host.stop());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const differences = async (state: RegistryHostOutputs) => (await refreshed(state)).differences;

const access = (at: string, credentials: Credentials): Access => {
    const { ca } = inputs.registry;
    return { endpoint: { host: at.replace(/\/.*/, ""), ...(ca === undefined ? {} : { ca }) }, credentials };
};
const push = (at: string, credentials: Credentials, label: string) => pushLabelled(access(at, credentials), label);
const isPulled = (credentials: Credentials, label: string) =>
    hasLabelled(access(inputs.registry.mirrorBase, credentials), label);

test("it takes pushes at one port, refuses them at the other, keeps its content, and starts again only for a reason", async () => {
    const { pushHost = "", mirrorBase } = inputs.registry;
    const state = await apply(undefined, inputs);
    const { importer, puller } = state.accounts;
    await push(pushHost, importer, "first");
    expect(await isPulled(puller, "first")).toBe(true);
    await expect(push(mirrorBase, puller, "second")).rejects.toThrow(/405|read-only/);
    await expect(push(pushHost, puller, "second")).rejects.toThrow(/401/);
    expect(await differences(state)).toEqual([]);
    expect(host.state).toMatchObject({
        starts: [PULL, PUSH],
        tables: { [TABLE]: expect.stringContaining("10.0.0.0/24") as string },
    });

    // Nothing to do; then new accounts: no instance starts again, and the former accounts stay valid.
    const same = await apply(state, inputs);
    expect(same.accounts).toEqual(state.accounts);
    // The checks of the doctor, before anything else is sent.
    expect(readFileSync(join(host.root, `${PUSH}.log`), "utf8")).toContain("/mirror/registry-passthrough/doctor/");
    const rotated = await apply(same, { ...inputs, rotate: "1" });
    expect(await isPulled(rotated.accounts.puller, "first")).toBe(true);
    expect(await isPulled(puller, "first")).toBe(true);
    expect(host.state.starts).toEqual([PULL, PUSH]);

    // Another certificate, then another image.
    const { certificate: chain, key } = await issue();
    const renewed = await apply(rotated, { ...inputs, rotate: "1", chain, key });
    expect(host.state.starts).toEqual([PULL, PUSH, PULL, PUSH]);
    imageArchive("2");
    const updated = await apply(renewed, { ...inputs, rotate: "1", chain, key });
    expect(updated.installed?.imageId).toBe("2".repeat(64));
    expect(host.state.starts).toHaveLength(6);
    expect(await isPulled(rotated.accounts.puller, "first")).toBe(true);
    expect(await differences(updated)).toEqual([]);

    // No secret is in a command, which every user of the host sees.
    const commands = host.server.commands.join("\n");
    for (const secret of [importer.password, puller.password, key, state.accounts.lines.pull[0] ?? ""])
        expect(commands).not.toContain(secret);

    await provider.remove(updated, operationContext());
    expect(host.state).toEqual({ ...host.state, containers: {}, enabled: [], active: [], tables: {} });
    expect(existsSync(join(inputs.directory, "storage/docker"))).toBe(true);
    expect(existsSync(join(inputs.directory, "certificate"))).toBe(false);
    // The same stack takes the content into use again.
    const again = await apply(undefined, { ...inputs, deleteContent: true });
    expect(await isPulled(again.accounts.puller, "first")).toBe(true);
    await provider.remove(again, operationContext());
    expect(existsSync(inputs.directory)).toBe(false);
});

test("another port for pushes answers after the update: until then a refresh looks for nothing at it", async () => {
    const state = await apply(undefined, inputs);
    const registry = { ...inputs.registry, pushHost: `localhost:${await freePort()}` };
    const process = new RegistryProcess({ followsConfiguration: true });
    process.configure((key) => (key === "registry-passthrough:site" ? JSON.stringify({ registry }) : undefined));
    const own = { ...operationContext(), process };
    expect((await provider.read(state, own)).outs.differences).toEqual([]);
    expect([...process.brokenRegistries]).toEqual([registry.mirrorBase]);
    const moved = await apply(state, { ...inputs, registry }, own);
    expect([...process.brokenRegistries]).toEqual([]);
    expect((await provider.read(moved, own)).outs.differences).toEqual([]);
    expect([...process.brokenRegistries]).toEqual([]);
});

test("its garbage is collected with the configuration of the instance for pushes, while both run", async () => {
    const { accounts } = await apply(undefined, inputs);
    const { pushHost = "" } = inputs.registry;
    await push(pushHost, accounts.importer, "first");
    const blobs = () =>
        readdirSync(join(inputs.directory, "storage/docker/registry/v2/blobs"), { recursive: true }).filter((path) =>
            String(path).endsWith("/data"),
        ).length;
    // Those of the checks were deleted, which frees nothing by itself.
    const before = blobs();
    execFileSync("registry", ["garbage-collect", join(host.root, `${PUSH}.json`)], { stdio: "pipe" });
    expect(blobs()).toBeLessThan(before);
    expect(await isPulled(accounts.puller, "first")).toBe(true);
    await push(pushHost, accounts.importer, "second");
    expect(await isPulled(accounts.puller, "second")).toBe(true);
});

test("what somebody changes on the host is found, and changed back", async () => {
    const state = await apply(undefined, inputs);
    writeFileSync(join(inputs.directory, "config/pull.yml"), "{}");
    rmSync(join(inputs.directory, "accounts/push/htpasswd"));
    await host.kill(PUSH);
    Object.assign(host.state, { tables: { [TABLE]: "flushed" }, enabled: [`${PUSH}.service`] });
    const found = await provider.read(state, operationContext());
    expect(found.outs.differences).toEqual([
        `${inputs.directory}/config/pull.yml was changed`,
        `${inputs.directory}/accounts/push/htpasswd does not exist`,
        "registry-passthrough-firewall.service does not start at the next boot",
        `${PULL}.service does not start at the next boot`,
        `${PUSH}.service is inactive`,
        "the rules for who reaches the registry were changed",
    ]);
    expect(provider.compare(found.outs, inputs).changes).toBe(true);
    const mended = await apply(found.outs, inputs);
    expect(await differences(mended)).toEqual([]);
    // As after an upgrade of this program, whose units are others.
    const unit = join(host.root, `etc/systemd/system/${PULL}.service`);
    writeFileSync(unit, "[Unit]\n");
    const path = `/etc/systemd/system/${PULL}.service`;
    const { installed } = mended;
    if (installed === undefined) throw new Error("it is set up");
    const withUnits = (units: Readonly<Record<string, string>> | undefined) =>
        differences({ ...mended, installed: { ...installed, units } });
    expect(await withUnits(installed.units)).toEqual([`${path} was changed`]);
    const written = createHash("sha256").update("[Unit]\n").digest("hex");
    expect(await withUnits({ ...installed.units, [path]: written })).toEqual([
        `${path} is the one of another version of the program`,
    ]);
    expect(await withUnits(undefined)).toEqual([`${path} is another one than this version of the program writes`]);
});

test("everything that the host lacks is said at once, in the preview, and nothing is written", async () => {
    const [pull = 0, push = 0] = [inputs.registry.mirrorBase, inputs.registry.pushHost ?? ""].map((text) =>
        Number(/:(\d+)/.exec(text)?.[1]),
    );
    Object.assign(host.state, { version: "3.4.2" });
    host.program("ss", `echo 'LISTEN 0 4096 *:${push} *:* users:(("nginx",pid=7,fd=4))'`);
    host.program("date", "echo 1000");
    host.program("df", 'echo header; echo "/dev/sda1 10 9 1024 90% /"');
    host.program("findmnt", `echo ${host.root}`);
    host.program("getenforce", "echo Enforcing");
    host.program("free", 'echo "Mem: 4000000000 0 0 0 0 1000000"');
    host.program("getent", "exit 2");
    rmSync(join(host.root, "run/systemd"), { recursive: true });
    const checked = provider.describeChanges?.({}, inputs, operationContext());
    await expect(checked).rejects.toMatchObject({ code: "HOST_NOT_READY" });
    const names = await checked?.catch((error: { problems: { name: string; problem: { problem: string } }[] }) =>
        error.problems.map(({ name, problem: { problem } }) => `${name}: ${problem}`),
    );
    expect(names).toEqual([
        "systemd: it does not run",
        "podman: its version 3.4.2 is too old",
        "SELinux: it enforces, without a policy for containers",
        `${inputs.directory}: the disk for ${host.root} is not mounted`,
        `disk of ${inputs.directory} (mounted at /): 1.05 MB, and 2.15 GB are needed`,
        "memory: 1.00 MB, and 268 MB are needed",
        "localhost: the host does not resolve it",
        `port ${push}: nginx (process 7) listens there`,
        expect.stringMatching(/^clock: it is \d+ days behind that of this machine$/),
    ]);
    expect(pull).toBeGreaterThan(0);
    expect(existsSync(inputs.directory)).toBe(false);
});

test("a name that leads to a load balancer or through NAT is said, and refuses nothing", async () => {
    host.program("getent", 'echo "192.0.2.7 STREAM localhost"');
    const lines: string[] = [];
    await provider.describeChanges?.({}, inputs, operationContext(lines));
    expect(lines).toEqual([
        expect.stringMatching(
            /^operator@127\.0\.0\.1.*: localhost: the host resolves it to 192\.0\.2\.7, which is no address of the host \(127/,
        ),
        expect.stringMatching(
            /^127\.0\.0\.1: the content comes into \/.*\/registry, on the file system that is mounted at \/.*, with .* free$/,
        ),
    ]);
});

test("a host that cannot be reached is not one without the registry; another machine, directory or owner is refused", async () => {
    const state = await apply(undefined, inputs);
    const lines: string[] = [];
    const gone = { ...state, host: { ...state.host, port: await freePort() } };
    expect((await provider.read(gone, operationContext(lines))).outs).toEqual(gone);
    expect(lines[0]).toMatch(/could not be looked at, the registry on it counts as it was last seen: HOST_UNREACHABLE/);
    await expect(provider.remove(gone, operationContext())).rejects.toMatchObject({ code: "HOST_UNREACHABLE" });

    await expect(apply(state, { ...inputs, directory: "/srv/other" })).rejects.toMatchObject({
        code: "CONFIG_INVALID",
        thing: "site.registry.deploy.host.directory",
    });
    await expect(provider.create({ ...inputs, owner: "project/other" }, operationContext())).rejects.toMatchObject({
        code: "HOST_IN_USE",
        problem: expect.stringContaining(inputs.directory) as string,
    });
    expect(readFileSync(join(inputs.directory, "owner"), "utf8")).toBe(`${OWNER}\n`);
    writeFileSync(join(host.root, "etc/machine-id"), `${"f".repeat(32)}\n`);
    renameSync(inputs.directory, `${inputs.directory}-elsewhere`);
    await expect(apply(state, { ...inputs, rotate: "1" })).rejects.toMatchObject({ code: "HOST_DIFFERENT" });
    expect(existsSync(inputs.directory)).toBe(false);
});

test("an archive that is no image, and an image that cannot be pulled, fail before anything that runs is touched", async () => {
    const state = await apply(undefined, inputs);
    writeFileSync(archive, "no image");
    await expect(apply(state, inputs)).rejects.toThrow(/cannot be loaded: Error: payload does not match/);
    const reference = `bastion.example/distribution@sha256:${"0".repeat(64)}`;
    await expect(apply(state, { ...inputs, image: { reference } })).rejects.toThrow(
        /cannot be pulled: .*no route to host/,
    );
    expect(host.state.starts).toEqual([PULL, PUSH]);
});

/** State as the engine has it after an update that failed. */
async function failed(state: RegistryHostOutputs | undefined, news: RegistryHostInputs): Promise<RegistryHostOutputs> {
    const failure: unknown = await apply(state, news).catch((error: unknown) => error);
    if (!(failure instanceof PartialState)) throw failure;
    return JSON.parse(JSON.stringify(failure.known)) as RegistryHostOutputs;
}

test("an update that failed is one to be done, also after a refresh that finds the former registry in order", async () => {
    const state = await apply(undefined, inputs);
    writeFileSync(archive, "no image");
    const partial = await failed(state, inputs);
    imageArchive("2");
    const refreshed = (await provider.read(partial, operationContext())).outs;
    expect(refreshed.differences).toEqual(["it was not completed"]);
    const updated = await apply(refreshed, inputs);
    expect(updated.installed?.imageId).toBe("2".repeat(64));
    expect(await differences(updated)).toEqual([]);
});

test("a push that fails ends the first up, which keeps the image that was brought; it is a warning for a registry that runs", async () => {
    const doctor = join(inputs.directory, "storage/docker/registry/v2/repositories/mirror/registry-passthrough/doctor");
    const spoilPushes = () => {
        rmSync(doctor, { recursive: true, force: true });
        mkdirSync(dirname(doctor), { recursive: true });
        writeFileSync(doctor, "");
    };
    spoilPushes();
    writeFileSync(join(inputs.directory, "owner"), `${OWNER}\n`);
    const partial = await failed(undefined, inputs);
    expect(partial).toMatchObject({ brought: { imageId: "1".repeat(64) }, differences: ["it was not completed"] });
    rmSync(archive);
    await expect(apply(partial, inputs)).rejects.toThrow(/it is up, and no image can be pushed to it/);
    rmSync(doctor);
    const state = await apply(partial, inputs);
    expect(state.installed?.imageId).toBe("1".repeat(64));
    expect(state).not.toHaveProperty("brought");

    spoilPushes();
    const lines: string[] = [];
    const { certificate: chain, key } = await issue();
    const renewed = await apply(state, { ...inputs, chain, key }, operationContext(lines));
    expect(lines).toEqual([expect.stringMatching(/it is up, and no image can be pushed to it/)]);
    expect(await differences(renewed)).toEqual([]);
    expect(host.state.starts).toEqual([PULL, PUSH, PULL, PUSH]);
});

test("rules of networkAccess that somebody has loaded stay through every change and the removal", async () => {
    const theirs = { "inet registry_passthrough": "table inet registry_passthrough {}" };
    Object.assign(host.state, { tables: theirs });
    const open = await apply(undefined, { ...inputs, allowedFrom: [] });
    expect(host.state.tables).toEqual(theirs);
    const closed = await apply(open, inputs);
    expect(host.state.tables).toEqual({ ...theirs, [TABLE]: expect.any(String) as string });
    // No instance starts again for other rules alone, though both require their unit.
    const { starts } = host.state;
    const other = await apply(closed, { ...inputs, allowedFrom: ["127.0.0.0/8", "10.9.0.0/16"] });
    expect(host.state.tables[TABLE]).toContain("10.9.0.0/16");
    expect(host.state.starts).toEqual(starts);
    await provider.remove(other, operationContext());
    expect(host.state.tables).toEqual(theirs);
});

test("a deletion of the content that was ended is finished by the next one, and leaves a file system's own folder", async () => {
    const state = await apply(undefined, { ...inputs, deleteContent: true });
    mkdirSync(join(inputs.directory, "lost+found"));
    host.program("rm", 'case "$*" in *storage*) echo "Device or resource busy" >&2; exit 1;; esac; exec /bin/rm "$@"');
    await expect(provider.remove(state, operationContext())).rejects.toThrow(/cannot be removed: .*busy/);
    expect(host.state).toEqual({ ...host.state, containers: {}, active: [], tables: {} });
    expect(readFileSync(join(inputs.directory, "owner"), "utf8")).toBe(`${OWNER}\n`);
    host.program("rm", 'exec /bin/rm "$@"');
    await provider.remove(state, operationContext());
    expect(readdirSync(inputs.directory)).toEqual(["lost+found"]);
    // As on a file system that was just made.
    await apply(undefined, inputs);
});

test("the removal leaves another stack's registry alone, also where the own directory is gone", async () => {
    const state = await apply(undefined, inputs);
    rmSync(inputs.directory, { recursive: true });
    const unit = join(host.root, `etc/systemd/system/${PUSH}.service`);
    writeFileSync(unit, readFileSync(unit, "utf8").replace(OWNER, "project/other"));
    const lines: string[] = [];
    await provider.remove(state, operationContext(lines));
    expect(lines.join("\n")).toMatch(/registry-passthrough-push\.service: not of this stack any more/);
    const tables = { [TABLE]: expect.any(String) as string };
    expect(host.state).toMatchObject({ containers: { [PULL]: {}, [PUSH]: {} }, tables });
});

test("a registry that ends soon after podman has started it did not start", async () => {
    const pid = `$(cat ${join(host.root, `${PULL}.pid`)})`;
    host.program("sleep", `pid=${pid}; kill -9 $pid 2>/dev/null; while kill -0 $pid 2>/dev/null; do :; done; exit 0`);
    await expect(apply(undefined, inputs)).rejects.toThrow(
        /the instance for pulls does not start: registry: the words of the journal/,
    );
});
