import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ImageImportInputs } from "../../dynamic-providers/image-import/kind";
import { imageImportProvider } from "../../dynamic-providers/image-import/provider";
import { describeArchive, openArchive } from "../../lib/archives";
import { formatImages } from "../../lib/import";
import { lockDigest, writeLock } from "../../lib/lock";
import { makeFolder, ocMirrorEntries, tar, testImage } from "../support/archives";
import { CountingProxy } from "../support/counting-proxy";
import { operationContext } from "../support/operation-context";
import { RegistryProcess } from "../support/registry-process";
import { SshServer } from "../support/ssh-server";

jest.setTimeout(300_000);

const ACCOUNT = { username: "importer", password: "a password of the test" };
/** The user's home directory on the host. */
const home = mkdtempSync(join(tmpdir(), "home of a host "));
let registry: RegistryProcess;
let proxy: CountingProxy;
let host: SshServer;
let folder: string;
let inputs: ImageImportInputs;

beforeEach(async () => {
    registry = await RegistryProcess.start({ account: ACCOUNT });
    proxy = await CountingProxy.start(registry.port);
    host = await SshServer.start({ env: { PATH: process.env["PATH"], HOME: home } });
    const tags = Array.from({ length: 6 }, (_, index) => {
        return {
            repository: `org/app${index}`,
            tag: "1",
            image: testImage(`app${index}`, { layers: [randomBytes(9000)] }),
        };
    });
    const imageSet = tags.map(({ repository }) => `quay.io/${repository}:1`);
    ({ path: folder } = await makeFolder([["mirror_000001.tar", tar(ocMirrorEntries({ tags, imageSet }))]]));
    const archive = join(folder, "mirror_000001.tar");
    const opened = await openArchive(archive);
    const { lock } = await describeArchive(opened, []);
    await opened.close();
    await writeLock(join(folder, "set.lock.json"), lock);
    const { privateKey, ...connection } = host.connection;
    writeFileSync(join(folder, "key"), privateKey, { mode: 0o600 });
    inputs = {
        ...{ selfUrn: "urn", archive: [archive], lock: join(folder, "set.lock.json"), lockDigest: lockDigest(lock) },
        ...{ images: formatImages(lock.images), sparse: [], concurrency: 2, credentials: ACCOUNT, account: "importer" },
        registry: { type: "distribution", mirrorBase: `${proxy.host}/mirror`, plainHttp: true, retrySeconds: 5 },
        place: { ...connection, privateKeyFile: join(folder, "key"), owner: "project/stack" },
    };
});

afterEach(async () => {
    await host.stop();
    await proxy.stop();
    await registry.stop();
    rmSync(folder, { recursive: true, force: true });
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const importers = () =>
    readdirSync(join(home, ".cache/registry-passthrough")).filter((name) => /^importer-/.test(name));
const uploads = () =>
    registry.writes().filter(({ method, path }) => method === "PUT" && path.includes("/blobs/")).length;

test("the importer runs on the host, copied there once, with an account that no command shows", async () => {
    const lines: string[] = [];
    const { outs } = await imageImportProvider.create(inputs, operationContext(lines));
    expect(outs).toMatchObject({ images: inputs.images, incomplete: [] });
    expect(lines.join("\n")).toMatch(/imported 6 images; \S+ kB sent in 12 blobs/);
    expect(importers()).toHaveLength(1);
    const copies = () => host.commands.filter((command) => command.includes("tar -x")).length;
    const before = copies();
    // Another set with the same version.
    await imageImportProvider.create(
        { ...inputs, registry: { ...inputs.registry, mirrorBase: `${proxy.host}/other` } },
        operationContext(),
    );
    expect(copies()).toBe(before);
    expect(host.commands.join("\n")).not.toContain(ACCOUNT.password);
    expect(lines.join("\n")).not.toContain(ACCOUNT.password);
    const left = readdirSync(join(home, ".cache/registry-passthrough"), { recursive: true, encoding: "utf8" });
    for (const name of left.filter((one) => one.endsWith(".json") && one.startsWith("request-")))
        expect(readFileSync(join(home, ".cache/registry-passthrough", name), "utf8")).not.toContain(ACCOUNT.password);
});

test("the importer ends with the connection, and the next run sends what is missing", async () => {
    let isCut = false;
    proxy.detour = () => {
        if (!isCut && uploads() >= 3) {
            isCut = true;
            host.disconnect();
        }
        return undefined;
    };
    await expect(imageImportProvider.create(inputs, operationContext())).rejects.toMatchObject({
        code: "HOST_CONNECTION_LOST",
    });
    const requests = readdirSync(join(home, ".cache/registry-passthrough")).filter((name) => /^request-/.test(name));
    const pids = requests.map((name) =>
        readFileSync(join(home, ".cache/registry-passthrough", name, "pid"), "utf8").trim(),
    );
    while (pids.some((pid) => existsSync(`/proc/${pid}/exe`))) await new Promise((resolve) => setImmediate(resolve));
    const sent = uploads();
    expect(sent).toBeLessThan(12);
    await imageImportProvider.create(inputs, operationContext());
    expect(uploads()).toBe(12);
});

test("what keeps it from running is said with the host and what to do", async () => {
    const other = join(folder, "elsewhere.tar");
    await expect(imageImportProvider.create({ ...inputs, archive: [other] }, operationContext())).rejects.toThrow(
        /ARCHIVE_NOT_FOUND in archive [^ ]*elsewhere\.tar \(the import on 127\.0\.0\.1\)/,
    );
    expect(uploads()).toBe(0);
});
