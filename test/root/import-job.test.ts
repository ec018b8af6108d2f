import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { type Server, type Socket, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ImageImportInputs } from "../../dynamic-providers/image-import/kind";
import { imageImportProvider } from "../../dynamic-providers/image-import/provider";
import { describeArchive, openArchive } from "../../lib/archives";
import { formatImages, toImageMap } from "../../lib/import";
import { lockDigest, writeLock } from "../../lib/lock";
import { type ApiServer, startApiServer } from "../support/api-server";
import { makeFolder, ocMirrorEntries, tar, testImage } from "../support/archives";
import { testAuthority } from "../support/certificates";
import type { ApiObject } from "../support/cluster/api-client";
import { BRIDGE, NODE, RealNode } from "../support/node/real-node";
import { operationContext } from "../support/operation-context";
import { RegistryProcess, stored } from "../support/registry-process";

jest.setTimeout(900_000);

/** Of the network of pods: the address of this machine in it. */
const ADDRESS = "10.213.0.1";
const ACCOUNT = { username: "importer", password: "a password" };
const NAMESPACE = "transfer";
const CLASS = "by-hand";
const MIB = 1024 * 1024;

/** Pods reach the registry through it. It can be held up in the middle of what a pod sends. */
class Relay {
    private readonly sockets = new Set<Socket>();
    private passed = 0;
    private limit = Infinity;
    private reached = (): void => undefined;

    private constructor(private readonly server: Server) {}

    static async start(port: number): Promise<Relay> {
        const relay: Relay = new Relay(
            createServer((incoming) => {
                const outgoing = connect(port, "127.0.0.1");
                for (const socket of [incoming, outgoing]) relay.take(socket);
                incoming.on("data", (bytes: Buffer) => relay.pass(bytes.length, incoming.remoteAddress));
                incoming.pipe(outgoing).pipe(incoming);
            }),
        );
        relay.server.listen(port, ADDRESS);
        await once(relay.server, "listening");
        return relay;
    }

    /** Resolves when pods have sent so many bytes; nothing of them passes any more until `release`. */
    holdAfter(bytes: number): Promise<void> {
        this.limit = bytes;
        return new Promise((resolve) => (this.reached = resolve));
    }

    release(): void {
        this.limit = Infinity;
        for (const socket of this.sockets) socket.resume();
    }

    stop(): void {
        for (const socket of this.sockets) socket.destroy();
        this.server.close();
    }

    private take(socket: Socket): void {
        this.sockets.add(socket);
        socket.on("error", () => undefined).on("close", () => this.sockets.delete(socket));
    }

    private pass(bytes: number, from = ""): void {
        if (from === ADDRESS) return;
        this.passed += bytes;
        if (this.passed < this.limit) return;
        for (const socket of this.sockets) if (socket.remoteAddress === from) socket.pause();
        this.reached();
    }
}

let registry: RegistryProcess;
let relay: Relay;
let server: ApiServer;
let node: RealNode;
let ca: string;
const volume = mkdtempSync(join(tmpdir(), "volume-"));

beforeAll(async () => {
    execFileSync("ip", ["link", "add", BRIDGE, "type", "bridge"]);
    execFileSync("ip", ["address", "add", `${ADDRESS}/24`, "dev", BRIDGE]);
    execFileSync("ip", ["link", "set", BRIDGE, "up"]);
    const authority = await testAuthority();
    ({ ca } = authority);
    registry = await RegistryProcess.start({ tls: await authority.issue({ names: [ADDRESS] }), account: ACCOUNT });
    relay = await Relay.start(registry.port);
    server = await startApiServer({ collectsGarbage: true });
    const host = `${ADDRESS}:${registry.port}`;
    const hosts = (folder: string) => ({
        [`${host}/hosts.toml`]: `[host."https://${host}"]\n  ca = "${folder}/${host}/ca.crt"\n`,
        [`${host}/ca.crt`]: ca,
    });
    const controllers = ["job-controller", "garbage-collector-controller", "persistentvolume-binder-controller"];
    node = await RealNode.start(server, hosts, {}, controllers);
    await server.admin.patch({ apiVersion: "v1", kind: "Node", metadata: { name: NODE } }, { spec: { taints: null } });
    await createVolume();
});

afterAll(async () => {
    relay.stop();
    await node.stop();
    await server.stop();
    await registry.stop();
    rmSync(volume, { recursive: true, force: true });
});

async function createVolume(): Promise<void> {
    const { admin } = server;
    const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
    await admin.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE, labels } } as never);
    const access = { accessModes: ["ReadWriteOnce"], storageClassName: CLASS };
    await admin.create({
        ...{ apiVersion: "v1", kind: "PersistentVolume", metadata: { name: "archives" } },
        spec: { ...access, capacity: { storage: "1Gi" }, hostPath: { path: volume } },
    } as never);
    await admin.create({
        ...{ apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name: "archives", namespace: NAMESPACE } },
        spec: { ...access, resources: { requests: { storage: "1Gi" } } },
    } as never);
}

/** @returns what the import of an archive on the volume needs */
async function archiveOnVolume(): Promise<Pick<ImageImportInputs, "archive" | "lock" | "lockDigest" | "images">> {
    const shared = randomBytes(3 * MIB);
    const tags = Array.from({ length: 6 }, (_, index) => {
        const image = testImage(`app${index}`, { layers: [shared, randomBytes(2 * MIB + 1000 * index)] });
        return { repository: `org/app${index}`, tag: "1", image };
    });
    const imageSet = tags.map(({ repository }) => `quay.io/${repository}:1`);
    const { path } = await makeFolder([["mirror_000001.tar", tar(ocMirrorEntries({ tags, imageSet }))]]);
    const opened = await openArchive(path);
    const { lock } = await describeArchive(opened, []);
    await opened.close();
    const file = join(volume, "set.lock.json");
    await writeLock(file, lock);
    execFileSync("mv", [join(path, "mirror_000001.tar"), volume]);
    for (const one of [volume, join(volume, "mirror_000001.tar")]) chmodSync(one, 0o755);
    renameSync(file, join(tmpdir(), "set.lock.json"));
    rmSync(path, { recursive: true });
    return {
        ...{ archive: ["/mirror_000001.tar"], lock: join(tmpdir(), "set.lock.json") },
        ...{ lockDigest: lockDigest(lock), images: formatImages(lock.images) },
    };
}

function pods(): Promise<ApiObject[]> {
    return server.admin.list<ApiObject>({ apiVersion: "v1", kind: "Pod" }, NAMESPACE);
}

test("three pods import an archive of a volume, each blob once, also if one of them is killed in the middle", async () => {
    const set = await archiveOnVolume();
    const lines: string[] = [];
    const context = operationContext(lines);
    const inputs: ImageImportInputs = {
        ...{ selfUrn: "urn", ...set, sparse: [], concurrency: 6, credentials: ACCOUNT, account: "importer" },
        registry: { type: "distribution", mirrorBase: `${ADDRESS}:${registry.port}/mirror`, ca, retrySeconds: 30 },
        place: {
            cluster: "",
            owner: "project/stack",
            namespace: NAMESPACE,
            claim: "archives",
            shards: 3,
            runAsUser: 1000,
        },
        ...{ kubeconfig: server.kubeconfig, puller: ACCOUNT },
    };
    const held = relay.holdAfter(4 * MIB);
    const running = imageImportProvider.create(inputs, context);
    await Promise.race([held, running]);
    const killed = (await pods()).find(({ status }) => status?.["phase"] === "Running");
    const [container] = (killed?.status?.["containerStatuses"] ?? []) as { containerID: string }[];
    node.killContainer(container?.containerID ?? "");
    relay.release();

    const { outs } = await running;
    expect(outs).toMatchObject({ images: set.images, incomplete: [] });
    // What the killed pod had sent is in no report.
    expect(lines.join("\n")).toMatch(/imported 6 images; \d+\.\d+ MB sent in \d+ blobs/);
    const sent = registry.writes().filter(({ method, status }) => method === "PUT" && status === 201);
    const blobs = sent.map(({ path }) => decodeURIComponent(/digest=([^&]+)/.exec(path)?.[1] ?? path));
    expect(blobs.length).toBe(new Set(blobs).size);
    const [first = ""] = Object.values(toImageMap(set.images));
    expect(stored(registry, first).length).toBeGreaterThan(0);
    // Job, pods and the account are gone.
    expect(await pods()).toEqual([]);
    expect(await server.admin.list({ apiVersion: "batch/v1", kind: "Job" }, NAMESPACE)).toEqual([]);
    expect(await server.admin.list({ apiVersion: "v1", kind: "Secret" }, NAMESPACE)).toEqual([]);
    expect(lines.join("\n")).not.toContain(ACCOUNT.password);
});
